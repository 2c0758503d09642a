"""Runs, newest first, as they change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any

from console.actions import Scope, Subject
from console.answers import Run
from console.client import Client
from console.i18n import _, ngettext
from console.presenters.durations import number
from console.presenters.lists import runs_table
from console.presenters.results import short_id
from console.presenters.text import Span, Table, Tone, line
from console.tui.link import Changed
from console.tui.navigation import Place
from console.tui.views.listing import ListView
from console.tui.widgets.dialogs import Question

_PAGE = 500
_BAD_STATES = ("failed", "timed_out", "abnormal", "abandoned", "rejected", "rollback_failed")


class RunsView(ListView):
    """The list of runs; its filter's fields are those of the API."""

    SCOPE = Scope.RUNS
    FIELDS = ("state", "since", "by", "origin", "host", "nested", "parent")
    EMPTY = staticmethod(
        lambda: (
            _("no run yet"),
            _("press 3 to launch one, or type `jobdeck run --on TARGETS COMMAND` in a shell"),
        )
    )
    _limit = _PAGE

    async def load(self) -> None:
        limit, query = self._limit, self._query()
        runs = await self.deck.link.ask(lambda client: client.runs(query, limit=limit))
        self.show_items(runs, lambda run: run.id, more=len(runs) == limit)

    def _query(self) -> dict[str, Any]:
        """What the engine is asked for; `by:me` is who sits here."""
        names = {"by": "actor"}
        query: dict[str, Any] = {}
        for name, values in self.wanted.fields.items():
            given = [self.deck.actor if name == "by" and each == "me" else each for each in values]
            query[names.get(name, name)] = given if name == "state" else given[-1]
        return {"nested": "false", **query}

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns("run")

    def more_wanted(self) -> None:
        self._limit += _PAGE
        self.reload()

    def present(self, items: Sequence[Run]) -> Table:
        return runs_table(items, self.deck.clock.now())

    def title(self) -> str:
        return _("runs")

    def subject(self) -> Subject:
        chosen: list[Run] = self.grid.chosen
        states = {run.state for run in chosen}
        live = all(run.finished_at is None for run in chosen)
        return Subject(
            kind="run",
            names=tuple(run.id for run in chosen),
            state=states.pop() if len(states) == 1 else "",
            allowed=frozenset({"stop"}) if live else frozenset(),
        )

    def open_item(self, item: Run) -> None:
        self.deck.go(Place("run", short_id(item.id)))

    def cli(self) -> str:
        flags = [f"--{name} {','.join(values)}" for name, values in self.wanted.fields.items()]
        return " ".join(["jobdeck runs list", *flags])

    def api(self) -> str:
        return "/runs"

    # ------------------------------------------------------------------ actions

    def do_faults(self) -> None:
        """Only what failed, or everything again."""
        text = "" if "state:" in self.wanted.text else f"state:{','.join(_BAD_STATES)}"
        self.filter(text, done=True)

    def do_nested(self) -> None:
        has = "nested" in self.wanted.fields
        rest = " ".join(w for w in self.wanted.text.split() if not w.startswith("nested:"))
        self.filter(rest if has else f"nested:true {rest}".strip(), done=True)

    def do_output(self) -> None:
        self.deck.go(Place("output", short_id(self.subject().name)))

    def do_compare(self) -> None:
        first, second = (short_id(name) for name in self.subject().names)
        self.deck.go(Place("comparison", f"{first} {second}"))

    async def do_stop(self) -> None:
        chosen: list[Run] = self.grid.chosen
        deed = ngettext("stop {count} run", "stop {count} runs", len(chosen)).format(
            count=number(len(chosen))
        )
        told = [line(Span(short_id(r.id), Tone.STRONG), f"  {r.title}") for r in islice(chosen, 12)]
        told.append(line(_("What goes on is ended on its hosts; nothing more is started.")))
        if await self.deck.question(Question(deed, told)) is None:
            return
        for run in chosen:
            await self.deck.link.act(partial(Client.act, run_id=run.id, action="stop"))
        self.deck.say(_("asked: {deed}").format(deed=deed), Tone.GOOD)
        self.reload()

    async def do_note(self) -> None:
        chosen: list[Run] = self.grid.chosen
        deed = ngettext("note on {count} run", "note on {count} runs", len(chosen)).format(
            count=number(len(chosen))
        )
        text = await self.deck.question(Question(deed, [], prompt=_("the note"), must=True))
        if text is None:
            return
        for run in chosen:
            await self.deck.link.act(partial(Client.add_note, run_id=run.id, text=text))
        self.reload()

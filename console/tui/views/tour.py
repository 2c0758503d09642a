"""The first-time tour: a host, a command, its output; each step is one enter."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any

from textual.app import ComposeResult

from console.actions import Scope, Subject
from console.answers import Run
from console.client import Client
from console.i18n import _
from console.presenters.results import short_id
from console.presenters.text import Line, Table, line
from console.presenters.tour import (
    COMMAND,
    HOST,
    Standing,
    Step,
    step_lines,
    steps,
    steps_table,
    welcome_lines,
)
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.detailed import DetailedListView
from console.tui.widgets.dialogs import Question, Text

_PRINTED = 8
"""Lines of output that the tour itself shows."""


class TourView(DetailedListView):
    """How far one is follows from the engine: a step that is done anywhere is done here."""

    SCOPE = Scope.TOUR
    WITHOUT = frozenset({"list.filter", "list.mark", "list.mark_all"})
    HELP = "running"
    DEFAULT_CSS = """
    TourView > #welcome { padding: 1 2 0 2; }
    TourView > Grid { height: 5; }
    TourView > #detail { max-height: 60%; border-top: none; padding: 1 2; }
    """

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self._run_id: str = memory.more.get("run", "")
        self._has_looked: bool = memory.more.get("looked", False)
        self._at = Standing()

    def compose(self) -> ComposeResult:
        yield Text(welcome_lines(), id="welcome")
        yield from super().compose()

    async def load(self) -> None:
        run_id = self._run_id

        def ask(client: Client) -> Standing:
            hosts = client.documents("host")
            local = (each.name for each in hosts if each.spec.get("protocol") == "local")
            run = client.run(run_id) if run_id else None
            return Standing(
                host=next(local, ""),
                run=run,
                printed=_first_lines(client, run) if run else (),
                has_looked=self._has_looked,
            )

        self._at = await self.deck.link.ask(ask)
        found = steps(self._at)
        self.show_items(found, lambda step: step.id)
        self.grid.move_to(next((at for at, step in enumerate(found) if step.is_now), 2))

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns("document", subject=self._run_id)

    def present(self, items: Sequence[Step]) -> Table:
        return steps_table(items)

    def detail(self, item: Step) -> Sequence[Line | Table]:
        return step_lines(item, self._at)

    def title(self) -> str:
        return _("tour")

    def said(self) -> Line:
        return ()

    def subject(self) -> Subject:
        return Subject(kind="step", names=tuple(step.id for step in self.grid.chosen))

    def recollection(self) -> Memory:
        more: dict[str, Any] = {"run": self._run_id, "looked": self._has_looked}
        return Memory(more=more)

    # ------------------------------------------------------------------ the steps

    def open_item(self, item: Step) -> None:
        if not item.is_now:
            said = _("this step is done") if item.is_done else _("the marked step comes first")
            self.deck.say(said)
            return
        deeds = {"host": self._define_host, "run": self._run_command, "output": self._look}
        self.run_worker(self._guarded(deeds[item.id]()), exit_on_error=False)

    async def _define_host(self) -> None:
        body = {"kind": "host", "name": HOST, "labels": {}, "spec": {"protocol": "local"}}
        await self.deck.link.act(partial(Client.apply, documents=[body], dry_run=False))
        self.reload()

    async def _run_command(self) -> None:
        told = [line(_("It runs on {host}, as you.").format(host=self._at.host))]
        asked = Question(_("run this command"), told, prompt=COMMAND)
        typed = await self.deck.question(asked)
        if typed is None:
            return
        step = {"kind": "command", "name": "command", "command": typed or COMMAND}
        request = {"step": step, "hosts": [self._at.host]}
        start = partial(Client.start, request=request, key=secrets.token_hex(16))
        self._run_id = (await self.deck.link.act(start)).id
        self.reload()

    async def _look(self) -> None:
        self._has_looked = True
        self.deck.prefer(toured=True)
        self.deck.obey(f"output {short_id(self._run_id)}")

    def do_skip(self) -> None:
        self.deck.prefer(toured=True)
        self.deck.go(Place("pulse"), below=False)


def _first_lines(client: Client, run: Run) -> Sequence[str]:
    """The beginning of what the one host has printed so far."""
    pieces = client.output(run.id, {"ordinal": 0})
    text = "".join(piece.text or "" for piece in islice(pieces, _PRINTED))
    return text.splitlines()[:_PRINTED]

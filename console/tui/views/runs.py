"""Runs, newest first, as they change."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from console.actions import Scope, Subject
from console.answers import Page, Run
from console.client import Client
from console.i18n import _, ngettext
from console.presenters import acting
from console.presenters.durations import number
from console.presenters.lists import runs_table
from console.presenters.results import short_id
from console.presenters.text import Line, Span, Table, Tone, line
from console.tui.asking import NotConfirmed, insist
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.paging import Pages
from console.tui.views.listing import ListView
from console.tui.widgets.dialogs import Question
from console.tui.widgets.grid import Grid
from core.errors import EngineUnreachable, OpsError

_PAGE = 500
_TOP = 100
"""Of the newest runs, so many are asked for when some have started."""
_MOST_ASKED = 500
"""Runs that are asked for again because they changed; more than that, and the list begins anew."""
_TOLD = 12
"""Runs that a question names."""
_BAD_STATES = (
    "failed", "partially_succeeded", "timed_out", "abnormal", "abandoned", "rejected",
    "rollback_failed",
)  # fmt: skip
_RETRIABLE = frozenset({"failed", "partially_succeeded", "timed_out", "stopped", "abnormal"})
_FIELDS = {"by": "actor", "text": "q"}
"""Fields of the filter that the API calls otherwise."""

_FLAGS = {
    "state": "--state", "since": "--since", "actor": "--by", "origin": "--job", "host": "--host",
    "q": "", "environment": "--environment", "noted": "--noted", "nested": "--nested",
    "parent": "--of",
}  # fmt: skip
"""Fields of the API -> flags of `jobdeck runs list`; words to look for have none."""


class RunsView(ListView):
    """The list of runs; its filter's fields are those of the API."""

    SCOPE = Scope.RUNS
    FIELDS = (
        "state", "since", "by", "origin", "host", "text", "environment", "noted", "nested",
        "parent",
    )  # fmt: skip
    EMPTY = staticmethod(
        lambda: (
            _("no run yet"),
            _("press 3 to launch one, or type `jobdeck run --on TARGETS COMMAND` in a shell"),
        )
    )

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self._pages = Pages[Run](_key)
        self._asked: Mapping[str, Any] = {}
        """What the pages were asked for with."""
        self._changed: set[str] = set()
        """Ids of runs of which something has happened since the last load."""
        self._is_anew = True
        self._turning = asyncio.Lock()
        """Held while a page comes, or changes are taken in."""
        self._labels: Mapping[str, Mapping[str, str]] = {}

    # ------------------------------------------------------------------ loading

    async def load(self) -> None:
        """The first page; later only what is new on top, and what has changed of what is here."""
        async with self._turning:
            query, changed = self._query(), self._changed
            self._changed = set()
            if self.wanted.labels and not self._labels:
                self._labels = await self.deck.link.ask(_labels_of_work)
            is_new = self._is_anew or query != self._asked or len(changed) > _MOST_ASKED
            if is_new or not await self._take_in(query, changed):
                await self._begin(query)
        self._show()

    async def _begin(self, query: Mapping[str, Any]) -> None:
        page = await self._page(query, None, _PAGE)
        self._pages, self._asked, self._is_anew = Pages(_key), query, False
        self._pages.put(0, page.items, page.next_cursor, keep_all=True)

    async def _take_in(self, query: Mapping[str, Any], changed: set[str]) -> bool:
        """What is new and what has changed; False where the list is to begin anew."""
        here = {run.id for run in self._pages.items}
        known = sorted(changed & here)
        if known:
            page = await self._page({**query, "id": known}, None, _MOST_ASKED)
            self._pages.exchange(known, {run.id: run for run in page.items})
        if changed <= here or self._pages.has_before:
            return True
        newest = await self._page(query, None, _TOP)
        return self._pages.on_top(newest.items)

    async def _page(self, query: Mapping[str, Any], cursor: str | None, limit: int) -> Page[Run]:
        return await self.deck.link.ask(lambda client: client.runs_page(query, cursor, limit))

    def _show(self) -> None:
        pages = self._pages
        self.show_items(pages.items, _key, more=pages.has_more, before=pages.has_before)

    def more_wanted(self) -> None:
        self.run_worker(self._turn(1), exit_on_error=False)

    def on_grid_near_start(self, event: Grid.NearStart) -> None:
        event.stop()
        self.run_worker(self._turn(-1), exit_on_error=False)

    async def _turn(self, by: int) -> None:
        """Take in the page after those that are here, or the one before them."""
        if self._turning.locked():
            return  # what comes shows the list, which then asks again
        async with self._turning:
            pages = self._pages
            if not (pages.has_more if by > 0 else pages.has_before) or pages.is_empty:
                return
            if pages.is_full and self.is_narrowed:
                return  # what was found must not be dropped; `text:` has the engine look further
            at = pages.high + 1 if by > 0 else pages.low - 1
            try:
                page = await self._page(self._asked, pages.cursor_of(at), _PAGE)
                found, following = list(page.items), page.next_cursor
                while at == 0 and by < 0 and following is not None:
                    # Runs that have started since the page was here last stand before it now.
                    if pages.reaches(found):
                        break
                    page = await self._page(self._asked, following, _PAGE)
                    found, following = [*found, *page.items], page.next_cursor
            except OpsError as error:
                self.deck.complain(error)
                return
            pages.put(at, found, following, keep_all=bool(self.grid.marked))
        self._show()

    def _query(self) -> dict[str, Any]:
        """What the engine is asked for; `by:me` is who sits here."""
        query: dict[str, Any] = {}
        for name, values in self.wanted.fields.items():
            given = [self.deck.actor if name == "by" and each == "me" else each for each in values]
            query[_FIELDS.get(name, name)] = given if name == "state" else given[-1]
        # A search for words reads an index that knows no parents.
        nested = {} if {"q", "parent"} & query.keys() else {"nested": "false"}
        return {**nested, **query}

    def concerns(self, changed: Changed) -> bool:
        if changed.everything:
            self._is_anew = True
        if changed.concerns("document"):
            self._labels = {}
        if not changed.concerns("run"):
            return False
        self._changed |= changed.subjects
        return True

    # ------------------------------------------------------------------ as a list

    def present(self, items: Sequence[Run]) -> Table:
        return runs_table(items, self.deck.clock.now())

    def labels_of(self, item: Run) -> Mapping[str, str]:
        """Those of the job or the flow that it is a run of."""
        return self._labels.get(item.origin.rpartition("@")[0], {})

    def filter(self, text: str, *, done: bool) -> None:
        super().filter(text, done=done)
        if self.wanted.labels and not self._labels:
            self.reload()

    def title(self) -> str:
        return _("runs")

    def subject(self) -> Subject:
        chosen: list[Run] = self.grid.chosen
        states = {run.state for run in chosen}
        allowed = set()
        if chosen and all(run.finished_at is None for run in chosen):
            allowed.add("stop")
        if chosen and states <= _RETRIABLE:
            allowed.add("retry")
        return Subject(
            kind="run",
            names=tuple(run.id for run in chosen),
            state=states.pop() if len(states) == 1 else "",
            allowed=frozenset(allowed),
            environments=frozenset(name for run in chosen for name in run.environments),
        )

    def open_item(self, item: Run) -> None:
        self.deck.go(Place("run", short_id(item.id)))

    def cli(self) -> str:
        words = ["jobdeck runs list"]
        for name, values in self._query().items():
            flag = _FLAGS[name]
            if isinstance(values, list):
                words += [f"{flag} {shlex.quote(value)}" for value in values]
            elif name in ("noted", "nested"):
                words += [flag] if values == "true" else []
            else:
                words.append(f"{flag} {shlex.quote(values)}".strip())
        return " ".join(words)

    def api(self) -> str:
        return f"/runs?{urlencode(self._query(), doseq=True)}"

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

    def do_again(self) -> None:
        self.deck.go(Place("launch", f"again {short_id(self.subject().name)}"))

    def do_compare(self) -> None:
        # The list is newest first; what came first is compared with what came later.
        second, first = (short_id(name) for name in self.subject().names)
        self.deck.go(Place("comparison", f"{first} {second}"))

    async def do_stop(self) -> None:
        count = len(self.grid.chosen)
        text = ngettext("stop {count} run", "stop {count} runs", count)
        await self._ask("stop", text.format(count=number(count)))

    async def do_retry(self) -> None:
        count = len(self.grid.chosen)
        text = ngettext("retry {count} run", "retry {count} runs", count)
        await self._ask("retry", text.format(count=number(count)))

    async def _ask(self, action: str, deed: str) -> None:
        """Ask the same of every chosen run; one that refuses does not keep the others from it."""
        chosen: list[Run] = self.grid.chosen
        told = await self._told(action, chosen)
        reason = await self.deck.question(Question(deed, told, prompt=_("why (for the record)")))
        if reason is None:
            return
        refused: OpsError | None = None
        for run in chosen:
            try:
                await insist(self.deck, f"{deed}: {short_id(run.id)}", *_sent(action, run, reason))
            except NotConfirmed:
                self.deck.say(_("nothing was changed"), Tone.WARNING)
            except EngineUnreachable:
                raise
            except OpsError as error:
                refused = error
        self.deck.say(_("asked: {deed}").format(deed=deed), Tone.GOOD)
        if refused is not None:
            self.deck.complain(refused)
        self._changed |= {run.id for run in chosen}
        self.reload()

    async def _told(self, action: str, chosen: Sequence[Run]) -> list[Line]:
        """What it would do to each of the first runs."""
        told = [line(acting.meaning(action)), line("")]
        for run in chosen[:_TOLD]:
            told.append(line(Span(short_id(run.id), Tone.STRONG), f"  {run.title}"))
            if len(chosen) > _TOLD // 3:
                continue
            try:
                ask = partial(Client.preview_action, run_id=run.id, action=action)
                told += acting.foreseen_lines(action, await self.deck.link.ask(ask))
            except OpsError as error:
                told.append(line(Span(f"  {error.message}", Tone.WARNING)))
        if len(chosen) > _TOLD:
            more = number(len(chosen) - _TOLD)
            told.append(line(Span(_("and {count} more").format(count=more), Tone.QUIET)))
        return told

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
        self._changed |= {run.id for run in chosen}
        self.reload()


def _key(run: Run) -> str:
    return run.id


def _sent(action: str, run: Run, reason: str) -> tuple[Any, Mapping[str, Any]]:
    def send(client: Client, fields: Mapping[str, Any]) -> Run:
        return client.act(run.id, action, **fields)

    return send, {"reason": reason}


def _labels_of_work(client: Client) -> dict[str, Mapping[str, str]]:
    """`job/NAME` and `flow/NAME` -> labels."""
    return {
        f"{kind}/{document.name}": document.labels
        for kind in ("job", "flow")
        for document in client.documents(kind)
    }

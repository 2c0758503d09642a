"""The hosts of a step: what needs a person first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from textual.app import ComposeResult

from console.actions import Scope
from console.answers import Page, Target
from console.client import Client
from console.i18n import _
from console.presenters.results import short_id
from console.presenters.run_hosts import hosts_table, in_order, states_line
from console.presenters.text import Table
from console.tui.navigation import Memory, Place
from console.tui.views.run.panes import GridPane, Seen
from console.tui.widgets.bars import Bar
from console.tui.widgets.grid import Grid
from core.domain.run import GOOD_TARGET_STATES, LIVE_TARGET_STATES, TargetState

_PAGE = 500


class States(Bar):
    """How many hosts are in each state, and which of them are shown."""

    DEFAULT_CSS = "States { padding: 0 2; }"


class HostsPane(GridPane):
    """Hosts in the order of their states, then in the run's own."""

    NAME = "hosts"
    SCOPE = Scope.HOSTS
    FIELDS = ("state", "host")

    def __init__(self) -> None:
        super().__init__()
        self._seen: Seen | None = None
        self._wanted_rows = _PAGE
        self._back = 0
        """Attempts before the newest."""

    def compose(self) -> ComposeResult:
        yield States()
        yield Grid()

    def title(self) -> str:
        return _("hosts")

    def empty(self) -> Sequence[str]:
        return [_("no host of this step has begun"), _("n shows the steps")]

    async def load(self, seen: Seen) -> None:
        is_other = self._seen is not None and self._seen.step != seen.step
        if is_other:
            self._back, self._wanted_rows = 0, _PAGE
        self._seen = seen
        counts = next(
            (s.counts for s in seen.run.steps if (s.step, s.attempt) == self.place), seen.counts
        )
        chosen = self._states()
        self.query_one(States).say(states_line(counts, chosen))
        if not seen.attempt:
            self.show_items([], _key)
            return
        shown = [state for state in in_order(counts) if not chosen or state in chosen]
        found, more = await self._read(seen, shown)
        self.show_items(found, _key, more=more)
        if is_other:
            self.begin_anew()

    async def _read(self, seen: Seen, shown: Sequence[str]) -> tuple[list[Target], bool]:
        """The first rows that are wanted, state by state, and whether there are more."""
        found: list[Target] = []
        hosts = self.wanted.fields.get("host", ())
        step, attempt = self.place
        for states in _sections(shown):
            query = {
                "step": step,
                "attempt": attempt,
                "state": states,
                "host": hosts[-1] if hosts else "",
            }
            cursor = None
            while True:
                if len(found) >= self._wanted_rows:
                    return found, True
                page: Page[Target] = await self.deck.link.ask(
                    partial(_page, run=seen.run.id, query=query, cursor=cursor)
                )
                found += page.items
                cursor = page.next_cursor
                if cursor is None:
                    break
        return found, False

    def _states(self) -> tuple[str, ...]:
        return self.wanted.fields.get("state", ())

    @property
    def place(self) -> tuple[str, int]:
        """Step and attempt that are shown."""
        if self._seen is None:
            return "", 0
        return self._seen.step, max(1, self._seen.attempt - self._back)

    def present(self, items: Sequence[Target]) -> Table:
        return hosts_table(items, self.deck.clock.now())

    def hosts(self) -> tuple[str, ...]:
        return tuple(target.host for target in self.grid.chosen) if self.grid.marked else ()

    def host(self) -> str:
        target: Target | None = self.grid.current
        return target.host if target is not None else ""

    def names(self) -> tuple[str, ...]:
        return tuple(target.host for target in self.grid.chosen)

    def open_item(self, item: Target) -> None:
        if self._seen is not None:
            step, attempt = self.place
            words = [short_id(self._seen.run.id), item.host, f"step:{step}", f"attempt:{attempt}"]
            self.deck.go(Place("output", " ".join(words)))

    def recollection(self) -> Memory:
        kept = super().recollection()
        return Memory(kept.cursor, kept.top, kept.filter, kept.marked, {"rows": self._wanted_rows})

    def recall(self, memory: Memory) -> None:
        super().recall(memory)
        self._wanted_rows = memory.more.get("rows", _PAGE)

    def on_grid_near_end(self, event: Grid.NearEnd) -> None:
        event.stop()
        self._wanted_rows = len(self._narrowing.items) + _PAGE
        self.post_message(self.Wanted())

    # ------------------------------------------------------------------ actions

    def do_faults(self) -> None:
        """Only those that a person should look at, or everything again."""
        self.filter("" if self._states() else f"state:{','.join(_FAULTS)}")

    def do_next_state(self) -> None:
        """One state after the other, then everything."""
        counts = self._seen.counts if self._seen is not None else {}
        order, now = in_order(counts), self._states()
        at = order.index(now[0]) + 1 if len(now) == 1 and now[0] in order else 0
        self.filter(f"state:{order[at]}" if at < len(order) else "")

    def do_earlier(self) -> None:
        """The attempt before; after the first one, the newest."""
        newest = self._seen.attempt if self._seen is not None else 0
        self._back = (self._back + 1) % max(1, newest)
        self.post_message(self.Wanted())


_FAULTS = [s.value for s in TargetState if s not in GOOD_TARGET_STATES | LIVE_TARGET_STATES]


def _sections(states: Sequence[str]) -> list[list[str]]:
    """States that are shown one after the other; those that ended badly or well stand together."""
    faults = [s for s in states if s in _FAULTS]
    live = [[s] for s in states if s in LIVE_TARGET_STATES]
    good = [s for s in states if s in GOOD_TARGET_STATES]
    return [each for each in (faults, *live, good) if each]


def _key(target: Target) -> str:
    return target.host


def _page(client: Client, *, run: str, query: dict[str, Any], cursor: str | None) -> Page[Target]:
    return client.targets_page(run, query, cursor, _PAGE)

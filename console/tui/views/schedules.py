"""Schedules, their next slots on a line, and what became of the last ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from console.actions import Scope, Subject
from console.answers import ForecastSlot, Schedule
from console.client import Client
from console.i18n import _
from console.presenters.schedules import coming_lines, schedules_table
from console.presenters.text import Line, Table
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.detailed import DetailedListView
from console.tui.views.scheduling import SchedulingActions, subject_of
from console.tui.widgets.grid import Grid
from console.tui.working import later

_FORECAST = 30
_SETTLED_S = 0.15
"""How long the cursor rests on a row before the engine is asked about it."""


class SchedulesView(DetailedListView, SchedulingActions):
    """The list of schedules."""

    SCOPE = Scope.SCHEDULES
    HELP = "schedules"
    EMPTY = staticmethod(
        lambda: (
            _("no schedule yet"),
            _("`:help schedules` shows one; `jobdeck apply -f FILE` brings it to the engine"),
        )
    )

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self._coming: dict[str, Sequence[ForecastSlot]] = {}

    async def load(self) -> None:
        found = await self.deck.link.ask(Client.schedules)
        self._coming.clear()
        self.show_items(found, lambda each: each.name)
        await self._ask_what_comes()

    def concerns(self, changed: Changed) -> bool:
        about = any(subject.startswith(("schedule/", "calendar/")) for subject in changed.subjects)
        return about or changed.concerns("schedule")

    def present(self, items: Sequence[Schedule]) -> Table:
        return schedules_table(items, self.deck.clock.now())

    def detail(self, item: Schedule) -> Sequence[Line | Table]:
        coming = self._coming.get(item.name, ())
        now, cells = self.deck.clock.now(), self.size.width - 6
        return coming_lines(coming, now, cells, is_paused=bool(item.paused_by))

    def on_grid_moved(self, event: Grid.Moved) -> None:
        self.set_timer(_SETTLED_S, self._rested)

    async def _rested(self) -> None:
        self.run_worker(later(self._ask_what_comes), group="coming", exclusive=True)

    async def _ask_what_comes(self) -> None:
        """The slots to come of the schedule under the cursor, once."""
        schedule: Schedule | None = self.grid.current
        if schedule is None or schedule.name in self._coming:
            return
        ask = partial(Client.forecast, schedule=schedule.name, count=_FORECAST)
        self._coming[schedule.name] = await self.deck.link.ask(ask)
        self.show_detail()

    def title(self) -> str:
        return _("schedules")

    def subject(self) -> Subject:
        return subject_of(self.grid.chosen)

    def chosen_schedules(self) -> Sequence[Schedule]:
        return self.grid.chosen

    def open_item(self, item: Schedule) -> None:
        self.deck.go(Place("schedule", item.name))

    def cli(self) -> str:
        return "jobdeck schedules list"

    def api(self) -> str:
        return "/schedules"

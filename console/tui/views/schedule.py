"""One schedule: how it is, its slots to come on a line, and its ledger."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from console.actions import Scope, Subject
from console.answers import Fire, ForecastSlot, Schedule
from console.client import Client
from console.i18n import _
from console.presenters.results import short_id
from console.presenters.schedules import coming_lines, facts_table, fires_table
from console.presenters.text import Line, Table, line
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.listing import ListView
from console.tui.views.scheduling import SchedulingActions, subject_of
from console.tui.widgets.dialogs import Text
from core.errors import NotFound

_FORECAST = 60
_LEDGER = 500


class ScheduleView(ListView, SchedulingActions):
    """The argument is its name; the list is its ledger, newest first."""

    SCOPE = Scope.SCHEDULE
    HELP = "schedules"
    IS_FILTER = False
    EMPTY = staticmethod(lambda: (_("no slot was due yet"), _("s starts its run now")))
    DEFAULT_CSS = """
    ScheduleView > Text { padding: 0 2 1 2; max-height: 60%; }
    """

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self._schedule: Schedule | None = None
        self._slots: Sequence[ForecastSlot] = ()

    def compose(self) -> ComposeResult:
        yield Text([])
        yield from super().compose()

    async def load(self) -> None:
        def ask(client: Client) -> tuple[Schedule, list[ForecastSlot], list[Fire]]:
            every = client.schedules()
            found = next((each for each in every if each.name == self.place.argument), None)
            if found is None:
                raise NotFound("schedule", self.place.argument, [each.name for each in every])
            return (
                found,
                client.forecast(self.place.argument, _FORECAST),
                client.fires(self.place.argument, _LEDGER),
            )

        self._schedule, self._slots, fires = await self.deck.link.ask(ask)
        self._show_head()
        self.show_items(fires, lambda fire: f"{fire.slot} {fire.run_id}")

    def _show_head(self) -> None:
        if self._schedule is None:
            return
        now = self.deck.clock.now()
        parts: list[Line | Table] = [facts_table(self._schedule, now)]
        is_paused = bool(self._schedule.paused_by)
        if coming := coming_lines(self._slots, now, self.size.width - 6, is_paused=is_paused):
            parts += [line(""), *coming]
        self.query_one(Text).show(parts)

    def on_resize(self) -> None:
        self._show_head()

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns(subject=f"schedule/{self.place.argument}")

    def present(self, items: Sequence[Fire]) -> Table:
        return fires_table(items, self.deck.clock.now())

    def title(self) -> str:
        return _("schedule {name}").format(name=self.place.argument)

    def subject(self) -> Subject:
        return subject_of(self.chosen_schedules())

    def chosen_schedules(self) -> Sequence[Schedule]:
        return [self._schedule] if self._schedule else []

    def open_item(self, item: Fire) -> None:
        if item.run_id:
            self.deck.obey(f"run {short_id(item.run_id)}")
        else:
            self.deck.say(_("this slot has no run"))

    def cli(self) -> str:
        return f"jobdeck schedules list {self.place.argument}"

    def api(self) -> str:
        return f"/schedules/{self.place.argument}/fires"

"""Schedules: how each is, what comes next, pausing, resuming, starting now."""

from __future__ import annotations

from collections.abc import Callable

from console.answers import Schedule
from console.i18n import _
from console.plain.pages import SHOWN, Choice, Desk, Opener, Page, leads_to, part_of
from console.plain.places import runs
from console.plain.reading import row_text
from console.plain.voice import Back
from console.presenters.results import short_id
from console.presenters.schedules import fires_table, forecast_table, schedules_table

_NEXT, _LAST = 3, 5
"""Slots that are told: to come, and gone by."""


def listed(start: int = 0) -> Opener:
    """All schedules."""

    def page(desk: Desk) -> Page:
        shown, has_more = part_of(desk.client.schedules(), start)
        table = schedules_table(shown, desk.clock.now())
        return Page(
            title=_("schedules"),
            entries=[
                Choice(row_text(table.columns, row), leads_to(one(each.name)))
                for each, row in zip(shown, table.rows, strict=True)
            ],
            empty=table.empty,
            first=start + 1,
            more=listed(start + SHOWN) if has_more else None,
        )

    return page


def one(name: str) -> Opener:
    """A schedule with its next and its last slots."""

    def page(desk: Desk) -> Page:
        now = desk.clock.now()
        schedule = next(each for each in desk.client.schedules() if each.name == name)
        return Page(
            title=_("schedule {name}").format(name=name),
            parts=[
                schedules_table([schedule], now),
                _("next slots:"),
                forecast_table(desk.client.forecast(name, _NEXT)),
                _("last slots:"),
                fires_table(desk.client.fires(name, _LAST), now),
            ],
            choices=[_pause_or_resume(schedule), Choice(_("start its run now"), _fire(name))],
        )

    return page


def _pause_or_resume(schedule: Schedule) -> Choice:
    def pause(desk: Desk) -> None:
        reason = desk.voice.value(_("reason, or Enter for none"))
        desk.client.pause_schedule(schedule.name, reason)
        desk.voice.say(_("{name} is paused").format(name=schedule.name))

    def resume(desk: Desk) -> None:
        desk.client.resume_schedule(schedule.name)
        desk.voice.say(_("{name} goes on").format(name=schedule.name))

    if schedule.paused_by:
        return Choice(_("resume it"), resume)
    return Choice(_("pause it"), pause)


def _fire(name: str) -> Callable[[Desk], Opener]:
    def does(desk: Desk) -> Opener:
        question = _("Start the run of {name} now?").format(name=name)
        if not desk.voice.confirms(question):
            desk.voice.say(_("not confirmed; nothing was started"))
            raise Back
        run = desk.client.fire_schedule(name)
        desk.voice.say(_("started run {id}").format(id=short_id(run.id)))
        return runs.one(run.id)

    return does

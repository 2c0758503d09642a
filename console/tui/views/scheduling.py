"""Pausing, resuming and starting schedules, and asking why one did not run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from console.actions import Subject
from console.answers import Schedule
from console.client import Client
from console.i18n import _, ngettext
from console.moments import moment
from console.presenters.durations import number
from console.presenters.results import short_id
from console.presenters.schedules import consequence_lines, why_line
from console.presenters.text import Tone, line, plain
from console.tui.views.base import View
from console.tui.widgets.dialogs import Question


def subject_of(chosen: Sequence[Schedule]) -> Subject:
    """Some schedules as what actions are about."""
    may = [{"fire", "resume" if each.paused_by else "pause"} for each in chosen]
    return Subject(
        kind="schedule",
        names=tuple(each.name for each in chosen),
        allowed=frozenset(set.intersection(*may)) if may else frozenset(),
    )


class SchedulingActions(View):
    """The actions of schedules, wherever some are chosen."""

    def chosen_schedules(self) -> Sequence[Schedule]:
        """What the actions are about."""
        raise NotImplementedError

    async def do_pause(self) -> None:
        chosen = self.chosen_schedules()
        several = ngettext("pause {count} schedule", "pause {count} schedules", len(chosen))
        deed = _deed(chosen, _("pause {name}"), several)
        asked = Question(deed, consequence_lines("pause", chosen), prompt=_("why (kept, shown)"))
        reason = await self.deck.question(asked)
        if reason is None:
            return
        for each in chosen:
            pause = partial(Client.pause_schedule, schedule=each.name, reason=reason)
            await self.deck.link.act(pause)
        self._done(deed)

    async def do_resume(self) -> None:
        chosen = self.chosen_schedules()
        for each in chosen:
            await self.deck.link.act(partial(Client.resume_schedule, schedule=each.name))
        several = ngettext("resume {count} schedule", "resume {count} schedules", len(chosen))
        self._done(_deed(chosen, _("resume {name}"), several))

    async def do_fire(self) -> None:
        chosen = self.chosen_schedules()
        several = ngettext("start {count} schedule now", "start {count} schedules now", len(chosen))
        deed = _deed(chosen, _("start {name} now"), several)
        if await self.deck.question(Question(deed, consequence_lines("fire", chosen))) is None:
            return
        started = [
            await self.deck.link.act(partial(Client.fire_schedule, schedule=each.name))
            for each in chosen
        ]
        ids = ", ".join(short_id(run.id) for run in started)
        self.deck.say(_("started: {runs}").format(runs=ids), Tone.GOOD)
        self.reload()

    async def do_why(self) -> None:
        name = self.chosen_schedules()[0].name
        told = [line(_("A time such as 02:30, or 2026-12-25 02:30; a slot within a minute of it."))]
        title = _("why did {name} not run?").format(name=name)
        text = await self.deck.question(Question(title, told, prompt=_("when"), must=True))
        if text is None:
            return
        at = moment(text, self.deck.clock.now())
        ask = partial(Client.why, schedule=name, at=at.isoformat())
        self.deck.say(plain(why_line(await self.deck.link.ask(ask))))

    def _done(self, deed: str) -> None:
        self.deck.say(_("done: {deed}").format(deed=deed), Tone.GOOD)
        self.reload()


def _deed(chosen: Sequence[Schedule], one: str, several: str) -> str:
    """`pause nightly`, or `pause 3 schedules`."""
    if len(chosen) == 1:
        return one.format(name=chosen[0].name)
    return several.format(count=number(len(chosen)))

"""Waiting for a run's end, a line for each thing that happens to it."""

from __future__ import annotations

from collections.abc import Callable

from console.answers import RunDetail
from console.i18n import _
from console.plain.pages import Desk, Opener
from console.presenters.durations import number
from console.presenters.progress import ended
from console.presenters.states import word


def follow(run_id: str) -> Callable[[Desk], Opener | None]:
    """Tells how far the run is whenever that is news; Ctrl-C leaves, and the run goes on."""

    def wait(desk: Desk) -> None:
        desk.voice.say(_("Ctrl-C leaves; the run goes on"))
        # The journal is asked for the run's end, which it has not: it then says where it ends itself.
        found = desk.client.events({"subject": run_id, "type": "run.ended"})
        events = desk.client.follow_events({"subject": run_id, "after": found.next})
        told = ""
        run = desk.client.run(run_id)
        while True:
            if (news := _standing(run)) != told:
                told = news
                desk.voice.say(told)
            if run.finished_at is not None:
                return
            next(events)
            run = desk.client.run(run_id)

    return wait


def _standing(run: RunDetail) -> str:
    text = _("{state}, {done} of {total} hosts have ended")
    return text.format(
        state=word(run.state), done=number(ended(run.counts)), total=number(run.target_count)
    )

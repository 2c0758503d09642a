"""The queue: who waits for their turn, why, and how urgent each is."""

from __future__ import annotations

from console.i18n import _
from console.plain.pages import SHOWN, Choice, Desk, Opener, Page, leads_to, part_of
from console.plain.places import runs
from console.plain.reading import row_text
from console.presenters.queue import queue_lines, queue_table, why_lines
from console.presenters.results import short_id
from core.domain.priorities import Priority


def listed(start: int = 0) -> Opener:
    """Runs that wait, the first one first."""

    def page(desk: Desk) -> Page:
        queue = desk.client.queue(start + SHOWN + 1)
        shown, has_more = part_of(queue.places, start)
        table = queue_table(queue, desk.clock.now())
        rows = table.rows[start : start + SHOWN]
        return Page(
            title=_("queue"),
            parts=queue_lines(queue),
            entries=[
                # Its place is the number that stands before it anyway.
                Choice(row_text(table.columns[1:], row[1:]), leads_to(one(place.run_id)))
                for place, row in zip(shown, rows, strict=True)
            ],
            empty=table.empty,
            first=start + 1,
            more=listed(start + SHOWN) if has_more else None,
        )

    return page


def one(run_id: str) -> Opener:
    """Why a run waits, and moving it."""
    return lambda desk: Page(
        title=_("run {id} in the queue").format(id=short_id(run_id)),
        parts=why_lines(desk.client.why_waits(run_id), desk.clock.now()),
        choices=[
            Choice(_("change its priority"), lambda desk: _move(desk, run_id)),
            Choice(_("the run"), leads_to(runs.one(run_id))),
        ],
    )


def _move(desk: Desk, run_id: str) -> None:
    words = [priority.value for priority in Priority]
    desk.voice.say(_("one of: {words}").format(words=", ".join(words)))
    while (wanted := desk.voice.required(_("priority"))) not in words:
        desk.voice.say(_("one of: {words}").format(words=", ".join(words)))
    desk.client.move_run(run_id, wanted)
    desk.voice.say(_("moved"))

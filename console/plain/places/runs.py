"""Runs: the list, one of them, its hosts, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Sequence

from console.answers import Lost, RunDetail, Target
from console.i18n import _
from console.plain.pages import SHOWN, Choice, Desk, Opener, Page, leads_to, part_of
from console.plain.places import acting, following, output
from console.plain.reading import row_text
from console.presenters.acting import action_word, notes_table, operations_table
from console.presenters.durations import number
from console.presenters.lists import runs_table, targets_table
from console.presenters.progress import ended
from console.presenters.results import short_id
from console.presenters.run import detail_table, steps_table
from console.presenters.states import ORDER

FAULTS = ("failed", "partially_succeeded", "timed_out", "abnormal", "abandoned", "rejected")
"""States of runs that somebody may have to look at."""


def listed(states: Sequence[str] = (), start: int = 0) -> Opener:
    """Runs, newest first, from the one at `start` on; only those in `states` if any."""

    def page(desk: Desk) -> Page:
        query = {"nested": False, "state": list(states) or None}
        asked = {name: value for name, value in query.items() if value is not None}
        found = desk.client.runs(asked, limit=start + SHOWN + 1)
        shown, has_more = part_of(found, start)
        table = runs_table(shown, desk.clock.now())
        return Page(
            title=_("failed runs") if states else _("runs"),
            entries=[
                Choice(row_text(table.columns, row), leads_to(one(run.id)))
                for run, row in zip(shown, table.rows, strict=True)
            ],
            empty=table.empty,
            first=start + 1,
            more=listed(states, start + SHOWN) if has_more else None,
        )

    return page


def one(run_id: str) -> Opener:
    """A run: how it is, and what can be done with it."""

    def page(desk: Desk) -> Page:
        run = desk.client.run(run_id)
        lost = desk.client.lost_lines(run_id) if run.finished_at is None else Lost()
        return Page(
            title=_("run {id}").format(id=short_id(run.id)),
            parts=[detail_table(run, desk.clock.now(), lost), *_progress(run)],
            choices=[
                Choice(_("hosts"), leads_to(targets(run_id))),
                Choice(_("answers, alike ones together"), leads_to(output.groups(run_id))),
                Choice(_("steps"), leads_to(steps(run_id))),
                *(
                    [Choice(_("wait for its end"), following.follow(run_id))]
                    if _is_live(run)
                    else []
                ),
                *(Choice(action_word(action), acting.act(run, action)) for action in run.actions),
                Choice(_("notes"), leads_to(notes(run_id))),
                Choice(_("what people asked of it"), leads_to(operations(run_id))),
            ],
        )

    return page


def _is_live(run: RunDetail) -> bool:
    return run.finished_at is None


def _progress(run: RunDetail) -> list[str]:
    if not _is_live(run):
        return []
    text = _("{done} of {total} hosts have ended")
    return [text.format(done=number(ended(run.counts)), total=number(run.target_count))]


def targets(run_id: str, start: int = 0) -> Opener:
    """The hosts of a run's newest attempts, those that need a person first."""

    def page(desk: Desk) -> Page:
        found = _newest(list(desk.client.targets(run_id, {})))
        shown, has_more = part_of(found, start)
        table = targets_table(shown, desk.clock.now())
        return Page(
            title=_("hosts of run {id}").format(id=short_id(run_id)),
            entries=[
                Choice(row_text(table.columns, row), leads_to(output.of_host(run_id, target)))
                for target, row in zip(shown, table.rows, strict=True)
            ],
            empty=table.empty,
            first=start + 1,
            more=targets(run_id, start + SHOWN) if has_more else None,
        )

    return page


def _newest(found: Sequence[Target]) -> list[Target]:
    """The latest attempt of each step, those first that did not succeed."""
    latest: dict[str, int] = {}
    for target in found:
        latest[target.step] = max(target.attempt, latest.get(target.step, 0))
    newest = [target for target in found if target.attempt == latest[target.step]]
    return sorted(newest, key=lambda target: ORDER.get(target.state, 0))


def steps(run_id: str) -> Opener:
    """Every attempt of every step."""
    return lambda desk: Page(
        title=_("steps of run {id}").format(id=short_id(run_id)),
        parts=[steps_table(desk.client.run(run_id).steps, desk.clock.now())],
    )


def notes(run_id: str) -> Opener:
    """Notes, and leaving one."""

    def add(desk: Desk) -> None:
        desk.client.add_note(run_id, desk.voice.required(_("the note")))
        desk.voice.say(_("noted"))

    return lambda desk: Page(
        title=_("notes on run {id}").format(id=short_id(run_id)),
        parts=[notes_table(list(desk.client.notes(run_id)), desk.clock.now())],
        choices=[Choice(_("leave a note"), add)],
    )


def operations(run_id: str) -> Opener:
    """What people asked of it."""
    return lambda desk: Page(
        title=_("what people asked of run {id}").format(id=short_id(run_id)),
        parts=[operations_table(list(desk.client.operations(run_id)), desk.clock.now())],
    )

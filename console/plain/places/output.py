"""What hosts printed, a screenful at a time; and which hosts answered alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.answers import Target
from console.i18n import _
from console.outputlines import output_lines
from console.plain.pages import Choice, Desk, Opener, Page
from console.presenters.results import group_lines, short_id

_LINES = 20
"""Lines at a time: what a screen of 24 holds with its head and the question."""


def of_host(run_id: str, target: Target, start: int = 0) -> Opener:
    """One host's output from a line on."""

    def page(desk: Desk) -> Page:
        lines = _lines(desk, run_id, target)
        shown, has_more = _window(lines, start)
        text = _("output of {host}, from line {line}")
        return Page(
            title=text.format(host=target.host, line=start + 1),
            parts=shown or [_("no more lines") if start else _("it printed nothing")],
            more=of_host(run_id, target, start + _LINES) if has_more else None,
            choices=[Choice(_("the end"), lambda desk: _end(desk, run_id, target))]
            if has_more
            else [],
        )

    return page


def _end(desk: Desk, run_id: str, target: Target) -> Opener:
    count = sum(1 for _line in _lines(desk, run_id, target))
    return of_host(run_id, target, max(0, count - _LINES))


def _window(lines: Iterator[str], start: int) -> tuple[Sequence[str], bool]:
    shown: list[str] = []
    for number, text in enumerate(lines):
        if number >= start + _LINES:
            return shown, True
        if number >= start:
            shown.append(text)
    return shown, False


def _lines(desk: Desk, run_id: str, target: Target) -> Iterator[str]:
    place = {"step": target.step, "attempt": target.attempt, "ordinal": target.ordinal}
    return output_lines(desk.client, run_id, place)


def groups(run_id: str) -> Opener:
    """Hosts of each step that answered alike, with a sample."""

    def page(desk: Desk) -> Page:
        found = desk.client.groups(run_id, {})
        return Page(
            title=_("answers of run {id}, step {step}").format(
                id=short_id(run_id), step=found.step
            ),
            parts=[line for group in found.groups for line in group_lines(group, _LINES // 4)],
        )

    return page

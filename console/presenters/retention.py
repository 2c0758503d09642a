"""What is kept, and what would go, as names and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from console.answers import Removed, RetentionPreview
from console.i18n import _, ngettext
from console.presenters.durations import duration, number, size
from console.presenters.text import Table, pairs

T = TypeVar("T")


def preview_table(found: RetentionPreview) -> Table:
    """The rules of the settings, and what they would remove now."""
    rules = found.rules
    return pairs(
        (_("keep runs for"), _all(rules.runs_age_s, duration)),
        (_("keep the newest runs"), _all(rules.runs_count, number)),
        (_("keep output for"), _all(rules.output_age_s, duration)),
        (_("keep the newest output"), _all(rules.output_bytes, size)),
        (_("runs with notes"), _("stay") if rules.keep_noted else _("go like others")),
        (_("keep unused files of jobs for"), _all(rules.contents_age_s, duration)),
        (_("runs to go"), number(found.runs)),
        (_("outputs to go"), number(found.outputs)),
        (_("files of jobs to go"), number(found.contents)),
        (_("to be freed"), size(found.size_bytes + found.contents_bytes)),
    )


def is_nothing(found: RetentionPreview) -> bool:
    """Whether nothing would go."""
    return not (found.runs or found.outputs or found.contents)


def removed_text(done: Removed) -> str:
    """What went."""
    text = ngettext(
        "removed: {runs} run, the output of {outputs} more, files of jobs: {contents}; {size}",
        "removed: {runs} runs, the output of {outputs} more, files of jobs: {contents}; {size}",
        done.runs,
    )
    return text.format(
        runs=number(done.runs),
        outputs=number(done.outputs),
        contents=number(done.contents),
        size=size(done.size_bytes + done.contents_bytes),
    )


def _all(value: T | None, show: Callable[[T], str]) -> str:
    return _("all") if value is None else show(value)

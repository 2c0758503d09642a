"""What somebody has begun to write: in what it differs from what is saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from console.answers import FieldChange
from console.forms.draft import Draft
from console.i18n import _
from console.presenters.changes import field_lines
from console.presenters.durations import clock_time
from console.presenters.text import Line, Span, Tone, line
from core.domain import changes


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """The places at which two bodies differ; texts of secrets have to be out of them."""
    return [
        FieldChange(path=each.path, before=each.before, after=each.after)
        for each in changes.diff(before, after)
    ]


def kept_line(at: str, now: datetime) -> str:
    return _("kept at {time}").format(time=clock_time(at, now))


def again_lines(kept: Draft, saved: Draft) -> Iterator[Line]:
    """A draft that was found again: what it changes, and whether it is of an older revision."""
    yield line("")
    yield from field_lines(differences(kept.base, kept.body))
    if kept.revision != saved.revision:
        yield line(Span(_("The document has been changed since."), Tone.WARNING))

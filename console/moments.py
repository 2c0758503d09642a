"""Moments that people type."""

from __future__ import annotations

from datetime import datetime

from console.i18n import _
from core.errors import Invalid


def moment(text: str, now: datetime) -> datetime:
    """A time that a person types, in this machine's zone; of today where it has no date.

    Raises Invalid.
    """
    typed = text.strip()
    today = now.astimezone().date().isoformat()
    for each in (typed, f"{today}T{typed}"):
        try:
            return datetime.fromisoformat(each).astimezone()
        except (ValueError, OverflowError):
            continue
    raise Invalid(
        _("{text!r} is no time").format(text=text),
        hint=_("for example 02:30, or 2026-12-25T02:30"),
    )

"""The journal."""

from __future__ import annotations

from typing import Any

from console.answers.base import Answer


class Event(Answer, frozen=True, kw_only=True):
    """A committed entry of the journal."""

    seq: int
    at: str
    actor: str
    type: str
    subject: str
    data: dict[str, Any] = {}


class EventPage(Answer, frozen=True, kw_only=True):
    """A part of the journal; `next` is the `after` of the following part."""

    items: list[Event]
    next: int | None = None

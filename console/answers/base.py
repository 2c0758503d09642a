"""The base of all answers, and lists that come in parts."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class Page(Answer, Generic[T], frozen=True, kw_only=True):
    """A part of a list; `next_cursor` leads to the next part, None is the end."""

    items: list[T]
    next_cursor: str | None = None
    total: int | None = None

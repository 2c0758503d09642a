"""What the bodies of requests and answers have in common."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")

MAX_LIMIT = 1000

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="most items of one page")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next_cursor` of the page before")
]


class Answer(BaseModel):
    """Base of what is answered; can be made from any value with the same field names."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page(Answer, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next_cursor: str | None = Field(None, description="leads to the next part; null is the end")


def _absent(value: Any) -> bool:
    return value is None


class Text(Answer):
    """Bytes of output: as `text` where they are UTF-8, else as `base64`."""

    text: str | None = Field(None, exclude_if=_absent)
    base64: str | None = Field(None, exclude_if=_absent)


def readable(data: bytes) -> dict[str, str]:
    """The fields of a `Text` for `data`. Control characters are left in: consoles neutralise."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}

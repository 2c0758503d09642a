"""Opaque cursors: where the next page of a list begins.

A cursor holds the position after the last item shown, never a number of items
to skip, so entries that are added or deleted meanwhile neither repeat nor hide
others. It also knows its list and the filters it was made for: used elsewhere,
it is refused instead of giving pages that make no sense.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from core.errors import Invalid, Problem

_VERSION = 1
_CHECK_BYTES = 4


def encode(scope: str, position: str | int) -> str:
    """The cursor of `position` in the list that `scope` names (its path and filters)."""
    body = json.dumps([_VERSION, position], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(scope, body) + body).rstrip(b"=").decode()


def decode(scope: str, cursor: str) -> str | int:
    """The position that `encode` was given; Invalid for anything that it did not make."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        check, body = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        value: Any = json.loads(body)
        version, position = value
    except (binascii.Error, ValueError, TypeError):
        raise _refused("is not one that a list gave") from None
    if version != _VERSION or type(position) not in (str, int):
        raise _refused("is not one that a list gave")
    if check != _check(scope, body):
        raise _refused("belongs to another list or to other filters")
    return position  # type: ignore[no-any-return]


def text_position(scope: str, cursor: str | None) -> str | None:
    """The position in a list ordered by text; None begins at the start."""
    return None if cursor is None else str(decode(scope, cursor))


def number_position(scope: str, cursor: str | None) -> int:
    """The position in a list ordered by number; 0 begins at the start."""
    if cursor is None:
        return 0
    position = decode(scope, cursor)
    if not isinstance(position, int):
        raise _refused("is not one that a list gave")
    return position


def _check(scope: str, body: bytes) -> bytes:
    """Tells good cursors from accidents and mix-ups.

    Deliberately no protection against forgery: a position can be asked for by
    other means too, and rights are checked on every call.
    """
    return zlib.crc32(scope.encode() + b"\0" + body).to_bytes(_CHECK_BYTES, "big")


def _refused(what: str) -> Invalid:
    hint = "take next_cursor of the page before, or leave it out to begin again"
    return Invalid("the cursor cannot be used", [Problem(where="cursor", what=what, hint=hint)])

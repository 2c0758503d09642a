"""Request headers that decide what happens: preconditions, repetition, resumption.

RFC 9110 (If-Match, If-None-Match, entity tags), the Idempotency-Key draft
(draft-ietf-httpapi-idempotency-key-header-07), the EventSource standard
(Last-Event-ID).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request

from core.errors import Invalid, Problem

_TAG = re.compile(r'\s*(?P<weak>W/)?"(?P<tag>[\x21\x23-\x7e]*)"\s*(?:,|$)')
EVENT_ID = r"^[0-9]{1,18}(\.[0-9]{1,6})?$"
"""Number of an event; of an output chunk that was sent in part, also how much of it."""
_EVENT_ID = re.compile(EVENT_ID)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def etag(revision: int) -> str:
    """The strong entity tag of a document's revision."""
    return f'"{revision}"'


@dataclass(frozen=True, slots=True)
class Tags:
    """The value of If-Match or If-None-Match."""

    any: bool = False
    """`*`: whatever exists."""
    revisions: frozenset[int] = frozenset()

    def allow(self, revision: int) -> bool:
        """Whether a document at `revision` is one of those named."""
        return self.any or revision in self.revisions


def if_match(request: Request) -> Tags | None:
    """Revisions that a change may be based on; None where the header is absent.

    Comparison is strong (RFC 9110, 13.1.1): a weak tag never matches.
    """
    return _tags(request, "If-Match", weak_counts=False)


def if_none_match(request: Request) -> Tags | None:
    """Revisions that the caller has already, or `*` for "only when there is none"."""
    return _tags(request, "If-None-Match", weak_counts=True)


def idempotency_key(request: Request) -> str | None:
    """The key under which a repeated start is the same start; None where absent."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise _refused("Idempotency-Key", "must be 1 to 255 visible ASCII characters", "a ULID")
    return key


def last_event_id(request: Request) -> int | None:
    """The last journal entry that a reconnecting reader has seen; None where absent."""
    text = request.headers.get("Last-Event-ID")
    if text is None:
        return None
    entry, part = output_id(text, "Last-Event-ID")
    if part:
        raise _not_an_id("Last-Event-ID")
    return entry


def last_output_id(request: Request) -> tuple[int, int] | None:
    """The last output that a reconnecting reader has seen; None where absent."""
    text = request.headers.get("Last-Event-ID")
    return None if text is None else output_id(text, "Last-Event-ID")


def output_id(text: str, where: str = "after") -> tuple[int, int]:
    """(chunk, pieces of the next chunk) that the reader of a run's output has seen."""
    if not _EVENT_ID.fullmatch(text):
        raise _not_an_id(where)
    chunk, _, pieces = text.partition(".")
    return int(chunk), int(pieces or 0)


def _tags(request: Request, name: str, *, weak_counts: bool) -> Tags | None:
    # A list may be spread over several header lines (RFC 9110, 5.3).
    text = ", ".join(request.headers.getlist(name)).strip()
    if not text:
        return None
    if text == "*":
        return Tags(any=True)
    revisions, end = set(), 0
    while end < len(text):
        found = _TAG.match(text, end)
        if found is None:
            raise _refused(name, "must be * or a list of quoted tags", f'{name}: "7"')
        end = found.end()
        if found["tag"].isdigit() and (weak_counts or not found["weak"]):
            revisions.add(int(found["tag"]))
    return Tags(revisions=frozenset(revisions))


def _not_an_id(where: str) -> Invalid:
    return _refused(where, "must be the id of an event", "the id: line of the last one")


def _refused(name: str, what: str, example: str) -> Invalid:
    return Invalid(
        f"the header {name} cannot be used",
        [Problem(where=name, what=what, hint=f"for example {example}")],
    )

"""What is expected of an HTTP answer, and what is taken from it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from pydantic import Field

from core.domain import timebox
from core.domain.tasks import Capture, Expectations

HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=200)]

_STATUS = re.compile(r"[1-5]xx|[1-5]\d\d(?:-[1-5]\d\d)?")
_SHOWN_CHARACTERS = 200
_SEARCH_S = 5.0
"""Of one pattern in one answer."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer, all of it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    after_s: float
    """Seconds from the request to the beginning of the answer."""

    def header(self, name: str) -> str | None:
        """The values of a header, joined; None where there is none."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(found) if found else None


def check_status(text: str) -> str:
    """`text`; ValueError unless it names one status, a class or a range of them."""
    if not _STATUS.fullmatch(text):
        raise ValueError("give a status as 200, a class as 2xx, or a range as 200-299")
    return text


def check_path(text: str) -> str:
    """`text`; ValueError unless it is a JSONPath."""
    import jsonpath_rfc9535 as jsonpath

    try:
        jsonpath.compile(text)
    except jsonpath.JSONPathError as error:
        raise ValueError(f"not a JSONPath (RFC 9535): {error}") from error
    return text


def broken(expected: Expectations, answer: Answer) -> Iterator[str]:
    """Every expectation that the answer does not meet, in words.

    RecursionError where it is nested too deep, timebox.TooSlow where a pattern takes too long.
    """
    if not any(_covers(each, answer.status) for each in expected.status):
        yield f"status {answer.status}, expected {' or '.join(expected.status)}"
    for name, pattern in expected.headers.items():
        value = answer.header(name)
        if value is None:
            yield f"no header {name}"
        elif not timebox.first(pattern, value, _SEARCH_S):
            yield f"header {name} is {_shown(value)}, expected {pattern}"
    if expected.max_bytes is not None and len(answer.body) > expected.max_bytes:
        yield f"a body of {len(answer.body):,} bytes, expected at most {expected.max_bytes:,}"
    if expected.within_s is not None and answer.after_s > expected.within_s:
        yield f"the answer took {answer.after_s:.2f} s, expected at most {expected.within_s:g} s"
    if expected.body is not None and not timebox.first(expected.body, _text(answer), _SEARCH_S):
        yield f"the body does not match {expected.body}"
    if expected.json_paths:
        yield from _broken_paths(expected.json_paths, answer)


def _broken_paths(paths: Mapping[str, Any], answer: Answer) -> Iterator[str]:
    try:
        document = json.loads(answer.body)
    except ValueError:
        yield "the body is not JSON"
        return
    for path, value in paths.items():
        found = _at(path, document)
        if value not in found:
            has = ", ".join(_shown(json.dumps(each, ensure_ascii=False)) for each in found[:3])
            yield f"{path} is {has or 'not there'}, expected {json.dumps(value, ensure_ascii=False)}"


def captured(wanted: Mapping[str, Capture], answer: Answer) -> tuple[dict[str, Any], list[str]]:
    """Output -> value, and what could not be found. What `broken` raises, this does, too."""
    values: dict[str, Any] = {}
    problems = []
    for name, source in wanted.items():
        found = list(_found(source, answer))
        if found:
            values[name] = found[0]
        else:
            problems.append(f"nothing to capture as {name}")
    return values, problems


def _found(source: Capture, answer: Answer) -> Iterator[Any]:
    if source.header is not None:
        if (value := answer.header(source.header)) is not None:
            yield value
    elif source.regex is not None:
        if match := timebox.first(source.regex, _text(answer), _SEARCH_S):
            yield match[1] if match.re.groups else match[0]
    elif source.json_path is not None:
        try:
            document = json.loads(answer.body)
        except ValueError:
            return
        yield from _at(source.json_path, document)


def _at(path: str, document: Any) -> Sequence[Any]:
    """The values that a JSONPath leads to."""
    import jsonpath_rfc9535 as jsonpath

    try:
        return jsonpath.find(path, document).values()
    except jsonpath.JSONPathRecursionError as error:
        raise RecursionError(path) from error


def _covers(expected: str, status: int) -> bool:
    if expected.endswith("xx"):
        return status // 100 == int(expected[0])
    first, _, last = expected.partition("-")
    return int(first) <= status <= int(last or first)


def _text(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace")


def _shown(text: str) -> str:
    # JSON can hold half of a surrogate pair, which no file and no database takes.
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"

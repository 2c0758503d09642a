"""Values that work hands back: the `::set name=value::` line protocol, and merging hosts.

    echo "::set version=1.4.2::"
    printf '%s\\n' "::set notes=first line%0Asecond line::"

A line counts when it begins with `::set ` and ends with `::`; it stays part of the
output. Inside a value `%0A` is a newline, `%0D` a carriage return and `%25` a percent
sign; any other `%` stands for itself. Values are UTF-8 text without NUL, because they
travel on as environment variables. A name that is set twice keeps its last value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from core.domain.envname import MAX_ENV_NAME_CHARACTERS, check_output_name
from core.errors import Invalid, Problem

OutputValue: TypeAlias = (
    "bool | int | float | str | Sequence[OutputValue] | Mapping[str, OutputValue] | None"
)
"""A JSON value: text from a `::set` line, anything from a JSON output file."""

MAX_PROBLEMS = 20
"""Problems kept of one output; work that is wrong in a loop says nothing new after that."""

_PREFIX = b"::set "
_END = b"::"
_SET_LINE = re.compile(rb"^::set ([^\n]*)\n", re.MULTILINE)
_ESCAPE = re.compile(rb"%(0A|0D|25)", re.IGNORECASE)
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Captured:
    """What one output set, and what was wrong with the lines that could not be taken."""

    values: Mapping[str, str]
    problems: tuple[Problem, ...]


class SetLines:
    """Finds `::set` lines in a stream of bytes that is cut anywhere.

    Only a line that is a `::set` line, or may still become one, is held back, and no
    further than the longest one allowed; so a line of 10 MB costs no memory.
    """

    def __init__(self, max_value_bytes: int = 65536, max_names: int = 256) -> None:
        self._max_value_bytes = max_value_bytes
        self._max_names = max_names
        # An escape is three bytes for one.
        self._max_line_bytes = MAX_ENV_NAME_CHARACTERS + 3 * max_value_bytes + 16
        self._held = bytearray()
        self._skipping = False
        self._line = 1
        self._values: dict[str, str] = {}
        self._problems: list[Problem] = []

    def feed(self, data: bytes) -> None:
        """Take the next piece of output."""
        if self._skipping:
            end = data.find(b"\n")
            if end < 0:
                return
            data = data[end + 1 :]
            self._skipping = False
            self._line += 1
        cut = data.rfind(b"\n") + 1
        if cut:
            self._take_lines(bytes(self._held) + data[:cut] if self._held else data[:cut])
            self._held.clear()
        self._held += data[cut:]
        self._drop_what_is_no_set_line()

    def finish(self) -> Captured:
        """What was found; a last line without its newline counts too."""
        if self._held.startswith(_PREFIX):
            self._take(bytes(self._held[len(_PREFIX) :]))
            self._held.clear()
        return Captured(dict(self._values), tuple(self._problems))

    def _take_lines(self, text: bytes) -> None:
        """Take what whole lines set."""
        # The plain search is many times faster than the pattern and almost always says no.
        counted = 0
        if _PREFIX in text:
            for hit in _SET_LINE.finditer(text):
                self._line += text.count(b"\n", counted, hit.start())
                counted = hit.start()
                self._take(hit[1])
        self._line += text.count(b"\n", counted)

    def _drop_what_is_no_set_line(self) -> None:
        """Skip the line that has begun, unless it may be a `::set` line of allowed length."""
        is_set_line = self._held.startswith(_PREFIX)
        if is_set_line and len(self._held) > self._max_line_bytes:
            self._report(self._too_long())
            is_set_line = False
        self._skipping = not (is_set_line or _PREFIX.startswith(self._held))
        if self._skipping:
            self._held.clear()

    def _take(self, body: bytes) -> None:
        try:
            name, value = self._parse(body)
        except ValueError as error:
            self._report(str(error))
        else:
            self._values[name] = value

    def _parse(self, body: bytes) -> tuple[str, str]:
        """Name and value of what follows `::set `; ValueError says what is wrong."""
        if len(_PREFIX) + len(body) > self._max_line_bytes:
            raise ValueError(self._too_long())
        name, equals, rest = body.removesuffix(b"\r").partition(b"=")
        if not equals or not rest.endswith(_END):
            raise ValueError("the line begins like a set line; write ::set name=value::")
        key = check_output_name(name.decode("ascii", "backslashreplace"))
        raw = _ESCAPE.sub(lambda hit: bytes.fromhex(hit[1].decode()), rest.removesuffix(_END))
        if len(raw) > self._max_value_bytes:
            raise ValueError(self._too_long())
        try:
            value = raw.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"the value of {key} is not UTF-8 text") from error
        if "\0" in value:
            raise ValueError(f"the value of {key} holds a NUL character")
        if key not in self._values and len(self._values) >= self._max_names:
            raise ValueError(f"{key} is one name too many; at most {self._max_names} can be set")
        return key, value

    def _too_long(self) -> str:
        return f"the value is longer than {self._max_value_bytes} bytes"

    def _report(self, what: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(Problem(where=f"line {self._line}", what=what))


class OutputRule(StrEnum):
    """What becomes of one output when several hosts set it."""

    FAIL = "fail"
    """Different values are an error."""
    FIRST_BY_ORDER = "first_by_order"
    """The value of the first host, in the order of the targets."""
    COLLECT = "collect"
    """A map: host -> its value."""


def merge_outputs(
    values: Sequence[tuple[str, OutputValue]], rule: OutputRule, *, name: str
) -> OutputValue:
    """One value of output `name` from (host, value) pairs, in the order of the targets.

    Invalid names the hosts that differ, never the values: those may be long or private.
    """
    if rule is OutputRule.COLLECT:
        return dict(values)
    if not values:
        raise Invalid(f"no host set output {name}")
    hosts_by_value: dict[str, list[str]] = {}
    for host, value in values:
        # JSON text tells apart what Python calls equal: 1, 1.0 and true.
        hosts_by_value.setdefault(json.dumps(value, sort_keys=True), []).append(host)
    if rule is OutputRule.FAIL and len(hosts_by_value) > 1:
        camps = [_some(hosts, ", ") for hosts in hosts_by_value.values()]
        raise Invalid(
            f"the hosts set {len(camps)} different values for output {name}",
            [
                Problem(
                    where=f"output {name}",
                    what=f"these differ from each other: {_some(camps, ' | ')}",
                    hint="let the step's `outputs` be first_by_order or collect",
                )
            ],
        )
    return values[0][1]


def _some(names: Sequence[str], separator: str) -> str:
    """The first few of `names`, and how many more there are."""
    more = len(names) - _NAMED
    return separator.join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")

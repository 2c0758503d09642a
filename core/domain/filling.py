"""`${NAME}` in a text that a step sends: values put in, each in the way of its place.

    ${NAME}   the value of an environment variable of the step
    $${       the text `${`

Who fills a text gives the quoting that its place asks for; nothing is put in as it stands
where it could end the place that it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator

from core.domain.values import Lines

_PLACE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_places(text: str) -> str:
    """`text`; ValueError where something that begins with `${` is no place for a value."""
    for match in _PLACE.finditer(text):
        if match[1] is None:
            continue
        if not match[0].endswith("}"):
            raise ValueError(f"character {match.start() + 1}: ${{ is not closed by a }}")
        if not _NAME.fullmatch(match[1]):
            raise ValueError(
                f"character {match.start() + 1}: {match[0]} names no variable; write ${{NAME}},"
                " or $${ for the text itself"
            )
    return text


Filled = Annotated[str, AfterValidator(check_places)]
"""A text in which `${NAME}` stands for an environment variable of the step."""

FilledLines = Annotated[Lines, AfterValidator(check_places)]
"""The same, of several lines."""


def places(text: str) -> set[str]:
    """Names of the variables whose values the text asks for."""
    return {match[1] for match in _PLACE.finditer(text) if match[1]}


def fill(text: str, values: Mapping[str, str], quote: Callable[[str], str] = str) -> str:
    """`text` with `values`, each quoted; ValueError names what has no value."""

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "${"
        if name not in values:
            near = get_close_matches(name, values, 1)
            hint = f"; did you mean ${{{near[0]}}}?" if near else ""
            raise ValueError(f"${{{name}}} has no value here{hint}")
        return quote(values[name])

    return _PLACE.sub(value_of, text)


def fill_known(text: str, values: Mapping[str, str]) -> str:
    """`text` with the values that are there; places of others stay as they are written."""
    return fill(text, {**{name: f"${{{name}}}" for name in places(text)}, **values})

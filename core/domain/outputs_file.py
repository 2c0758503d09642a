"""Outputs from the JSON object that work wrote to the file named by $JOBDECK_OUTPUT.

A host may write anything. What comes out of here can be stored, shown, and sent on as
environment variables; everything else is refused with all reasons at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from core.domain.captures import OutputValue
from core.domain.envname import check_output_name
from core.errors import Invalid, Problem

MAX_OUTPUTS = 256
MAX_NESTING = 32
"""Levels of maps and lists in one value."""
MAX_NUMBER_DIGITS = 64

Mask = Callable[[str], str]
"""Text with every known secret made harmless."""


def read_outputs_file(content: bytes | None, mask: Mask) -> dict[str, OutputValue]:
    """The values of a file's content, masked; nothing where the file is missing or blank."""
    if not content or not content.strip():
        return {}
    try:
        values = json.loads(content, parse_constant=_no_number, parse_int=_whole)
    except RecursionError:
        raise Invalid(f"$JOBDECK_OUTPUT {_TOO_DEEP}") from None
    except ValueError as error:
        raise Invalid(f"$JOBDECK_OUTPUT is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise Invalid("$JOBDECK_OUTPUT is not a JSON object of names and values")
    if len(values) > MAX_OUTPUTS:
        raise Invalid(f"$JOBDECK_OUTPUT sets {len(values)} values; {MAX_OUTPUTS} are allowed")
    problems = []
    taken: dict[str, OutputValue] = {}
    for name, value in values.items():
        try:
            taken[check_output_name(name)] = _usable(value, mask, MAX_NESTING)
        except ValueError as error:
            where = f"$JOBDECK_OUTPUT {mask(repr(name))}"
            problems.append(Problem(where=where, what=mask(str(error))))
    if problems:
        raise Invalid("$JOBDECK_OUTPUT sets values that cannot be used", problems)
    return taken


_TOO_DEEP = f"is nested more than {MAX_NESTING} levels deep"


def _usable(value: Any, mask: Mask, levels: int) -> OutputValue:
    """`value` with its texts masked; ValueError where a variable could not hold it."""
    match value:
        case bool() | None:
            return value
        case str():
            return mask(_text(value))
        case int() | float():
            if value in (float("inf"), float("-inf")):
                raise ValueError("a number is out of range")
            # A secret of digits may come as a number.
            masked = mask(str(value))
            return value if masked == str(value) else masked
        case _ if levels == 0:
            raise ValueError(_TOO_DEEP)
        case list():
            return [_usable(item, mask, levels - 1) for item in value]
        case _:
            return {
                mask(_text(key)): _usable(item, mask, levels - 1) for key, item in value.items()
            }


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character, which no environment variable can hold")
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValueError("holds half of a surrogate pair, which is no text")
    return text


def _whole(digits: str) -> int:
    if len(digits) > MAX_NUMBER_DIGITS:
        raise ValueError(
            f"a number has {len(digits)} digits; at most {MAX_NUMBER_DIGITS} are taken"
        )
    return int(digits)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON value")

"""A field's value as text that a person edits, and back; what is wrong with it at once.

Only what a field says of itself is judged here; the engine judges the whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from console.forms.fields import Field, Shape
from console.forms.values import ABSENT
from console.i18n import _
from core.domain.patterns import IN_WORDS

FULL_PATTERN = "x-full-pattern"
"""In a schema: an expression that all of a text has to match; `pattern` asks for a part of it."""

_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_MOST_CHARACTERS = 100_000
"""Of a text whose pattern is tried while somebody types."""


class Unread(Exception):
    """A text that is no value of its field; the message says what would be."""


def shown(place: Field, value: Any) -> str:
    """The text in which a value is edited; "" for no value. A secret's is never shown."""
    if value is ABSENT or value is None or place.shape is Shape.SECRET:
        return ""
    if place.shape is Shape.VALUE:
        from core.domain import yamlsafe  # loaded where it is needed: most fields are plain text

        text = yamlsafe.dump(value)
        brief = text.removesuffix("\n").removesuffix("\n...")
        return text if "\n" in brief else brief  # the last line end may belong to a text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def read(place: Field, text: str, before: Any = ABSENT) -> Any:
    """The value that a text stands for; ABSENT: none. Unread where it is none of this field.

    A text that is what `before` is shown as leaves it as it is.
    """
    if before is not ABSENT and text == shown(place, before):
        return before
    if text == "" and not (place.required and place.shape in (Shape.TEXT, Shape.LINES)):
        return ABSENT
    match place.shape:
        case Shape.WHOLE:
            return _whole(text)
        case Shape.NUMBER:
            return _number(place, text)
        case Shape.FLAG:
            return _flag(text)
        case Shape.CHOICE:
            if text not in place.choices:
                raise Unread(_("one of {choices}").format(choices=", ".join(place.choices)))
            return text
        case Shape.VALUE:
            return _value(text)
    return text


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text.strip()):
        raise Unread(_("must be a whole number"))
    return int(text)


def _number(place: Field, text: str) -> int | float:
    """A number; in a field of seconds, also `5m` or `2h`."""
    text = text.strip().lower()
    if place.name.endswith("_s") and (found := _SPAN.fullmatch(text)):
        seconds = float(found[1]) * _UNIT_S[found[2]]
        return int(seconds) if seconds.is_integer() else seconds
    try:
        number = int(text) if _WHOLE.fullmatch(text) else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        is_time = place.name.endswith("_s")
        raise Unread(_("must be seconds, or 30s, 5m, 2h, 1d") if is_time else _("must be a number"))
    return number


def _flag(text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if text.strip().lower() not in words:
        raise Unread(_("true or false"))
    return words[text.strip().lower()]


def _value(text: str) -> Any:
    from core.domain import yamlsafe
    from core.errors import Invalid

    try:
        return yamlsafe.load(text).value
    except Invalid as error:
        raise Unread(error.problems[0].what if error.problems else error.message) from None


def complaints(place: Field, value: Any) -> Iterator[str]:
    """What is wrong with a value by what its field says of itself."""
    if value is ABSENT or value is None:
        if place.required and not place.nullable and place.default is None:
            yield _("is required")
        return
    if isinstance(value, str):
        yield from _text_complaints(place, value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_complaints(place, value)
    elif isinstance(value, list):
        yield from _list_complaints(place, len(value))


def _text_complaints(place: Field, text: str) -> Iterator[str]:
    least, most = place.schema.get("minLength", 0), place.schema.get("maxLength")
    pattern, full = place.schema.get("pattern"), place.schema.get(FULL_PATTERN)
    if len(text) < least:
        yield _("must not be empty") if least == 1 else _("at least {0} characters").format(least)
    elif most is not None and len(text) > most:
        yield _("at most {0} characters").format(most)
    elif len(text) > _MOST_CHARACTERS:
        return
    elif full and not re.fullmatch(full, text):
        yield _("must match {pattern}").format(pattern=full)
    elif pattern and not re.search(pattern, text):
        yield IN_WORDS.get(pattern, _("must match {pattern}").format(pattern=pattern))


def _number_complaints(place: Field, number: float) -> Iterator[str]:
    schema = place.schema
    if number < schema.get("minimum", -math.inf):
        yield _("at least {0}").format(schema["minimum"])
    if number <= schema.get("exclusiveMinimum", -math.inf):
        yield _("above {0}").format(schema["exclusiveMinimum"])
    if number > schema.get("maximum", math.inf):
        yield _("at most {0}").format(schema["maximum"])


def _list_complaints(place: Field, count: int) -> Iterator[str]:
    if count < place.schema.get("minItems", 0):
        yield _("at least {0}").format(place.schema["minItems"])
    if count > place.schema.get("maxItems", count):
        yield _("at most {0}").format(place.schema["maxItems"])

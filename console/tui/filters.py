r"""What `/` takes: which rows of a list are shown. Pure.

    web          a regular expression, anywhere in the row, small and capital letters alike
    !web         rows in which it does not occur
    -f wb1       fuzzy: these characters in this order
    -l env=prod  labels, as target expressions have them
    state:failed since:2h by:me @prod    fields, which the engine itself looks for

Fields and one of the others may stand side by side: `state:failed web`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from console.i18n import _

_FIELD = re.compile(r"([a-z][a-z-]*):(\S+)$")
_ENVIRONMENT = "environment"


class BadFilter(Exception):
    """A filter that cannot be read: a sentence for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as it was read."""

    text: str = ""
    """As it was typed."""
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the engine is asked for: name -> values, any of which fits."""
    labels: str = ""
    fits: Callable[[str], bool] = lambda _row: True
    """Whether a row's text fits the rest."""


def parse(text: str, known: Sequence[str] = ()) -> Filter:
    """A filter for a list whose engine knows the fields `known`.

    Raises BadFilter.
    """
    fields: dict[str, tuple[str, ...]] = {}
    rest: list[str] = []
    words = text.split()
    for word in words:
        found = _FIELD.match(word)
        if word.startswith("@") and _ENVIRONMENT in known:
            fields[_ENVIRONMENT] = (*fields.get(_ENVIRONMENT, ()), word[1:])
        elif found and found[1] in known:
            fields[found[1]] = (*fields.get(found[1], ()), *found[2].split(","))
        elif found and known and found[1].isalpha() and not found[2].startswith("//"):
            raise BadFilter(
                _("no field is called {name}; there are {names}").format(
                    name=found[1], names=", ".join(known)
                )
            )
        else:
            rest.append(word)
    labels, fits = _rest(" ".join(rest))
    return Filter(text, fields, labels, fits)


def _rest(text: str) -> tuple[str, Callable[[str], bool]]:
    if text.startswith("-l"):
        return text.removeprefix("-l").strip(), lambda _row: True
    if text.startswith("-f"):
        return "", _fuzzy(text.removeprefix("-f").strip())
    if text.startswith("!"):
        inverse = _pattern(text[1:])
        return "", lambda row: not inverse(row)
    return "", _pattern(text)


def _pattern(text: str) -> Callable[[str], bool]:
    if not text:
        return lambda _row: True
    try:
        found = re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise BadFilter(
            _("the regular expression breaks off: {reason}").format(reason=error)
        ) from error
    return lambda row: found.search(row) is not None


def _fuzzy(text: str) -> Callable[[str], bool]:
    """These characters in this order, with anything between them."""
    wanted = [each for each in text.casefold() if not each.isspace()]

    def fits(row: str) -> bool:
        letters = iter(row.casefold())
        return all(each in letters for each in wanted)

    return fits

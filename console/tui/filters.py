r"""What `/` takes: which rows of a list are shown. Pure.

    web          a regular expression, anywhere in the row, small and capital letters alike
    !web         rows in which it does not occur
    -f wb1       fuzzy: these characters in this order
    -l env=prod  labels, as target expressions have them
    state:failed since:2h by:me @prod    fields, which the engine itself looks for

Fields and one of the others may stand side by side: `state:failed web`. Behind a command each of
the others may have the `/` that opens a filter elsewhere: `:runs @prod /failed`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from console.i18n import _
from core.domain import timebox

_FIELD = re.compile(r"([a-z][a-z-]*):(\S+)$")
_ENVIRONMENT = "environment"


Keep = Callable[[Sequence[str]], Sequence[bool]]
"""Texts of rows -> whether each is shown."""


def every(texts: Sequence[str]) -> Sequence[bool]:
    return [True] * len(texts)


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
    keep: Keep = every
    """Which rows fit the rest, by their texts; may raise BadFilter."""


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
    labels, keep = _rest(" ".join(rest))
    return Filter(text, fields, labels, keep)


def _rest(text: str) -> tuple[str, Keep]:
    text = text.removeprefix("/")
    if text.startswith("-l"):
        return text.removeprefix("-l").strip(), every
    if text.startswith("-f"):
        return "", fuzzy(text.removeprefix("-f"))
    if text.startswith("!"):
        found = _pattern(text[1:])
        return "", lambda texts: [not each for each in found(texts)]
    return "", _pattern(text)


def _pattern(text: str) -> Keep:
    if not text:
        return every
    try:
        timebox.check(text)
    except ValueError as error:
        reason = str(error.__cause__)
        raise BadFilter(
            _("the regular expression breaks off: {reason}").format(reason=reason)
        ) from error

    def keep(texts: Sequence[str]) -> Sequence[bool]:
        try:
            found = {at for at, _place in timebox.search(text, texts, ignore_case=True)}
        except timebox.TooSlow as slow:
            raise BadFilter(_("the regular expression takes too long")) from slow
        return [at in found for at in range(len(texts))]

    return keep


def fuzzy(text: str) -> Keep:
    """Rows that have these characters in this order, with anything between them."""
    wanted = [each for each in text.casefold() if not each.isspace()]

    def fits(row: str) -> bool:
        letters = iter(row.casefold())
        return all(each in letters for each in wanted)

    return lambda texts: [fits(each) for each in texts]

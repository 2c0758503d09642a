"""What a target expression is made of: frozen terms that print as text that parses back.

`str(expression)` is the explicit form, with `and`, `or`, `!` and parentheses
where the reader needs them; comma lists have become those by then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.domain.facts import FACTS
from core.domain.hostrange import HostRange
from core.domain.names import RESERVED_WORDS

_BARE_NAME = re.compile(r"[^\W_][\w.\-]*")
_BARE_KEY = re.compile(r"\w[\w./\-]*")
_BARE_VALUE = re.compile(r"[\w./:+%][\w./:+%\-]*")


@dataclass(frozen=True, slots=True)
class All:
    """Every host of the inventory."""

    def __str__(self) -> str:
        return "all"


@dataclass(frozen=True, slots=True)
class Name:
    """The host of exactly this name."""

    name: str

    def __str__(self) -> str:
        return _text(self.name, _BARE_NAME)


@dataclass(frozen=True, slots=True)
class Without:
    """Every host that is neither named `word` nor carries a label `word`: a bare `!word`."""

    word: str

    def __str__(self) -> str:
        return f"!{self.word}"


@dataclass(frozen=True, slots=True)
class Range:
    """Hosts by a folded range; each of its names must exist."""

    hosts: HostRange

    def __str__(self) -> str:
        return str(self.hosts)


@dataclass(frozen=True, slots=True)
class Glob:
    """Hosts whose name fits the pattern: `*` any characters, `?` exactly one."""

    pattern: str

    def __str__(self) -> str:
        return self.pattern


@dataclass(frozen=True, slots=True)
class Group:
    """The members of a group."""

    name: str

    def __str__(self) -> str:
        return f"@{_text(self.name, _BARE_NAME)}"


@dataclass(frozen=True, slots=True)
class Label:
    """Hosts whose label has one of the values; `excluded`: all the others, unlabelled ones too."""

    key: str
    values: tuple[str, ...]
    excluded: bool = False

    def __str__(self) -> str:
        key = _key(self.key)
        values = [_text(value, _BARE_VALUE) for value in self.values]
        if len(values) == 1:
            return f"{key}{'!=' if self.excluded else '='}{values[0]}"
        return f"{key} {'notin' if self.excluded else 'in'} ({', '.join(values)})"


@dataclass(frozen=True, slots=True)
class Compared:
    """Hosts whose fact compares so with one of the values, `!=`: with all of them.

    A host that has a label of the fact's name is asked for the label. One of which neither is
    known is never chosen.
    """

    fact: str
    """A key of `core.domain.facts.FACTS`."""
    sign: str
    """A key of `core.domain.facts.COMPARISONS`; only = and != have several values."""
    values: tuple[str, ...]

    def __str__(self) -> str:
        values = [_text(value, _BARE_VALUE) for value in self.values]
        if len(values) == 1:
            return f"{self.fact}{self.sign}{values[0]}"
        return f"{self.fact} {'notin' if self.sign == '!=' else 'in'} ({', '.join(values)})"


@dataclass(frozen=True, slots=True)
class Known:
    """Hosts of which the fact is known, or which have a label of its name."""

    fact: str

    def __str__(self) -> str:
        return f"has({self.fact})"


@dataclass(frozen=True, slots=True)
class Has:
    """Hosts that carry the label, whatever its value."""

    key: str

    def __str__(self) -> str:
        return f"has({_key(self.key)})"


@dataclass(frozen=True, slots=True)
class Not:
    """Every host that `term` does not choose."""

    term: Expression

    def __str__(self) -> str:
        match self.term:
            case And() | Or():
                return f"!({self.term})"
            case Name(name):
                return f"!{_quoted(name)}"
            case _:
                return f"!{self.term}"


@dataclass(frozen=True, slots=True)
class And:
    """Hosts that every one of two or more terms chooses."""

    terms: tuple[Expression, ...]

    def __str__(self) -> str:
        return " and ".join(
            f"({term})" if isinstance(term, And | Or) else str(term) for term in self.terms
        )


@dataclass(frozen=True, slots=True)
class Or:
    """Hosts that at least one of two or more terms chooses."""

    terms: tuple[Expression, ...]

    def __str__(self) -> str:
        return " or ".join(
            f"({term})" if isinstance(term, Or) else str(term) for term in self.terms
        )


Expression = (
    All | Name | Without | Range | Glob | Group | Label | Has | Compared | Known | Not | And | Or
)


def children(expression: Expression) -> tuple[Expression, ...]:
    """The terms directly inside; none for a leaf."""
    match expression:
        case Not(term):
            return (term,)
        case And(terms) | Or(terms):
            return terms
        case _:
            return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and every term inside it, each before its own terms."""
    waiting = [expression]
    while waiting:
        term = waiting.pop()
        yield term
        waiting.extend(reversed(children(term)))


def depth(expression: Expression) -> int:
    """Levels of nesting; a leaf has one."""
    levels, level = 0, [expression]
    while level:
        levels += 1
        level = [inner for term in level for inner in children(term)]
    return levels


def narrows(expression: Expression) -> bool:
    """Whether it says only what to keep or drop: label selectors and exclusions, no name.

    Such an item of a comma list narrows the list; any other adds to it.
    """
    match expression:
        case Label() | Has() | Compared() | Known() | Not() | Without():
            return True
        case And(terms) | Or(terms):
            return all(map(narrows, terms))
        case _:
            return False


def _text(text: str, bare: re.Pattern[str]) -> str:
    return text if bare.fullmatch(text) and text not in RESERVED_WORDS else _quoted(text)


def _key(key: str) -> str:
    """The key of a label; in quotes where it would be read as a fact."""
    return _quoted(key) if key in FACTS else _text(key, _BARE_KEY)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

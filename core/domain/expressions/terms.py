"""What an expression is made of, and its text in one form.

`str(term)` is an expression that reads as the same term. Positions do not count when terms are
compared: two texts that mean the same give equal terms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from core.domain.expressions.tokens import is_word, quoted
from core.domain.expressions.values import duration_text

# How tightly each sign binds, loosest first; parentheses are written by it.
CHOICE, OR, AND, NOT, COMPARE, SUM, PRODUCT, MINUS, DEFAULT, POSTFIX = range(10)

LEVELS = {
    "or": OR,
    "and": AND,
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">=", "in", "not in"), COMPARE),
    **dict.fromkeys(("+", "-"), SUM),
    **dict.fromkeys(("*", "/", "%"), PRODUCT),
    "??": DEFAULT,
}
"""Sign between two terms -> how tightly it binds."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the text."""

    value: bool | int | float | str | timedelta | None
    index: int = field(default=0, compare=False)
    level = POSTFIX

    def __str__(self) -> str:
        match self.value:
            case str():
                return quoted(self.value)
            case timedelta():
                return duration_text(self.value)
            case None | bool():
                return {None: "null", True: "true", False: "false"}[self.value]
        return repr(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and (type(self.value), self.value) == (
            type(other.value),
            other.value,
        )

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True, slots=True)
class Name:
    """What the scope calls so; `it` and the element's own fields inside of `where`."""

    name: str
    index: int = field(default=0, compare=False)
    level = POSTFIX

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Field:
    """`of.key`: what a map has under that key."""

    of: Term
    key: str
    index: int = field(default=0, compare=False)
    """Of the key."""
    level = POSTFIX

    def __str__(self) -> str:
        of = inside(self.of, POSTFIX)
        return f"{of}.{self.key}" if is_word(self.key) else f"{of}[{quoted(self.key)}]"


@dataclass(frozen=True, slots=True)
class Item:
    """`of[key]`: an element of a list by its place, or of a map by its key."""

    of: Term
    key: Term
    index: int = field(default=0, compare=False)
    level = POSTFIX

    def __str__(self) -> str:
        return f"{inside(self.of, POSTFIX)}[{self.key}]"


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b]`."""

    items: tuple[Term, ...]
    index: int = field(default=0, compare=False)
    level = POSTFIX

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.items))}]"


@dataclass(frozen=True, slots=True)
class Call:
    """`name(a, b)`; with `each`, the last argument is worked out for every element of the first."""

    name: str
    arguments: tuple[Term, ...]
    each: Term | None = None
    index: int = field(default=0, compare=False)
    level = POSTFIX

    def __str__(self) -> str:
        clause = f" where {self.each}" if self.each is not None else ""
        return f"{self.name}({', '.join(map(str, self.arguments))}{clause})"


@dataclass(frozen=True, slots=True)
class Choice:
    """`if(condition, then, otherwise)`; only the chosen one is worked out."""

    condition: Term
    then: Term
    otherwise: Term
    index: int = field(default=0, compare=False)
    level = POSTFIX

    def __str__(self) -> str:
        return f"if({self.condition}, {self.then}, {self.otherwise})"


@dataclass(frozen=True, slots=True)
class Unary:
    """`not x` or `-x`."""

    sign: str
    of: Term
    index: int = field(default=0, compare=False)

    @property
    def level(self) -> int:
        return NOT if self.sign == "not" else MINUS

    def __str__(self) -> str:
        blank = " " if self.sign == "not" else ""
        return f"{self.sign}{blank}{inside(self.of, self.level)}"


@dataclass(frozen=True, slots=True)
class Joined:
    """`a and b and c`, or the same with `or`: two terms or more, none of them joined by that sign."""

    sign: str
    terms: tuple[Term, ...]
    index: int = field(default=0, compare=False)
    """Of the first sign."""

    @property
    def level(self) -> int:
        return LEVELS[self.sign]

    def __str__(self) -> str:
        return f" {self.sign} ".join(inside(term, self.level + 1) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Binary:
    """`left sign right`; the signs are those of `LEVELS`, but for `and` and `or`."""

    sign: str
    left: Term
    right: Term
    index: int = field(default=0, compare=False)
    """Of the sign."""

    @property
    def level(self) -> int:
        return LEVELS[self.sign]

    def __str__(self) -> str:
        # Arithmetic groups to the left, `??` to the right; comparisons not at all.
        level = self.level
        left = level + (level in (COMPARE, DEFAULT))
        right = level + (level != DEFAULT)
        return f"{inside(self.left, left)} {self.sign} {inside(self.right, right)}"


Term: TypeAlias = Literal | Name | Field | Item | ListOf | Call | Choice | Unary | Joined | Binary


def inside(term: Term, level: int) -> str:
    """Its text as a part of something that binds as tightly as `level`."""
    return str(term) if term.level >= level else f"({term})"


def children(term: Term) -> tuple[Term, ...]:
    """The terms that it is made of, from left to right."""
    match term:
        case Literal() | Name():
            return ()
        case Field(of=of):
            return (of,)
        case Item(of=of, key=key):
            return (of, key)
        case ListOf(items=items):
            return items
        case Call(arguments=arguments, each=each):
            return arguments if each is None else (*arguments, each)
        case Choice(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case Unary(of=of):
            return (of,)
        case Joined(terms=terms):
            return terms
        case Binary(left=left, right=right):
            return (left, right)


def references(term: Term) -> Iterator[tuple[str, ...]]:
    """Every dotted reference in it, as its words: `("nodes", "build", "outputs", "version")`."""
    if path := path_of(term):
        yield path
    else:
        for child in children(term):
            yield from references(child)


def path_of(term: Term) -> tuple[str, ...]:
    """The words of `a.b.c`; () where the term is anything else."""
    keys: list[str] = []
    while isinstance(term, Field):
        keys.append(term.key)
        term = term.of
    return (term.name, *reversed(keys)) if isinstance(term, Name) else ()

"""What is wrong with an expression before anybody works it out; quick enough while it is typed.

What is not known of a value is taken to be right: a mistake is reported only where no value that
fits the declarations could make it one less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from core.domain.caret import Misread
from core.domain.expressions.evaluating import IT
from core.domain.expressions.functions import FUNCTIONS
from core.domain.expressions.operators import (
    ARITHMETIC,
    a,
    arithmetic_refused,
    condition_refused,
    equality_refused,
    order_refused,
    within_refused,
)
from core.domain.expressions.parser import parse_term
from core.domain.expressions.refusals import (
    IT_ALONE,
    argument_refused,
    field_refused,
    near_hint,
    place_refused,
    unknown_name,
)
from core.domain.expressions.terms import (
    Binary,
    Call,
    Choice,
    Field,
    Item,
    Joined,
    ListOf,
    Literal,
    Name,
    Term,
    Unary,
)
from core.domain.expressions.values import Kind, kind_of
from core.errors import Problem


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a value."""

    kinds: frozenset[Kind] = frozenset(Kind)
    """What it may be; all kinds where nothing is known."""
    fields: Mapping[str, Shape] | None = None
    """What a map has under its keys; None: nobody knows its keys."""
    items: Shape | None = None
    """What every element of a list is; None: nobody knows."""
    is_open: bool = False
    """Whether a map may have other keys than `fields`."""

    def may_be(self, kind: Kind) -> bool:
        return kind in self.kinds

    @property
    def element(self) -> Shape:
        return self.items or UNKNOWN


UNKNOWN = Shape()


def one_of(*kinds: Kind) -> Shape:
    """A value of one of these kinds; null among them where it may be absent."""
    return Shape(frozenset(kinds))


def map_of(fields: Mapping[str, Shape], *, is_open: bool = False) -> Shape:
    """A map with these keys, and others too when it is open."""
    return Shape(frozenset({Kind.MAP}), fields=fields, is_open=is_open)


def list_of(items: Shape) -> Shape:
    """A list of such elements."""
    return Shape(frozenset({Kind.LIST}), items=items)


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing that is wrong, and where in the text."""

    index: int
    """From 0."""
    what: str
    hint: str = ""

    @property
    def problem(self) -> Problem:
        return Problem(where=f"column {self.index + 1}", what=self.what, hint=self.hint)


def check(
    text: str, declared: Mapping[str, Shape], wanted: Kind | None = None
) -> tuple[Mistake, ...]:
    """All that is wrong with the expression where the scope is as declared, from left to right.

    `wanted`: the kind that its value has to be, `Kind.BOOL` for a condition. A text that cannot be
    read has one mistake.
    """
    try:
        term = parse_term(text)
    except Misread as misread:
        return (Mistake(misread.index, misread.what, misread.hint),)
    return check_term(term, declared, wanted)


def check_term(
    term: Term, declared: Mapping[str, Shape], wanted: Kind | None = None
) -> tuple[Mistake, ...]:
    """The same of a term that was read."""
    look = _Look(declared)
    if wanted is Kind.BOOL:
        look.condition(term)
    else:
        found = look.shape(term)
        if wanted is not None and not found.may_be(wanted):
            look.report(term, (f"this is {_shown(found)}, and {a(wanted)} is wanted", ""))
    return tuple(sorted(set(look.mistakes)))


class _Look:
    """One look over a term: what every part is known to be, and the mistakes found."""

    def __init__(self, declared: Mapping[str, Shape]) -> None:
        self._declared = declared
        self._elements: list[Shape] = []
        self.mistakes: list[Mistake] = []

    def report(self, term: Term, problem: tuple[str, str]) -> Shape:
        self.mistakes.append(Mistake(term.index, *problem))
        return UNKNOWN

    def shape(self, term: Term) -> Shape:
        return _LOOKS[type(term)](self, term)

    def condition(self, term: Term) -> None:
        found = self.shape(term)
        if not found.may_be(Kind.BOOL):
            self.report(term, condition_refused(_one(found)))

    def _literal(self, term: Literal) -> Shape:
        return one_of(kind_of(term.value))

    def _name(self, term: Name) -> Shape:
        if not self._elements:
            if term.name in self._declared:
                return self._declared[term.name]
            if term.name == IT:
                return self.report(term, (IT_ALONE, ""))
            return self.report(term, unknown_name(term.name, list(self._declared)))
        if term.name == IT:
            return self._elements[-1]
        known = list(self._declared)
        is_hidden = False
        for element in reversed(self._elements):
            if not element.may_be(Kind.MAP):
                continue
            if element.fields is None:
                is_hidden = True
            elif term.name in element.fields:
                return UNKNOWN if is_hidden else element.fields[term.name]
            else:
                is_hidden |= element.is_open
                known += element.fields
        if is_hidden:
            return UNKNOWN
        return self._declared.get(term.name) or self.report(term, unknown_name(term.name, known))

    def _field(self, term: Field) -> Shape:
        of = self.shape(term.of)
        if not of.kinds & {Kind.MAP, Kind.NULL}:
            return self.report(term, field_refused(term.key, _one(of)))
        if of.fields is None:
            return UNKNOWN
        if term.key in of.fields:
            return of.fields[term.key]
        if of.is_open:
            return UNKNOWN
        shown = ", ".join(list(of.fields)[:6])
        hint = near_hint(term.key, list(of.fields)) or (f"there is {shown}" if shown else "")
        return self.report(term, (f"there is no {term.key!r} in this map", hint))

    def _item(self, term: Item) -> Shape:
        of, key = self.shape(term.of), self.shape(term.key)
        pairs = product(of.kinds, key.kinds)
        if not any(pair in _ASKED for pair in pairs) and not of.may_be(Kind.NULL):
            return self.report(term, place_refused(_one(of), _one(key)))
        return of.element if of.kinds == {Kind.LIST} else UNKNOWN

    def _list(self, term: ListOf) -> Shape:
        shapes = [self.shape(item) for item in term.items]
        alike = shapes and all(shape == shapes[0] for shape in shapes)
        return list_of(shapes[0] if alike else UNKNOWN)

    def _choice(self, term: Choice) -> Shape:
        self.condition(term.condition)
        return _either(self.shape(term.then), self.shape(term.otherwise))

    def _unary(self, term: Unary) -> Shape:
        if term.sign == "not":
            self.condition(term.of)
            return one_of(Kind.BOOL)
        of = self.shape(term.of)
        taken = of.kinds & {Kind.NUMBER, Kind.DURATION}
        if taken:
            return Shape(taken)
        return self.report(term, (f"`-` takes a number or a duration, not {_shown(of)}", ""))

    def _joined(self, term: Joined) -> Shape:
        for each in term.terms:
            self.condition(each)
        return one_of(Kind.BOOL)

    def _binary(self, term: Binary) -> Shape:
        left, right = self.shape(term.left), self.shape(term.right)
        if term.sign == "??":
            there = Shape(left.kinds - {Kind.NULL}, left.fields, left.items, left.is_open)
            return _either(there, right) if there.kinds else right
        pairs = list(product(sorted(left.kinds), sorted(right.kinds)))
        if (refused := _REFUSED.get(term.sign)) is not None:
            problems = [refused(*pair) for pair in pairs]
            if all(problems):
                self.report(term, problems[0] or ("", ""))
            return one_of(Kind.BOOL)
        made = {ARITHMETIC[key][0] for pair in pairs if (key := (term.sign, *pair)) in ARITHMETIC}
        return Shape(frozenset(made)) if made else self.report(term, _arithmetic(term.sign, pairs))

    def _call(self, term: Call) -> Shape:
        function = FUNCTIONS[term.name]
        shapes = [self.shape(argument) for argument in term.arguments]
        for place, (argument, shape) in enumerate(zip(term.arguments, shapes, strict=True)):
            kinds = function.parameter(place).kinds
            if not shape.kinds & kinds:
                self.report(argument, argument_refused(term.name, kinds, _one(shape)))
        out = UNKNOWN
        if term.each is not None and function.each is not None:
            self._elements.append(shapes[0].element)
            if function.each.is_condition:
                self.condition(term.each)
            else:
                out = self.shape(term.each)
            self._elements.pop()
        match function.gives:
            case "any":
                return UNKNOWN
            case "same":
                return shapes[0]
            case "item":
                found = shapes[0].element
                return Shape(found.kinds | {Kind.NULL}, found.fields, found.items, found.is_open)
            case "each":
                return list_of(out)
        return one_of(Kind(function.gives))


def _arithmetic(sign: str, pairs: list[tuple[Kind, Kind]]) -> tuple[str, str]:
    return arithmetic_refused(sign, *pairs[0])


def _either(one: Shape, other: Shape) -> Shape:
    """What is known of a value that is one or the other."""
    return one if one == other else Shape(one.kinds | other.kinds)


def _one(shape: Shape) -> Kind:
    """One of its kinds, to speak of; null only where it is nothing else."""
    return min(shape.kinds, key=lambda kind: (kind is Kind.NULL, kind))


def _shown(shape: Shape) -> str:
    return a(_one(shape))


_ASKED = frozenset({(Kind.LIST, Kind.NUMBER), (Kind.MAP, Kind.STRING)})

_REFUSED: Mapping[str, Callable[[Kind, Kind], tuple[str, str] | None]] = {
    **dict.fromkeys(("=", "!="), equality_refused),
    **dict.fromkeys(("<", "<=", ">", ">="), order_refused),
    **dict.fromkeys(("in", "not in"), within_refused),
}

_LOOKS: Mapping[type, Callable[[_Look, Any], Shape]] = {
    Literal: _Look._literal,
    Name: _Look._name,
    Field: _Look._field,
    Item: _Look._item,
    ListOf: _Look._list,
    Call: _Look._call,
    Choice: _Look._choice,
    Unary: _Look._unary,
    Joined: _Look._joined,
    Binary: _Look._binary,
}

"""Working out a term: total, bounded, and without a way to anything but the values given.

A term is made into closures once, and these are called as often as it is worked out. What a value
is asked is decided by its kind (`values.kind_of`), never by its class: a term cannot name an
attribute, a method or a type of the language that this is written in.

Steps are paid for where work is repeated: the whole term once, and what stands behind `where` for
every element. Whatever takes longer for larger values pays by itself (`budget`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from core.domain.caret import Misread
from core.domain.expressions import operators
from core.domain.expressions.budget import Bounds, Budget, Refusal
from core.domain.expressions.functions import FUNCTIONS
from core.domain.expressions.refusals import (
    IT_ALONE,
    MEND,
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
    children,
)
from core.domain.expressions.values import NotAValue, Value, kind_of

IT = "it"
"""The element that `where` looks at."""


class Missing(Misread):
    """Nothing is where `term` points; `??` behind that very place mends it.

    Its hint is worked out when somebody reads it: most of them are mended.
    """

    def __init__(self, term: Term, what: str, hint: Callable[[], str]) -> None:
        super().__init__(term.index, what)
        self.term, self._hint = term, hint

    @property
    def hint(self) -> str:
        return self._hint()

    @hint.setter
    def hint(self, hint: str) -> None:
        """The base sets it; there is nothing to keep."""


class Frame:
    """What one evaluation works on."""

    __slots__ = ("budget", "elements", "scope")

    def __init__(self, scope: Mapping[str, Value], bounds: Bounds) -> None:
        self.scope = scope
        self.budget = Budget(bounds)
        self.elements: list[Value] = []
        """Those that `where` looks at, the innermost last."""


Work: TypeAlias = Callable[[Frame], Value]
"""A term that can be worked out. Raises: Misread."""


def work_of(term: Term) -> Work:
    """The term, ready to be worked out in any frame; its steps are paid for."""
    work, steps = _work(term), _steps(term)

    def whole(frame: Frame) -> Value:
        try:
            frame.budget.spend(steps)
            found = work(frame)
            kind_of(found)
        except Refusal as refusal:
            raise _at(term, refusal) from None
        except NotAValue as problem:
            raise Misread(term.index, str(problem)) from None
        return found

    return whole


def condition_of(term: Term, found: Value) -> bool:
    """`found`, the value of `term`, as a condition. Raises: Misread."""
    if found is True or found is False:
        return found
    raise Misread(term.index, *operators.condition_refused(kind_of(found)))


def _work(term: Term) -> Work:
    return _MAKERS[type(term)](term)


def _steps(term: Term) -> int:
    """Of the terms that are worked out once when this one is, not of those behind `where`.

    A call takes about as long as four other terms.
    """
    inner = term.arguments if isinstance(term, Call) else children(term)
    own = 4 if isinstance(term, Call) else 1 + len(inner) if isinstance(term, ListOf) else 1
    return own + sum(map(_steps, inner))


def _at(term: Term, refusal: Refusal) -> Misread:
    return Misread(term.index, refusal.what, refusal.hint)


def _literal(term: Literal) -> Work:
    value = term.value
    return lambda _frame: value


def _name(term: Name) -> Work:
    name = term.name

    def look(frame: Frame) -> Value:
        for element in reversed(frame.elements):
            if type(element) is dict and name in element:
                return _typed(element[name])
        if name in frame.scope:
            return frame.scope[name]
        raise _unknown(term, frame)

    def look_at_it(frame: Frame) -> Value:
        return frame.elements[-1] if frame.elements else look(frame)

    return look_at_it if name == IT else look


def _unknown(term: Name, frame: Frame) -> Misread:
    if frame.elements:
        what = f"neither the element nor anything else has {term.name!r}"
        known = [*frame.scope, *(key for each in frame.elements for key in _keys(each))]
        return Missing(term, what, lambda: near_hint(term.name, known) or MEND)
    if term.name == IT:
        return Misread(term.index, IT_ALONE)
    return Misread(term.index, *unknown_name(term.name, list(frame.scope)))


def _field(term: Field) -> Work:
    of_work, key = _work(term.of), term.key

    def look(frame: Frame) -> Value:
        of = of_work(frame)
        if type(of) is dict:
            if key in of:
                return _typed(of[key])
            what = f"there is no {key!r} in this map"
            raise Missing(term, what, lambda: near_hint(key, list(of)) or MEND)
        if of is None:
            raise Missing(term, f"this looks for {key!r} in null", lambda: MEND)
        raise Misread(term.index, *field_refused(key, kind_of(of)))

    return look


def _item(term: Item) -> Work:
    of_work, key_work = _work(term.of), _work(term.key)

    def look(frame: Frame) -> Value:
        of, key = of_work(frame), key_work(frame)
        if of is None:
            raise Missing(term, "this looks into null", lambda: MEND)
        if type(of) is dict and type(key) is str:
            if key in of:
                return _typed(of[key])
            raise Missing(term, "there is no such key in this map", lambda: MEND)
        if type(of) is not tuple or type(key) is not int:
            raise Misread(term.index, *place_refused(kind_of(of), kind_of(key)))
        if not -len(of) <= key < len(of):
            raise Missing(term, f"the list has no such place: it has {len(of)}", lambda: MEND)
        return _typed(of[key])

    return look


def _list(term: ListOf) -> Work:
    works = [_work(item) for item in term.items]
    return lambda frame: tuple([work(frame) for work in works])


def _choice(term: Choice) -> Work:
    condition, then, otherwise = _condition(term.condition), _work(term.then), _work(term.otherwise)
    return lambda frame: then(frame) if condition(frame) else otherwise(frame)


def _condition(term: Term) -> Callable[[Frame], bool]:
    work = _work(term)
    return lambda frame: condition_of(term, work(frame))


def _unary(term: Unary) -> Work:
    if term.sign == "not":
        condition = _condition(term.of)
        return lambda frame: not condition(frame)
    work = _work(term.of)

    def negative(frame: Frame) -> Value:
        try:
            return operators.negative(work(frame))
        except Refusal as refusal:
            raise _at(term, refusal) from None

    return negative


def _joined(term: Joined) -> Work:
    conditions = [_condition(each) for each in term.terms]
    decisive = term.sign == "or"  # what ends the row, and is then its value

    def joined(frame: Frame) -> Value:
        for condition in conditions:
            if condition(frame) is decisive:
                return decisive
        return not decisive

    return joined


def _binary(term: Binary) -> Work:
    if term.sign == "??":
        return _default(term)
    left, right = _work(term.left), _work(term.right)
    combine = operators.BINARY[term.sign]

    def combined(frame: Frame) -> Value:
        try:
            return combine(frame.budget, left(frame), right(frame))
        except Refusal as refusal:
            raise _at(term, refusal) from None

    return combined


def _default(term: Binary) -> Work:
    left, right = _work(term.left), _work(term.right)
    places = set()
    place: Term | None = term.left
    while place is not None:
        places.add(id(place))
        place = place.of if isinstance(place, Field | Item) else None

    def mended(frame: Frame) -> Value:
        try:
            found = left(frame)
        except Missing as missing:
            if id(missing.term) not in places:
                raise
            found = None
        return right(frame) if found is None else found

    return mended


def _call(term: Call) -> Work:
    function = FUNCTIONS[term.name]
    parameters = [
        (_work(argument), function.parameter(place).kinds, argument)
        for place, argument in enumerate(term.arguments)
    ]
    each = _each(term.each) if term.each is not None else None

    def call(frame: Frame) -> Value:
        arguments: list[Any] = []
        try:
            for work, kinds, argument in parameters:
                found = work(frame)
                if (kind := kind_of(found)) not in kinds:
                    refused = argument_refused(function.name, kinds, kind)
                    raise Misread(argument.index, *refused)
                frame.budget.read(found)
                arguments.append(found)
            if each is not None:
                arguments.append(each(frame))
            return operators.checked(function.work(frame.budget, *arguments))
        except Refusal as refusal:
            is_whole = refusal.argument is None or refusal.argument >= len(term.arguments)
            place = term if is_whole else term.arguments[refusal.argument or 0]
            raise _at(place, refusal) from None
        except OverflowError:
            raise Misread(term.index, "the result is too large") from None

    return call


def _each(term: Term) -> Callable[[Frame], Callable[[Value], Value]]:
    """What a function calls with every element of its list."""
    work, steps = _work(term), _steps(term)

    def begin(frame: Frame) -> Callable[[Value], Value]:
        elements, spend = frame.elements, frame.budget.spend

        def look(element: Value) -> Value:
            spend(steps)
            elements.append(element)
            try:
                return work(frame)
            finally:
                elements.pop()

        return look

    return begin


def _keys(element: Value) -> list[str]:
    return list(element) if isinstance(element, dict) else []


def _typed(found: Value) -> Value:
    """Says to the type checker what every part of a value is."""
    return found


_MAKERS: Mapping[type, Callable[[Any], Work]] = {
    Literal: _literal,
    Name: _name,
    Field: _field,
    Item: _item,
    ListOf: _list,
    Call: _call,
    Choice: _choice,
    Unary: _unary,
    Joined: _joined,
    Binary: _binary,
}

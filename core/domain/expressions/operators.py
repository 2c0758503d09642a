"""What the signs mean: one table of arithmetic, and the rules of comparing.

Nothing is converted in silence. Arithmetic is defined for the pairs of kinds in `ARITHMETIC`, the
order for kinds in `ORDERED`; `=` compares values of one kind, or anything with null.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from core.domain.expressions.budget import SECRET_HINT, Budget, Refusal
from core.domain.expressions.values import (
    Kind,
    NotAValue,
    SecretValue,
    Value,
    kind_of,
    number,
)

_K = Kind

ORDERED = frozenset({_K.NUMBER, _K.STRING, _K.TIME, _K.DURATION})
"""Kinds that `<`, sorting, `min` and `max` know; strings by their characters."""

_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _divided(left: Any, right: Any) -> Any:
    if not right:
        raise Refusal("this divides by zero", "if(n = 0, 0, x / n)")
    if isinstance(left, int) and isinstance(right, int) and left % right == 0:
        return left // right
    return left / right


def _remainder(left: Any, right: Any) -> Any:
    if not right:
        raise Refusal("this divides by zero", "if(n = 0, 0, x % n)")
    return left % right


ARITHMETIC: Mapping[tuple[str, Kind, Kind], tuple[Kind, Callable[[Any, Any], Any]]] = {
    ("+", _K.NUMBER, _K.NUMBER): (_K.NUMBER, operator.add),
    ("-", _K.NUMBER, _K.NUMBER): (_K.NUMBER, operator.sub),
    ("*", _K.NUMBER, _K.NUMBER): (_K.NUMBER, operator.mul),
    ("/", _K.NUMBER, _K.NUMBER): (_K.NUMBER, _divided),
    ("%", _K.NUMBER, _K.NUMBER): (_K.NUMBER, _remainder),
    ("+", _K.STRING, _K.STRING): (_K.STRING, operator.add),
    ("+", _K.LIST, _K.LIST): (_K.LIST, operator.add),
    ("-", _K.TIME, _K.TIME): (_K.DURATION, operator.sub),
    ("+", _K.TIME, _K.DURATION): (_K.TIME, operator.add),
    ("+", _K.DURATION, _K.TIME): (_K.TIME, operator.add),
    ("-", _K.TIME, _K.DURATION): (_K.TIME, operator.sub),
    ("+", _K.DURATION, _K.DURATION): (_K.DURATION, operator.add),
    ("-", _K.DURATION, _K.DURATION): (_K.DURATION, operator.sub),
    ("*", _K.DURATION, _K.NUMBER): (_K.DURATION, operator.mul),
    ("*", _K.NUMBER, _K.DURATION): (_K.DURATION, operator.mul),
    ("/", _K.DURATION, _K.NUMBER): (_K.DURATION, _divided),
    ("/", _K.DURATION, _K.DURATION): (_K.NUMBER, _divided),
}
"""(sign, kind on the left, kind on the right) -> kind of the result, and how it is made."""


def arithmetic(budget: Budget, sign: str, left: Value, right: Value) -> Value:
    """`left sign right`. Raises: Refusal."""
    kinds = kind_of(left), kind_of(right)
    entry = ARITHMETIC.get((sign, *kinds))
    if entry is None:
        raise Refusal(*arithmetic_refused(sign, *kinds))
    result, work = entry
    if isinstance(left, str) and isinstance(right, str):
        budget.text_of(len(left) + len(right))
    elif isinstance(left, tuple) and isinstance(right, tuple):
        budget.list_of(len(left) + len(right))
    try:
        made: Value = work(left, right)
    except OverflowError:
        raise Refusal(f"the {result} is too large") from None
    return checked(made)


def arithmetic_refused(sign: str, left: Kind, right: Kind) -> tuple[str, str]:
    """What to say where the table has no such pair: a sentence and a hint."""
    what = f"`{sign}` does not take {a(left)} and {a(right)}"
    if Kind.SECRET in (left, right):
        return what, SECRET_HINT
    if Kind.NULL in (left, right):
        return what, "write `x ?? 0` where x may be null"
    if sign == "+" and Kind.STRING in (left, right):
        return what, "write string(x) for what is none yet, or number(x) to add"
    if Kind.STRING in (left, right):
        return what, "write number(x), time(x) or duration(x) to read a string"
    return what, ""


def negative(value: Value) -> Value:
    """`-value`. Raises: Refusal."""
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        raise Refusal(f"`-` takes a number or a duration, not {a(kind_of(value))}")
    try:
        return checked(-value)
    except OverflowError:
        raise Refusal("the duration is too large") from None


def checked(made: Value) -> Value:
    """`made`, as numbers are kept. Raises: Refusal."""
    if isinstance(made, int | float) and not isinstance(made, bool):
        try:
            return number(made)
        except NotAValue as problem:
            raise Refusal(str(problem)) from None
    return made


_PLAIN = frozenset({str, int, bool, float, datetime, timedelta})
"""Types whose values of one type are compared as they are."""


def equal(budget: Budget, left: Value, right: Value) -> bool:
    """Whether `left = right`. Raises: Refusal for kinds that are never equal."""
    if type(left) is type(right) and type(left) in _PLAIN:
        return left == right
    kinds = kind_of(left), kind_of(right)
    if problem := equality_refused(*kinds):
        raise Refusal(*problem)
    return same(budget, left, right)


def equality_refused(left: Kind, right: Kind) -> tuple[str, str] | None:
    """What to say where two kinds are never equal; None where they may be."""
    if Kind.SECRET in (left, right):
        return "a secret is compared with nothing", SECRET_HINT
    if left is right or Kind.NULL in (left, right):
        return None
    hint = f"write {_AS[left]}(…) for the right side" if left in _AS else ""
    if left is Kind.STRING and right in _AS:
        hint = f"write {_AS[right]}(…) for the left side"
    return f"{a(left)} and {a(right)} are never equal", hint


_AS = {_K.STRING: "string", _K.NUMBER: "number", _K.TIME: "time", _K.DURATION: "duration"}


def same(budget: Budget, left: Value, right: Value) -> bool:
    """Whether two values are the same; those of different kinds are not. Raises: Refusal."""
    kind = kind_of(left)
    if kind is Kind.SECRET or isinstance(right, SecretValue):
        raise Refusal("a secret is compared with nothing", SECRET_HINT)
    if kind is not kind_of(right):
        return False
    one: Any = left
    other: Any = right
    if kind not in (Kind.LIST, Kind.MAP):
        return bool(one == other)
    budget.spend(1 + 4 * len(one))
    if kind is Kind.LIST:
        return len(one) == len(other) and all(
            same(budget, *pair) for pair in zip(one, other, strict=True)
        )
    return len(one) == len(other) and all(
        key in other and same(budget, item, other[key]) for key, item in one.items()
    )


_TWO_NUMBERS = (Kind.NUMBER, Kind.NUMBER)


def ordered(sign: str, left: Value, right: Value) -> bool:
    """`left < right` and its like. Raises: Refusal."""
    kinds = kind_of(left), kind_of(right)
    if kinds != _TWO_NUMBERS and (problem := order_refused(*kinds)):
        raise Refusal(*problem)
    return _ORDER[sign](left, right)


def order_refused(left: Kind, right: Kind) -> tuple[str, str] | None:
    """What to say where two values have no order; None where they have one."""
    if Kind.SECRET in (left, right):
        return "a secret is compared with nothing", SECRET_HINT
    if left is right and left in ORDERED:
        return None
    if Kind.NULL in (left, right):
        return "null has no order", "write `x ?? 0` where x may be null"
    if left is right:
        return f"{a(left)} has no order", "len(x) is its size" if left in SIZED else ""
    hint = ""
    if Kind.STRING in (left, right):
        other = right if left is Kind.STRING else left
        hint = f"write {_AS[other]}(…) to read the string" if other in _AS else ""
    return f"{a(left)} and {a(right)} have no order", hint


def _ordering(sign: str) -> Combine:
    def combine(_budget: Budget, left: Value, right: Value) -> bool:
        return ordered(sign, left, right)

    return combine


def _arithmetic(sign: str) -> Combine:
    return lambda budget, left, right: arithmetic(budget, sign, left, right)


SIZED = frozenset({_K.STRING, _K.LIST, _K.MAP})
"""Kinds that `len`, `in` and `contains` look into."""


def within(budget: Budget, item: Value, of: Value) -> bool:
    """`item in of`: an element of a list, a key of a map, a part of a string. Raises: Refusal."""
    kind = kind_of(of)
    if kind is Kind.LIST:
        assert isinstance(of, tuple)
        budget.spend(2 * len(of))
        return any(same(budget, item, element) for element in of)
    if problem := within_refused(kind_of(item), kind):
        raise Refusal(*problem)
    assert isinstance(item, str)
    if isinstance(of, str):
        budget.read(of)
    assert isinstance(of, str | dict)
    return item in of


def within_refused(item: Kind, of: Kind) -> tuple[str, str] | None:
    """What to say where nothing of kind `item` is in anything of kind `of`; None where it may."""
    if of is Kind.SECRET:
        return "nobody looks into a secret", SECRET_HINT
    if of not in SIZED:
        hint = "write `x ?? []` where x may be null" if of is Kind.NULL else "[1, 2] is a list"
        return f"`in` looks into a list, a map or a string, not into {a(of)}", hint
    if of is not Kind.LIST and item is not Kind.STRING:
        what = "keys of a map" if of is Kind.MAP else "parts of a string"
        return f"the {what} are strings, and this is {a(item)}", "write string(x)"
    return None


Combine: TypeAlias = Callable[[Budget, Value, Value], Value]

BINARY: Mapping[str, Combine] = {
    "=": equal,
    "!=": lambda budget, left, right: not equal(budget, left, right),
    "in": within,
    "not in": lambda budget, left, right: not within(budget, left, right),
    **{sign: _ordering(sign) for sign in _ORDER},
    **{sign: _arithmetic(sign) for sign in "+-*/%"},
}
"""Every sign that takes two values, both of which are worked out."""


def condition(value: Value) -> bool:
    """`value`, which must be true or false. Raises: Refusal."""
    if value is True or value is False:
        return value
    raise Refusal(*condition_refused(kind_of(value)))


def condition_refused(kind: Kind) -> tuple[str, str]:
    """What to say of something that is neither true nor false."""
    what = f"a condition is true or false, and this is {a(kind)}"
    match kind:
        case Kind.SECRET:
            return what, SECRET_HINT
        case Kind.NULL:
            return what, "write `x ?? false` where x may be null"
        case Kind.STRING:
            return what, 'compare it, as in x = "yes", or write bool(x)'
        case Kind.NUMBER:
            return what, "compare it, as in x > 0"
        case Kind.LIST | Kind.MAP:
            return what, "len(x) > 0 asks whether there is anything in it"
    return what, "compare it with another"


def a(kind: Kind) -> str:
    """The kind with its article."""
    return _WITH_ARTICLE[kind]


_WITH_ARTICLE = {
    Kind.NULL: "null",
    Kind.BOOL: "a bool",
    Kind.NUMBER: "a number",
    Kind.STRING: "a string",
    Kind.LIST: "a list",
    Kind.MAP: "a map",
    Kind.TIME: "a time",
    Kind.DURATION: "a duration",
    Kind.SECRET: "a secret",
}

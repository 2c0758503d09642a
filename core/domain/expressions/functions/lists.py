"""Functions of lists and maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from core.domain.expressions.budget import Budget, Refusal
from core.domain.expressions.functions.signature import Function
from core.domain.expressions.operators import (
    a,
    arithmetic,
    condition,
    ordered,
    within,
)
from core.domain.expressions.values import Kind, Value, kind_of

Each: TypeAlias = Callable[[Value], Value]
"""What stands behind `where`, for one element."""
Items: TypeAlias = tuple[Value, ...]


def _len(budget: Budget, of: str | Items | dict[str, Value]) -> int:
    return len(of)


def _count(budget: Budget, items: Items, each: Each | None = None) -> int:
    return len(items) if each is None else sum(condition(each(item)) for item in items)


def _filter(budget: Budget, items: Items, each: Each) -> Items:
    found = tuple(item for item in items if condition(each(item)))
    budget.list_of(len(found))
    return found


def _any(budget: Budget, items: Items, each: Each | None = None) -> bool:
    return any(condition(each(item) if each else item) for item in items)


def _all(budget: Budget, items: Items, each: Each | None = None) -> bool:
    return all(condition(each(item) if each else item) for item in items)


def _first(budget: Budget, items: Items, each: Each | None = None) -> Value:
    return next((item for item in items if each is None or condition(each(item))), None)


def _last(budget: Budget, items: Items, each: Each | None = None) -> Value:
    return _first(budget, items[::-1], each)


def _map(budget: Budget, items: Items, each: Each) -> Items:
    budget.list_of(len(items))
    return tuple(each(item) for item in items)


def _sort(budget: Budget, items: Items, each: Each | None = None) -> Items:
    budget.list_of(len(items))
    keys: list[Any] = [each(item) if each else item for item in items]
    for key in keys:
        ordered("<", keys[0], key)  # once for all pairs: all keys are of one kind that has an order
    budget.spend(len(keys) * len(keys).bit_length() // 4)
    places = sorted(range(len(keys)), key=keys.__getitem__)
    return tuple(items[place] for place in places)


def _reverse(budget: Budget, items: Items) -> Items:
    budget.list_of(len(items))
    return items[::-1]


def _unique(budget: Budget, items: Items) -> Items:
    found: list[Value] = []
    plain: set[tuple[Kind, Any]] = set()
    for item in items:
        kind = kind_of(item)
        if kind in (Kind.LIST, Kind.MAP, Kind.SECRET):
            is_new = not within(budget, item, tuple(found))
        else:
            is_new = (kind, item) not in plain
            plain.add((kind, item))
        if is_new:
            found.append(item)
    budget.list_of(len(found))
    return tuple(found)


def _flatten(budget: Budget, items: Items) -> Items:
    parts = [item if isinstance(item, tuple) else (item,) for item in items]
    budget.list_of(sum(map(len, parts)))
    return tuple(item for part in parts for item in part)


def _slice(budget: Budget, of: str | Items, start: float, end: float | None = None) -> str | Items:
    for place, number in ((1, start), (2, end)):
        if isinstance(number, float):
            raise Refusal("a place is a whole number", argument=place)
    part = of[int(start) : None if end is None else int(end)]
    budget.spend(1 + len(part) // 8)
    return part


def _contains(budget: Budget, of: Value, item: Value) -> bool:
    return within(budget, item, of)


def _keys(budget: Budget, of: dict[str, Value]) -> Items:
    budget.list_of(len(of))
    return tuple(of)


def _values(budget: Budget, of: dict[str, Value]) -> Items:
    budget.list_of(len(of))
    return tuple(of.values())


def _sum(budget: Budget, items: Items, each: Each | None = None) -> Value:
    amounts = [each(item) if each else item for item in items]
    for amount in amounts:
        if kind_of(amount) not in (Kind.NUMBER, Kind.DURATION):
            what = f"only numbers and durations have a sum, and this holds {a(kind_of(amount))}"
            raise Refusal(what, argument=0)
    budget.spend(len(amounts))
    total: Value = amounts[0] if amounts else 0
    for amount in amounts[1:]:
        total = arithmetic(budget, "+", total, amount)
    return total


def _min(budget: Budget, *values: Value) -> Value:
    return _extreme(budget, "<", "min", values)


def _max(budget: Budget, *values: Value) -> Value:
    return _extreme(budget, ">", "max", values)


def _extreme(budget: Budget, sign: str, name: str, values: Sequence[Any]) -> Value:
    """The first that no other one goes before; of one list, or of the arguments themselves."""
    items: Items = values[0] if len(values) == 1 and isinstance(values[0], tuple) else tuple(values)
    if not items:
        raise Refusal(f"an empty list has no {name}", f"if(len(x) = 0, 0, {name}(x))", argument=0)
    best = items[0]
    budget.spend(len(items))
    for item in items:
        if ordered(sign, item, best):
            best = item
    return best


LISTS = (
    Function(
        "len",
        "of: string|list|map",
        "number",
        "how many characters, elements or keys it has",
        _len,
        (("len([1, 2])", "2"), ('len("web")', "3")),
    ),
    Function(
        "count",
        "items: list, each?: condition",
        "number",
        "how many elements there are, or how many for which it is true",
        _count,
        (("count([1, 5, 9] where it > 3)", "2"),),
    ),
    Function(
        "any",
        "items: list, each?: condition",
        "bool",
        "whether it is true for at least one",
        _any,
        (("any([1, 5] where it > 3)", "true"), ("any([])", "false")),
    ),
    Function(
        "all",
        "items: list, each?: condition",
        "bool",
        "whether it is true for every one, and for an empty list",
        _all,
        (("all([1, 5] where it > 3)", "false"), ("all([])", "true")),
    ),
    Function(
        "filter",
        "items: list, each: condition",
        "same",
        "the elements for which it is true",
        _filter,
        (("filter([1, 5, 9] where it > 3)", "[5, 9]"),),
    ),
    Function(
        "map",
        "items: list, each: value",
        "each",
        "what comes out for each element",
        _map,
        (("map([1, 2], it * 10)", "[10, 20]"),),
    ),
    Function(
        "first",
        "items: list, each?: condition",
        "item",
        "the first element, or the first for which it is true; null where there is none",
        _first,
        (("first([1, 5, 9] where it > 3)", "5"), ("first([]) ?? 0", "0")),
    ),
    Function(
        "last",
        "items: list, each?: condition",
        "item",
        "the last element, or the last for which it is true; null where there is none",
        _last,
        (("last([1, 5, 9])", "9"),),
    ),
    Function(
        "sort",
        "items: list, each?: value",
        "same",
        "from the smallest to the largest, by what comes out for each element",
        _sort,
        (("sort([3, 1, 2])", "[1, 2, 3]"), ("sort([1, 2], -it)", "[2, 1]")),
    ),
    Function(
        "reverse",
        "items: list",
        "same",
        "from the last to the first",
        _reverse,
        (("reverse([1, 2])", "[2, 1]"),),
    ),
    Function(
        "unique",
        "items: list",
        "same",
        "each element once, where it stood first",
        _unique,
        (("unique([1, 2, 1])", "[1, 2]"),),
    ),
    Function(
        "flatten",
        "items: list",
        "list",
        "elements of the lists that it holds, in one list",
        _flatten,
        (("flatten([[1], [2, 3]])", "[1, 2, 3]"),),
    ),
    Function(
        "slice",
        "of: string|list, start: number, end?: number",
        "same",
        "the part from a place, counted from 0, to before another; negative places count from the end",
        _slice,
        (("slice([1, 2, 3], 1)", "[2, 3]"), ('slice("v1.2", 1, 4)', '"1.2"')),
    ),
    Function(
        "contains",
        "of: string|list|map, item: any",
        "bool",
        "the same as `item in of`",
        _contains,
        (('contains(["a"], "a")', "true"),),
    ),
    Function("keys", "of: map", "list", "the keys of a map, in its order", _keys),
    Function("values", "of: map", "list", "what a map holds, in the order of its keys", _values),
    Function(
        "sum",
        "items: list, each?: value",
        "any",
        "all numbers or durations together; 0 for an empty list",
        _sum,
        (("sum([1, 2, 3])", "6"), ("sum([1, 2], it * 2)", "6")),
    ),
    Function(
        "min",
        "values...: any",
        "any",
        "the smallest of the values, or of one list",
        _min,
        (("min(3, 1)", "1"), ("min([3, 1])", "1")),
    ),
    Function(
        "max",
        "values...: any",
        "any",
        "the largest of the values, or of one list",
        _max,
        (("max(90s, 1m)", "90s"),),
    ),
)

"""Values in a body: looked up, put and taken away by path; every change is a new body.

Keys keep their places; a new one goes where documents have it. Nothing else of a body changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from console.forms.fields import Field, Path, Shape, child, order


class _Absent:
    """No value: not even null."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT = _Absent()


def at(body: Any, path: Path) -> Any:
    """The value at `path`; ABSENT where there is none."""
    for step in path:
        if (isinstance(body, Mapping) and step in body) or (
            _is_list(body) and isinstance(step, int) and 0 <= step < len(body)
        ):
            body = body[step]
        else:
            return ABSENT
    return body


def field_at(root: Field, body: Any, path: Path) -> Field:
    """The field at `path` of a form whose whole value is `body`."""
    for step in path:
        root, body = child(root, body, step), at(body, (step,))
    return root


def put(root: Field, body: Any, path: Path, value: Any) -> Any:
    """A body with `value` at `path`; what has to be around it is made. One past a list's end adds."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    new = put(child(root, body, step), at(body, (step,)), rest, value)
    if isinstance(step, int):
        items = list(body) if _is_list(body) else []
        return [*items[:step], new, *items[step + 1 :]]
    around = body if isinstance(body, Mapping) else {}
    if step in around:
        return {key: new if key == step else old for key, old in around.items()}
    return _inserted(around, step, new, order(root, body))


def _inserted(around: Mapping[str, Any], key: str, value: Any, names: Sequence[str]) -> Any:
    """With a new key, before the first that documents have after it."""
    later = set(names[names.index(key) + 1 :]) if key in names else set()
    before = next((old for old in around if old in later), None)
    found: dict[str, Any] = {}
    for old, kept in around.items():
        if old == before:
            found[key] = value
        found[old] = kept
    found.setdefault(key, value)
    return found


def drop(root: Field, body: Any, path: Path) -> Any:
    """A body without what stands at `path`, nor what is only around it and says nothing then."""
    step, rest = path[0], path[1:]
    if at(body, (step,)) is ABSENT:
        return body
    if rest:
        place = child(root, body, step)
        left = drop(place, body[step], rest)
        says_something = left or place.required or place.nullable or isinstance(step, int)
        if says_something or root.shape is Shape.MAP:
            return put(root, body, (step,), left)
    if isinstance(step, int):
        return [*body[:step], *body[step + 1 :]]
    return {key: value for key, value in body.items() if key != step}


def moved(body: Any, path: Path, by: int) -> Any:
    """A body in which an item of a list has changed places with the one `by` further on."""
    *around, step = path
    if around:
        part = moved(at(body, (around[0],)), path[1:], by)
        if isinstance(around[0], int):
            return [*body[: around[0]], part, *body[around[0] + 1 :]]
        return {key: part if key == around[0] else old for key, old in body.items()}
    assert isinstance(step, int), "only items of lists have an order"
    other = step + by
    if not 0 <= other < len(body):
        return body
    items = list(body)
    items[step], items[other] = items[other], items[step]
    return items


def blank(place: Field, choice: str = "") -> Any:
    """What a new item of a list or a map begins as; `choice` names the branch."""
    match place.shape:
        case Shape.BRANCHES:
            return {place.tag: choice or place.choices[0]}
        case Shape.GROUP | Shape.MAP:
            return {}
        case Shape.LIST:
            return []
        case Shape.CHOICE:
            return place.choices[0]
        case Shape.FLAG:
            return False
        case Shape.WHOLE | Shape.NUMBER | Shape.VALUE | Shape.SECRET:
            return None
    return ""


def merged(base: Any, mine: Any, theirs: Any) -> Any:
    """`theirs` with what `mine` has made of `base`; where both changed a value, mine stands."""
    if mine in (base, theirs):
        return theirs
    if theirs == base or not all(isinstance(each, Mapping) for each in (mine, theirs)):
        return mine
    before = base if isinstance(base, Mapping) else {}
    found = {}
    for key in [*theirs, *(key for key in mine if key not in theirs)]:
        sides = (side.get(key, ABSENT) for side in (before, mine, theirs))
        if (value := merged(*sides)) is not ABSENT:
            found[key] = value
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)

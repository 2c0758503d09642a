"""Problems that the engine names by path, put at the fields that they are about.

The engine writes `spec.steps[1].timeout_s`, and of a place inside a text `spec.targets column 7`.
Keys of maps may hold dots, so a path is read along the body: the longest key that fits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from console.forms.fields import Field, Path, order
from console.forms.values import at, field_at
from core.errors import Problem

_INDEX = re.compile(r"\[([0-9]+)\]")
_QUOTED = re.compile(r'\["([^"]*)"\]')
_BATCH = re.compile(r"^documents\[[0-9]+\]\.?")
"""How the engine names a document among several."""


def placed(root: Field, body: object, problems: Iterable[Problem]) -> dict[Path, list[Problem]]:
    """Problems by the path of the nearest field; () has those that are about the whole.

    What is left of a place, such as a column or a field that is missing, stays with the problem.
    """
    found: dict[Path, list[Problem]] = {}
    for problem in problems:
        path, rest = path_of(root, body, problem.where)
        found.setdefault(path, []).append(replace(problem, where=rest))
    return found


def path_of(root: Field, body: object, where: str) -> tuple[Path, str]:
    """The path that `where` names, as far as there are fields, and what is left of it."""
    path: Path = ()
    rest = _BATCH.sub("", where)
    while rest:
        value = at(body, path)
        step, left = _step(order(field_at(root, body, path), value), value, rest)
        if step is None:
            break
        path, rest = (*path, step), left
    return path, rest.lstrip(". ")


def _step(names: Iterable[str], value: object, rest: str) -> tuple[str | int | None, str]:
    """The key or the index that `rest` begins with, and what follows it."""
    if index := _INDEX.match(rest):
        return int(index[1]), rest[index.end() :]
    if quoted := _QUOTED.match(rest):
        return quoted[1], rest[quoted.end() :]
    rest = rest.removeprefix(".")
    keys = {*names, *(map(str, value) if isinstance(value, Mapping) else ())}
    fitting = [key for key in keys if rest.startswith(key) and _ends(rest[len(key) :])]
    if not fitting:
        return None, rest
    key = max(fitting, key=len)
    return key, rest[len(key) :]


def _ends(rest: str) -> bool:
    return not rest or rest[0] in ".[ "


def nearest(path: Path, shown: Iterable[Path]) -> Path:
    """The deepest of the paths that are `shown` which leads to `path`; () where none does."""
    known = set(shown)
    for end in range(len(path), 0, -1):
        if path[:end] in known:
            return path[:end]
    return ()


def at_nearest(
    problems: Mapping[Path, Iterable[Problem]], shown: Collection[Path]
) -> dict[Path, list[Problem]]:
    """Problems by path, each at the deepest of the paths that are `shown`."""
    found: dict[Path, list[Problem]] = {}
    for path, each in problems.items():
        found.setdefault(nearest(path, shown), []).extend(each)
    return found

"""Pydantic's findings as our own: the place first, one sentence each, the nearest name as hint.

The offending input is left out on purpose: it may be a secret. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from core.domain.patterns import IN_WORDS
from core.errors import Invalid, Problem, nearest

_SHOULD = re.compile(r"^(Value error, |(Input|String|Value|List|Tuple|Dictionary|Data) should )")
_ASIDE = re.compile(r" after validation, not \d+$")
_MOMENT = "must be a moment, such as 2027-03-31T06:30:00Z"
_DAY = "must be a day, such as 2027-03-31"
_SENTENCES = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "model_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be greater than or equal to {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be less than or equal to {le}",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "finite_number": "must be a finite number",
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "timezone_aware": "needs its offset from UTC, such as 2027-03-31T06:30:00Z",
}
"""Pydantic's name of a finding -> what people read, with its bounds, where its own words would not do."""
_OF_ONE = {"too_short": "must have at least 1 item", "string_too_short": "must not be empty"}
"""The same, where the bound is one."""
_MISREAD = "misread"
_MOST_LISTED = 12
"""Names that a hint lists where none is near; more would hide the sentence."""


def misread(error: Invalid) -> PydanticCustomError:
    """What a validator raises for a text that cannot be read: each problem keeps its place and hint."""
    told = "; ".join(str(problem) for problem in error.problems) or error.message
    return PydanticCustomError(_MISREAD, told, {"problems": error.problems})


def describe(
    findings: Sequence[Mapping[str, Any]], model: Any = None, prefix: str = ""
) -> list[Problem]:
    """Each of pydantic's error details as a Problem.

    `model` is the type that was validated: it tells fields from the branches of
    unions in a place, and knows the names that a misspelt one may have meant.
    """
    places = [tuple(finding["loc"]) for finding in findings]
    around = {place[:end] for place in places for end in range(len(place))}
    return [
        problem
        for finding, place in zip(findings, places, strict=True)
        # A list without its wrong items is shorter than what was written.
        if not (finding["type"] == "too_short" and place in around)
        for problem in _describe(finding, model, prefix)
    ]


def _describe(finding: Mapping[str, Any], model: Any, prefix: str) -> Sequence[Problem]:
    where, branches, siblings = prefix, _branches(model), list[str]()
    for part in finding["loc"]:
        siblings = _field_names(branches)
        branches, shown = _follow(branches, part)
        if shown:
            where = _join(where, part)
    kind, context = finding["type"], finding.get("ctx") or {}
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return [_wrong_branch(where, branches, kind, context)]
    if kind == _MISREAD:
        problems: Sequence[Problem] = context["problems"]
        return [each.within(where) for each in problems]
    sentence = _OF_ONE.get(kind) if context.get("min_length") == 1 else None
    sentence = sentence or _SENTENCES.get(kind, "")
    known = IN_WORDS.get(context.get("pattern", "")) or sentence.format(**_plain(context))
    what = known or _SHOULD.sub(_must, _ASIDE.sub("", finding["msg"]))
    hint = suggest(str(finding["loc"][-1]), siblings) if kind == "extra_forbidden" else ""
    if kind != "value_error":  # that is a sentence of ours, which may begin with what was written
        what = what[:1].lower() + what[1:]
    return [Problem(where=where, what=what, hint=hint)]


def _plain(context: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds as people write them: 5, not 5.0."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in context.items()
    }


def _must(found: re.Match[str]) -> str:
    return "must " if found[2] else ""


def suggest(name: str, known: Sequence[str]) -> str:
    """A hint for a name that nothing has: the nearest one, else the names that exist."""
    if near := nearest(name, known):
        return f"did you mean {near}?"
    listed = ", ".join(known[:_MOST_LISTED])
    return f"known: {listed}{', …' if len(known) > _MOST_LISTED else ''}" if known else ""


def _wrong_branch(
    where: str, branches: Sequence[Any], kind: str, context: Mapping[str, Any]
) -> Problem:
    """A union whose discriminator, such as `kind`, is absent or names no branch."""
    field = str(context["discriminator"]).strip("'")
    tags = [str(tag) for branch in branches for tag in _tags(branch, field)]
    near = nearest(str(context.get("tag", "")), tags)
    return Problem(
        where=_join(where, field),
        what=("is required: " if kind == "union_tag_not_found" else "must be ")
        + f"one of {', '.join(tags)}",
        hint=f"did you mean {near}?" if near else "",
    )


def _join(where: str, part: str | int) -> str:
    if isinstance(part, int):
        return f"{where}[{part}]"
    return f"{where}.{part}" if where else part


def _branches(annotation: Any) -> list[Any]:
    """The types that an annotation stands for: Annotated, Optional and unions taken apart."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _branches(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [branch for arg in get_args(annotation) for branch in _branches(arg)]
    return [] if annotation in (None, NoneType) else [annotation]


def _follow(branches: Sequence[Any], part: str | int) -> tuple[list[Any], bool]:
    """Where `part` of a place leads, and whether people see it.

    Pydantic puts the branch of a union that it tried into the place; people never wrote it.
    """
    if len(branches) > 1:
        return [branch for branch in branches if _is_called(branch, part)], False
    return [inner for branch in branches for inner in _inside(branch, part)], part != "[key]"


def _inside(branch: Any, part: str | int) -> list[Any]:
    """The types of what `part` names inside a value of type `branch`."""
    if _is_model(branch):
        field = branch.model_fields.get(part)
        return [] if field is None else _branches(field.annotation)
    origin, args = get_origin(branch), get_args(branch)
    if origin is dict:
        return _branches(args[1])
    if origin in (list, tuple, set, frozenset) and isinstance(part, int):
        return [inner for arg in args if arg is not Ellipsis for inner in _branches(arg)]
    return []


def _is_called(branch: Any, part: str | int) -> bool:
    """Whether pydantic calls this branch of a union `part`: by its tag, or by its type's name."""
    if not _is_model(branch):
        return getattr(branch, "__name__", None) == part
    tags = {tag for name in branch.model_fields for tag in _tags(branch, name)}
    return part == branch.__name__ or part in tags


def _tags(branch: Any, field: str) -> tuple[Any, ...]:
    """The values that mark `branch` in a discriminated union, when `field` is its discriminator."""
    annotation = branch.model_fields[field].annotation
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _field_names(branches: Sequence[Any]) -> list[str]:
    return [name for branch in branches if _is_model(branch) for name in branch.model_fields]


def _is_model(branch: Any) -> bool:
    return isinstance(branch, type) and issubclass(branch, BaseModel)

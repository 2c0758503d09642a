"""Parameters and their values: given by people as text or JSON, kept typed, handed on as text.

Pure. All problems are reported at once, each naming its parameter.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.domain import targets, timebox
from core.domain.job import Parameter, ParameterType
from core.errors import Invalid, Problem, nearest

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class _Refused(Exception):
    """A value that does not fit; the message says what would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """How messages speak of declared values, and of where people give them."""

    place: str
    """Where they stand in a request."""
    noun: str
    of: str
    """What declares them."""
    option: str
    """What gives one on a command line."""


_OF_A_JOB = Inputs(place="parameters", noun="parameter", of="the job", option="-p")


def bind(
    parameters: Sequence[Parameter], given: Mapping[str, Any], inputs: Inputs = _OF_A_JOB
) -> dict[str, Any]:
    """The value of every parameter that has one: given, else the default.

    Text is accepted for every type (it may come from a command line).
    Raises Invalid with every unknown name, missing value and misfit.
    """
    declared = {parameter.name: parameter for parameter in parameters}
    problems = [_unknown(name, list(declared), inputs) for name in given if name not in declared]
    values: dict[str, Any] = {}
    for name, parameter in declared.items():
        where = f"{inputs.place}.{name}"
        value = given.get(name, parameter.default)
        if value is None:
            if parameter.required:
                hint = f"{inputs.option} {name}=…"
                problems.append(Problem(where=where, what="is required", hint=hint))
            continue
        try:
            values[name] = _CHECKS[parameter.type](value, parameter)
        except _Refused as refused:
            problems.append(Problem(where=where, what=str(refused)))
    if problems:
        raise Invalid(f"the {inputs.noun}s do not fit {inputs.of}", problems)
    return values


def check_defaults(parameters: Sequence[Parameter]) -> list[Problem]:
    """What is wrong with the defaults that a job declares."""
    problems = []
    for index, parameter in enumerate(parameters):
        if parameter.default is not None:
            try:
                _CHECKS[parameter.type](parameter.default, parameter)
            except _Refused as refused:
                where = f"spec.parameters[{index}].default"
                problems.append(Problem(where=where, what=str(refused)))
    return problems


def schedule_parameters(
    parameters: Sequence[Parameter], given: Mapping[str, Any], later: Collection[str] = ()
) -> list[Problem]:
    """What is wrong with the values that a schedule gives: they fit, and none is a secret.

    Parameters that it gets `later`, from an event, must be there; their values cannot be told yet.
    """
    secret = {each.name: each for each in parameters if each.type is ParameterType.SECRET}
    known = {each.name for each in parameters}
    problems = [
        Problem(
            where=f"spec.parameters.{name}",
            what="is a secret, which a schedule would keep in plain text",
            hint="let the step log in with an account, or read it where it is kept",
        )
        for name, parameter in secret.items()
        if name in given or name in later or parameter.required
    ]
    problems += [
        Problem(where=f"spec.given.{name}", what="the job has no such parameter")
        for name in later
        if name not in known
    ]
    kept_out = {*secret, *later}
    try:
        bind([each for each in parameters if each.name not in kept_out], _without(given, kept_out))
    except Invalid as error:
        problems += [
            Problem(where=f"spec.{each.where}", what=each.what, hint=each.hint)
            for each in error.problems
        ]
    return problems


def _without(given: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}


def as_text(value: Any) -> str:
    """A value as the text of an environment variable: JSON for maps and lists."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _unknown(name: str, known: Sequence[str], inputs: Inputs) -> Problem:
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"it has {', '.join(known) or 'none'}"
    what = f"{inputs.of} has no such {inputs.noun}"
    return Problem(where=f"{inputs.place}.{name}", what=what, hint=hint)


def _string(value: Any, parameter: Parameter) -> str:
    if not isinstance(value, str):
        raise _Refused("must be text")
    if "\0" in value:
        raise _Refused("must not contain a NUL character; no environment variable can hold it")
    if parameter.pattern is not None:
        _check_pattern(value, parameter.pattern)
    return value


def _check_pattern(value: str, pattern: str) -> None:
    try:
        fits = timebox.fits(pattern, value)
    except timebox.TooSlow:
        raise _Refused(f"takes too long to be held against {pattern}") from None
    if not fits:
        raise _Refused(f"must match {pattern}")


def _number(value: Any, parameter: Parameter) -> int | float:
    if isinstance(value, bool):
        raise _Refused("must be a number")
    try:
        number = int(value) if re.fullmatch(r"[+-]?\d{1,18}", str(value)) else float(value)
    except (TypeError, ValueError):
        raise _Refused("must be a number") from None
    if not math.isfinite(number):
        raise _Refused("must be a finite number")
    if parameter.minimum is not None and number < parameter.minimum:
        raise _Refused(f"must be at least {as_text(parameter.minimum)}")
    if parameter.maximum is not None and number > parameter.maximum:
        raise _Refused(f"must be at most {as_text(parameter.maximum)}")
    return number


def _bool(value: Any, _: Parameter) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise _Refused("must be true or false")


def _choice(value: Any, parameter: Parameter) -> str:
    if value not in parameter.choices:
        near = nearest(str(value), parameter.choices)
        hint = f"; did you mean {near}?" if near else ""
        raise _Refused(f"must be one of {', '.join(parameter.choices)}{hint}")
    return str(value)


def _targets(value: Any, parameter: Parameter) -> str:
    text = _string(value, parameter)
    try:
        targets.parse(text)
    except Invalid as error:
        raise _Refused(str(error)) from error
    return text


def _from_json(value: Any, type_: type, what: str) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise _Refused(f"must be {what}, written as JSON: {error}") from None
    if not isinstance(value, type_):
        raise _Refused(f"must be {what}")
    return value


def _map(value: Any, _: Parameter) -> dict[str, Any]:
    mapping: dict[str, Any] = _from_json(value, dict, 'a map such as {"key": "value"}')
    return mapping


def _list(value: Any, _: Parameter) -> list[Any]:
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return [item.strip() for item in value.split(",")] if value else []
    items: list[Any] = list(_from_json(value, list | tuple, "a list such as [1, 2] or a,b"))  # type: ignore[arg-type]
    return items


_CHECKS: Mapping[ParameterType, Callable[[Any, Parameter], Any]] = {
    ParameterType.STRING: _string,
    ParameterType.NUMBER: _number,
    ParameterType.BOOL: _bool,
    ParameterType.CHOICE: _choice,
    ParameterType.SECRET: _string,
    ParameterType.TARGETS: _targets,
    ParameterType.MAP: _map,
    ParameterType.LIST: _list,
}

"""Flags that several commands share, gathered in one value.

A group is a dataclass of flags, and of groups. A command takes it as one keyword parameter, and on
its command line the flags of the group stand in that place:

    @command(app, "run", …)
    @gathered
    def run(words: … = None, *, request: RequestFlags, detach: Detach = False) -> int:
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def gathered(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with every flag of its groups as a parameter of its own."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}

    @functools.wraps(command)
    def call(**given: Any) -> Any:
        values = {name: _taken(group, given) for name, group in groups.items()}
        return command(**given, **values)

    parameters = list(_parameters(command, hints, groups))
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    del call.__wrapped__
    return call


def _taken(group: Any, given: dict[str, Any]) -> Any:
    """A group with its own values, which are taken out of `given`."""
    hints = get_type_hints(group)
    return group(
        **{
            field.name: _taken(hints[field.name], given)
            if is_dataclass(hints[field.name])
            else given.pop(field.name)
            for field in fields(group)
        }
    )


def _flags(group: Any) -> Iterator[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        if is_dataclass(hints[field.name]):
            yield from _flags(hints[field.name])
            continue
        yield Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )


def _parameters(
    command: Callable[..., Any], hints: Mapping[str, Any], groups: Mapping[str, Any]
) -> Iterator[Parameter]:
    for name, parameter in signature(command).parameters.items():
        if name not in groups:
            yield parameter.replace(annotation=hints[name], kind=Parameter.KEYWORD_ONLY)
            continue
        yield from _flags(groups[name])

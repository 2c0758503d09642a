"""Walking a spec's secrets, wherever they stand in it. Pure.

A secret field holds text on its way in (`SecretStr`) and a reference at rest
(`SecretRef`); one that stays outside is a `SecretSource` and passes. Everything here is generic over pydantic models, so a kind that
gains a secret field is sealed without another line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from core.domain.values import SecretRef, SecretSource

Secretish = SecretRef | SecretStr
Visit = Callable[[str, Secretish], Secretish]
V = TypeVar("V")

_PLAIN = frozenset({str, int, float, bool, type(None)})
_INDEX = re.compile(r"\[\d+\]")


def owner_of(kind: str, name: str, where: str) -> str:
    """The vault owner of the secret at `where` in a document: `account/ops/spec.password`.

    Places in a list are left out, so that a list can be reordered.
    """
    return f"{kind}/{name}/{_INDEX.sub('[]', where)}"


def secrets_in(value: Any, where: str = "spec") -> Iterator[tuple[str, Secretish]]:
    """Each secret inside `value` with its place, such as `spec.become.password`."""
    if isinstance(value, SecretRef | SecretStr):
        yield where, value
    else:
        for suffix, inner in _inner(value):
            if type(inner) not in _PLAIN:
                yield from secrets_in(inner, where + suffix)


def sources_in(value: Any) -> Iterator[SecretSource]:
    """Each place outside, inside `value`, where a secret stays."""
    if isinstance(value, SecretSource):
        yield value
    else:
        for _, inner in _inner(value):
            if type(inner) not in _PLAIN:
                yield from sources_in(inner)


def replace_secrets(value: V, visit: Visit, where: str = "spec") -> V:
    """A copy in which every secret is what `visit(place, secret)` gives.

    What holds no secret that changes is the very same object as before.
    """
    if isinstance(value, SecretRef | SecretStr):
        return visit(where, value)  # type: ignore[return-value]
    inside = _inner(value)
    new = [
        old if type(old) in _PLAIN else replace_secrets(old, visit, where + suffix)
        for suffix, old in inside
    ]
    if all(one is old for one, (_, old) in zip(new, inside, strict=True)):
        return value
    replaced: Any
    if isinstance(value, BaseModel):
        replaced = value.model_copy(update=dict(zip(type(value).model_fields, new, strict=True)))
    elif isinstance(value, Mapping):
        replaced = dict(zip(value, new, strict=True))
    else:
        replaced = type(value)(new)  # type: ignore[call-arg]
    return replaced  # type: ignore[no-any-return]


def seal(
    spec: V, put: Callable[[str, str], SecretRef], check: Callable[[str, SecretRef], None]
) -> V:
    """A spec without a text that is secret.

    `put(place, text)` keeps a text and gives its reference; `check(place, ref)`
    raises for a reference in the input that is not the place's own.
    """

    def visit(where: str, secret: Secretish) -> Secretish:
        if isinstance(secret, SecretStr):
            return put(where, secret.get_secret_value())
        check(where, secret)
        return secret

    return replace_secrets(spec, visit)


def open_all(spec: V, open_: Callable[[SecretRef], str]) -> V:
    """A spec whose references are texts again; only for the moment of their use."""

    def visit(_where: str, secret: Secretish) -> Secretish:
        return SecretStr(open_(secret)) if isinstance(secret, SecretRef) else secret

    return replace_secrets(spec, visit)


def _inner(value: Any) -> list[tuple[str, Any]]:
    """What stands directly inside, with what it adds to the place."""
    if isinstance(value, BaseModel):
        return [(f".{name}", getattr(value, name)) for name in type(value).model_fields]
    if isinstance(value, Mapping):
        return [(f".{key}", inner) for key, inner in value.items()]
    if isinstance(value, tuple | list):
        return [(f"[{index}]", inner) for index, inner in enumerate(value)]
    return []

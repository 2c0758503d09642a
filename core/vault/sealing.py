"""Walking a spec's secrets, wherever they stand in it. Pure.

A secret field holds text on its way in (`SecretStr`) and a reference at rest
(`SecretRef`). Everything here is generic over pydantic models, so a kind that
gains a secret field is sealed without another line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from core.domain.values import SecretRef

Secretish = SecretRef | SecretStr
Visit = Callable[[str, Secretish], Secretish]
V = TypeVar("V")

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
        for place, inner in _inner(value, where):
            yield from secrets_in(inner, place)


def replace_secrets(value: V, visit: Visit, where: str = "spec") -> V:
    """A copy in which every secret is what `visit(place, secret)` gives; the rest is shared."""
    replaced: Any = value
    if isinstance(value, SecretRef | SecretStr):
        replaced = visit(where, value)
    elif isinstance(value, BaseModel):
        fields = {
            name: replace_secrets(inner, visit, f"{where}.{name}")
            for name, inner in _fields(value)
            if any(True for _ in secrets_in(inner))
        }
        replaced = value.model_copy(update=fields) if fields else value
    elif isinstance(value, Mapping):
        replaced = {k: replace_secrets(v, visit, f"{where}.{k}") for k, v in value.items()}
    elif isinstance(value, tuple | list):
        items = (replace_secrets(v, visit, f"{where}[{n}]") for n, v in enumerate(value))
        replaced = type(value)(items)
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


def _fields(model: BaseModel) -> Iterator[tuple[str, Any]]:
    return ((name, getattr(model, name)) for name in type(model).model_fields)


def _inner(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        yield from ((f"{where}.{name}", inner) for name, inner in _fields(value))
    elif isinstance(value, Mapping):
        yield from ((f"{where}.{key}", inner) for key, inner in value.items())
    elif isinstance(value, tuple | list):
        yield from ((f"{where}[{n}]", inner) for n, inner in enumerate(value))

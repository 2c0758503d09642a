"""What differs between two values of JSON, such as two bodies of a document: a list of fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

NEW_SECRET = "0" * 26
"""The id that stands for a secret which is not in the vault yet."""

_SECRET_ID = re.compile(r"[0-9A-Z]{26}")
_PLAIN_KEY = re.compile(r"\w+")
_ABSENT = object()


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One place that differs; None stands for "not there". Secrets are never shown."""

    path: str
    """Such as `spec.steps[0].command` or `labels["example.com/tier"]`."""
    before: Any
    after: Any


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """The places at which `labels` and `spec` of two document bodies differ, in order.

    Lists are compared place by place; an empty mapping is a document that is not there.
    """
    parts = ("labels", "spec")
    return differences(*({part: body.get(part, {}) for part in parts} for body in (before, after)))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """The places at which two mappings differ, in order. Lists are compared place by place."""
    keys = [*before, *(key for key in after if key not in before)]
    return tuple(
        change
        for key in keys
        for change in _differences(key, before.get(key, _ABSENT), after.get(key, _ABSENT))
    )


def _differences(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if before == after:
        return
    one_is_secret = _is_secret(before) or _is_secret(after)
    if isinstance(before, Mapping) and isinstance(after, Mapping) and not one_is_secret:
        for key in [*before, *(key for key in after if key not in before)]:
            inner = f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) else f'{path}["{key}"]'
            yield from _differences(inner, before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            pair = (items[index] if index < len(items) else _ABSENT for items in (before, after))
            yield from _differences(f"{path}[{index}]", *pair)
    else:
        yield FieldChange(path=path, before=_shown(before), after=_shown(after, new=True))


def _is_secret(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and list(value) == ["secret"]
        and isinstance(value["secret"], str)
        and _SECRET_ID.fullmatch(value["secret"]) is not None
    )


def _shown(value: Any, *, new: bool = False) -> Any:
    if value is _ABSENT:
        return None
    if _is_secret(value):
        return "(new secret)" if new else "(secret)"
    if isinstance(value, Mapping):
        return {key: _shown(inner, new=new) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner, new=new) for inner in value]
    return value

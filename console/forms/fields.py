"""JSON Schema -> fields: what may stand at a place, what it means, what holds without it.

A field is read one level at a time (`inner`, `item`, `branch`), so that a schema may refer to
itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from console.jsonschema import Schema, alternatives, described, is_nullable, is_secret, resolved

Path = tuple[str | int, ...]
"""Keys of mappings and numbers of list items, from a document down to a place in it."""

_REFERS_TO, _HOLDS = "x-refers-to", "x-holds"


class Shape(StrEnum):
    """What kind of thing a person fills in."""

    TEXT = "text"
    LINES = "lines"
    """Text of several lines."""
    TARGETS = "targets"
    """A target expression."""
    NAME = "name"
    """The name of another document; `Field.refers_to` is its kind."""
    SECRET = "secret"
    """Text that is taken and never shown; reading gives where it is."""
    WHOLE = "whole"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    LIST = "list"
    MAP = "map"
    GROUP = "group"
    """Named fields."""
    BRANCHES = "branches"
    """One of several groups; a field of theirs (`Field.tag`) says which."""
    VALUE = "value"
    """Any JSON, written as YAML."""


CONTAINERS = frozenset({Shape.LIST, Shape.MAP, Shape.GROUP, Shape.BRANCHES})
"""Shapes whose values have places inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A place that can be filled in."""

    name: str
    """Its key in the mapping around it; "" for the items of lists and maps."""
    shape: Shape
    help: str = ""
    required: bool = False
    nullable: bool = False
    """Whether it can be left out as a whole: then even its default is no value."""
    default: Any = None
    """What holds where nothing is given; None: nothing does."""
    choices: tuple[str, ...] = ()
    """Of a CHOICE; of BRANCHES, the names of its groups."""
    refers_to: str = ""
    tag: str = ""
    """Of BRANCHES: the key whose value names the group."""
    schema: Schema = field(repr=False, compare=False)
    """Its bounds, and what is inside; resolved, without null."""
    root: Schema = field(repr=False, compare=False)
    known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What has been read of it already: a form asks at each key that is pressed."""


def whole(schema: Schema) -> Field:
    """The field that is all of a document, or all of a start."""
    return read("", schema, schema, required=True)


def read(name: str, schema: Schema, root: Schema, *, required: bool = False) -> Field:
    """The field that a schema describes."""
    parts = alternatives(schema, root)
    one = parts[0] if len(parts) == 1 else {}
    found = Field(
        name=name,
        shape=_shape(one),
        help=described(schema, root),
        required=required,
        nullable=is_nullable(schema, root),
        default=schema.get("default"),
        choices=tuple(map(str, one.get("enum", ()))),
        refers_to=str(one.get(_REFERS_TO, "")),
        schema=one,
        root=root,
    )
    if is_secret(schema, root):
        return replace(found, shape=Shape.SECRET)
    tag = resolved(_union(schema, root), root).get("discriminator", {}).get("propertyName", "")
    if tag:
        names = tuple(str(part["properties"][tag]["const"]) for part in parts)
        union = {"oneOf": parts}
        return replace(found, shape=Shape.BRANCHES, choices=names, tag=tag, schema=union)
    return found


def _union(schema: Schema, root: Schema) -> Schema:
    """The union inside an optional value; the schema itself where there is none."""
    schema = resolved(schema, root)
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return _union(choices[0], root) if len(choices) == 1 else schema


def _shape(schema: Schema) -> Shape:
    """The shape of the one schema that a value must fit; {} is any value."""
    match schema:
        case {"enum": _}:
            return Shape.CHOICE
        case {"type": "object", "properties": _}:
            return Shape.GROUP
        case {"type": "object"}:
            return Shape.MAP
        case {"type": "array", "items": _}:
            return Shape.LIST
        case {"type": "string", "x-refers-to": _}:
            return Shape.NAME
        case {"type": "string", "x-holds": ("lines" | "targets") as held}:
            return Shape(held)
    scalar = {
        "string": Shape.TEXT,
        "integer": Shape.WHOLE,
        "number": Shape.NUMBER,
        "boolean": Shape.FLAG,
    }
    return scalar.get(str(schema.get("type")), Shape.VALUE)


def inner(place: Field, value: Any = None) -> tuple[Field, ...]:
    """The fields of a group, or of the branch that `value` is; constants are no fields."""
    group = place if place.shape is not Shape.BRANCHES else branch(place, value)
    if group is None or group.shape is not Shape.GROUP:
        return ()
    if "inner" not in group.known:
        needed = group.schema.get("required", ())
        group.known["inner"] = tuple(
            read(name, schema, group.root, required=name in needed)
            for name, schema in group.schema["properties"].items()
            if "const" not in resolved(schema, group.root)
        )
    found: tuple[Field, ...] = group.known["inner"]
    return found


def branch(place: Field, value: Any) -> Field | None:
    """The group that `value` says it is; None where it says none."""
    said = value.get(place.tag) if isinstance(value, Mapping) else None
    if "branches" not in place.known:
        place.known["branches"] = {
            name: read(place.name, schema, place.root, required=place.required)
            for name, schema in zip(place.choices, place.schema["oneOf"], strict=True)
        }
    found: Field | None = place.known["branches"].get(said) if isinstance(said, str) else None
    return found


def item(place: Field) -> Field:
    """What stands in a list, or behind the keys of a map."""
    if "item" not in place.known:
        place.known["item"] = read("", _item_schema(place), place.root, required=True)
    found: Field = place.known["item"]
    return found


def _item_schema(place: Field) -> Schema:
    if place.shape is Shape.LIST:
        items: Schema = place.schema["items"]
        return items
    behind: Any = place.schema.get("additionalProperties") or next(
        iter(place.schema.get("patternProperties", {}).values()), {}
    )
    return behind if isinstance(behind, Mapping) else {}


def child(place: Field, value: Any, step: str | int) -> Field:
    """The field one step inside `place`, whose value is `value`; any value where it has none."""
    if place.shape in (Shape.LIST, Shape.MAP):
        return replace(item(place), name=step if isinstance(step, str) else "")
    for each in inner(place, value):
        if each.name == step:
            return each
    return Field(name=str(step), shape=Shape.VALUE, schema={}, root=place.root)


def order(place: Field, value: Any) -> tuple[str, ...]:
    """Keys of a mapping in the order in which documents have them; () where any order will do."""
    group = place if place.shape is not Shape.BRANCHES else branch(place, value)
    return tuple(group.schema.get("properties", ())) if group is not None else ()

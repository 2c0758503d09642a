"""JSON Schemas of documents as fields that people read: type, default, meaning, inner fields.

Only what the schemas of our documents use is understood: references, objects,
lists, maps, enumerations, optional values and unions told apart by `kind`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from console.i18n import _
from console.jsonschema import Schema, alternatives, described, is_secret, resolved
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.sentences import meant

_STEP = re.compile(r"[^.\[\]]+")


@dataclass(frozen=True, slots=True)
class Field:
    """A place in a document."""

    name: str
    type: str
    description: str
    required: bool
    default: str
    """As it is written in YAML's flow style; "" where there is none worth saying."""
    only: str
    """The variants that have it, such as `script`; "" for all."""
    schema: Schema
    fields: tuple[Field, ...]


def find(schema: Schema, path: str) -> Field | list[str]:
    """The field at `path` such as `spec.steps.retry`, or the names that its place has.

    `spec.` may be left out where that is clear.
    """
    root = _field("", schema, schema, required=True)
    steps = _STEP.findall(path)
    names = [field.name for field in root.fields]
    if steps and steps[0] not in names:
        steps.insert(0, "spec")
    field = root
    for step in steps:
        inner = {item.name: item for item in field.fields}
        if step not in inner:
            return list(inner)
        field = inner[step]
    return field


def _field(name: str, schema: Schema, root: Schema, *, required: bool, only: str = "") -> Field:
    objects = [part for part in _parts(schema, root) if "properties" in part]
    return Field(
        name=name,
        type=type_text(schema, root),
        description=meant(described(schema, root)),
        required=required,
        default=_default(schema),
        only=only,
        schema=schema,
        fields=tuple(_merged(objects, root)),
    )


def _merged(objects: Sequence[Schema], root: Schema) -> Iterator[Field]:
    """The fields of all variants; one that only some have says which."""
    seen: dict[str, list[Schema]] = {}
    for part in objects:
        for name in part["properties"]:
            seen.setdefault(name, []).append(part)
    for name, owners in seen.items():
        some = len(owners) < len(objects)
        variants = [str(owner["properties"].get("kind", {}).get("const", "")) for owner in owners]
        only = ", ".join(filter(None, variants)) if some else ""
        # A form without a name can be left out as a whole, and its fields with it.
        is_bound = bool(only) or not some
        yield _field(
            name,
            _kind_of_all(objects)
            if name == "kind" and len(objects) > 1
            else owners[0]["properties"][name],
            root,
            required=is_bound and all(name in owner.get("required", ()) for owner in owners),
            only=only,
        )


def _kind_of_all(objects: Sequence[Schema]) -> Schema:
    return {"enum": [part["properties"]["kind"].get("const") for part in objects]}


def _parts(schema: Schema, root: Schema) -> list[Schema]:
    """The alternatives of a schema, lists taken apart, without null."""
    return [
        inner
        for part in alternatives(schema, root)
        for inner in (
            _parts(part["items"], root)
            if part.get("type") == "array" and isinstance(part.get("items"), Mapping)
            else [part]
        )
    ]


def type_text(schema: Schema, root: Schema) -> str:
    """What may stand at a place, in words."""
    schema = resolved(schema, root)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices and is_secret(schema, root):
        return _("secret text")
    if choices:
        names = [type_text(item, root) for item in choices if item.get("type") != "null"]
        return " | ".join(dict.fromkeys(names))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    words = {
        "string": _("text"),
        "integer": _("whole number"),
        "number": _("number"),
        "boolean": _("true | false"),
        "object": _("mapping"),
    }
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items")
        inner = type_text(items, root) if isinstance(items, Mapping) else _("value")
        return _("list of {items}").format(items=inner)
    return " ".join(filter(None, (words.get(str(kind), _("any value")), _bounds(schema))))


def _bounds(schema: Schema) -> str:
    """`1 to 65535`, `at least 1`, `above 0, at most 3600`."""
    if "minimum" in schema and "maximum" in schema:
        return _("{least} to {most}").format(least=schema["minimum"], most=schema["maximum"])
    named = (
        ("minimum", _("at least {0}")),
        ("exclusiveMinimum", _("above {0}")),
        ("maximum", _("at most {0}")),
    )
    return ", ".join(text.format(schema[key]) for key, text in named if key in schema)


def _default(schema: Schema) -> str:
    default = schema.get("default")
    if default in (None, "", [], {}) or isinstance(default, dict):
        return ""  # the defaults of a mapping stand with its own fields
    return json.dumps(default, ensure_ascii=False).strip('"')


def describe(what: str, field: Field) -> Iterator[Line]:
    """What a field is, in a few lines."""
    yield line(Span(what, Tone.STRONG), "  ", Span(field.type, Tone.BUSY))
    if field.description:
        yield line(field.description)
    if field.default:
        yield line(_("default: {value}").format(value=field.default))


def fields_table(fields: Sequence[Field]) -> Table:
    """The fields inside; required ones are marked."""
    return Table(
        columns=(
            Column(_("FIELD")),
            Column(_("TYPE")),
            Column(_("DEFAULT")),
            Column(_("MEANING"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(field.name, Tone.STRONG),
                Span(field.type, Tone.BUSY),
                Span(_("(required)"), Tone.WARNING) if field.required else Span(field.default),
                Span(field.description + (f" ({field.only})" if field.only else "")),
            )
            for field in fields
        ),
    )

"""JSON Schemas as our documents use them: references, optional values, unions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def resolved(schema: Schema, root: Schema) -> Schema:
    """What a schema refers to in `root`, or itself."""
    if "$ref" in schema:
        found: Schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def alternatives(schema: Schema, root: Schema) -> list[Schema]:
    """The schemas that a value may fit, resolved and without null; one where there is no choice."""
    schema = resolved(schema, root)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if not choices:
        return [] if schema.get("type") == "null" else [schema]
    return [part for choice in choices for part in alternatives(choice, root)]


def is_nullable(schema: Schema, root: Schema) -> bool:
    """Whether null is a value that fits."""
    schema = resolved(schema, root)
    choices = schema.get("anyOf") or schema.get("oneOf") or ()
    return schema.get("type") == "null" or any(is_nullable(each, root) for each in choices)


def is_secret(schema: Schema, root: Schema) -> bool:
    """Whether a text may be given that is never shown again."""
    return any(part.get("writeOnly") for part in alternatives(schema, root))


def described(schema: Schema, root: Schema) -> str:
    """What a field means, in one line: said at its place, else at what it refers to."""
    text = schema.get("description") or resolved(schema, root).get("description", "")
    return " ".join(str(text).split())

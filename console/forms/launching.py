"""A start as a form: the parameters of a job or a flow, where it runs, as whom, and how.

It is said as a schema, so that a start is filled in, checked and kept as any document is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from console.forms.entry import FULL_PATTERN
from console.i18n import _
from console.jsonschema import Schema
from core.domain.priorities import Priority

PARAMETERS = "parameters"


def schema_of(spec: Mapping[str, Any]) -> Schema:
    """The schema of a start of a job or a flow; `spec` is the document's."""
    declared = spec.get("parameters") or ()
    own = spec.get("targets")
    properties: dict[str, Any] = {}
    if declared:
        properties[PARAMETERS] = parameters_schema(declared)
    properties |= {
        "targets": {
            "type": "string",
            "x-holds": "targets",
            "minLength": 1,
            "default": own,
            "description": _("where it runs: a target expression"),
        },
        "run_as": {
            "type": "string",
            "x-refers-to": "account",
            "description": _("account, instead of each host's"),
        },
        "title": {"type": "string", "description": _("name of the run")},
        "change": {
            "type": "string",
            "description": _("change number, where an environment requires one"),
        },
        "start_at": {
            "enum": list(_names(spec)),
            "description": _("begin with this step or node; what comes before it is taken as done"),
        },
        "without": {
            "type": "array",
            "items": {"enum": list(_names(spec, optional=True))},
            "description": _("optional steps or nodes to leave out"),
        },
        "concurrency": {
            "type": "integer",
            "minimum": 1,
            "maximum": 2000,
            "default": spec.get("concurrency"),
            "description": _("hosts at the same time"),
        },
        "timeout_s": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": _("for each host: 90, 30s, 5m, 2h"),
        },
        "env": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": _("environment variables"),
        },
        "priority": {
            "enum": [each.value for each in Priority],
            "default": spec.get("priority", Priority.NORMAL.value),
            "description": _("how urgent it is"),
        },
        "allow_empty": {
            "type": "boolean",
            "default": False,
            "description": _("no matching host is no failure"),
        },
        "include_away": {
            "type": "boolean",
            "default": False,
            "description": _("also hosts in maintenance, and those that their source has lost"),
        },
    }
    if not properties["start_at"]["enum"]:
        del properties["start_at"]
    if not properties["without"]["items"]["enum"]:
        del properties["without"]
    required = [] if own else ["targets"]
    return {"type": "object", "properties": properties, "required": required}


def parameters_schema(declared: Sequence[Mapping[str, Any]]) -> Schema:
    """The schema of the values of parameters."""
    return {
        "type": "object",
        "description": _("what it is given"),
        "properties": {each["name"]: _parameter(each) for each in declared},
        "required": [each["name"] for each in declared if each.get("required")],
    }


_TYPES: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "bool": {"type": "boolean"},
    "secret": {"type": "string", "writeOnly": True},
    "targets": {"type": "string", "x-holds": "targets"},
    "map": {"type": "object", "additionalProperties": {}},
    "list": {"type": "array", "items": {}},
}
"""Types of parameters but for `choice`, whose values are its own."""


def _parameter(declared: Mapping[str, Any]) -> Schema:
    bounds = {name: declared[name] for name in ("minimum", "maximum") if name in declared}
    if "pattern" in declared:
        bounds[FULL_PATTERN] = declared["pattern"]
    if declared.get("type") == "choice":
        type_: Schema = {"enum": declared.get("choices", [])}
    else:
        type_ = _TYPES.get(declared.get("type", "string"), {})
    said = {"description": declared.get("description", ""), "default": declared.get("default")}
    return {**type_, **bounds, **said}


def _names(spec: Mapping[str, Any], *, optional: bool = False) -> Iterable[str]:
    """Names of a job's steps or a flow's nodes; only those that may be left out."""
    for each in spec.get("steps") or spec.get("nodes") or ():
        if not optional or each.get("optional"):
            yield str(each["name"])

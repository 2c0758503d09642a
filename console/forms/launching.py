"""A start as a form: the parameters of a job or a flow, where it runs, as whom, and how.

It is said as a schema, so that a start is filled in, checked and kept as any document is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.forms.entry import FULL_PATTERN
from console.i18n import _
from console.jsonschema import Schema
from core.domain.priorities import Priority

PARAMETERS = "parameters"


COMMAND = "command"
"""The field of a start that runs one command line instead of what is saved."""

_NAMED_WORK = ("job", "flow")
_STEP = {"kind": "command", "name": "command"}
"""What a run of one command line is called, as the command line calls it."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is started: a saved job or flow, or one command line."""

    kind: str = COMMAND
    name: str = ""

    @property
    def is_saved(self) -> bool:
        return self.kind in _NAMED_WORK

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" if self.is_saved else self.kind


def request_of(work: Work, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the engine is asked, from a form that was filled in."""
    said = {name: value for name, value in body.items() if name != COMMAND}
    if work.is_saved:
        return {work.kind: work.name, **said}
    step = {**_STEP, **said.pop("step", {})}
    return {"step": {**step, COMMAND: body[COMMAND]} if COMMAND in body else step, **said}


def filled_in(request: Mapping[str, Any]) -> tuple[Work, dict[str, Any]]:
    """What an earlier request started, and a form that asks for the same."""
    body = {name: value for name, value in request.items() if name not in _NAMED_WORK}
    for kind in _NAMED_WORK:
        if request.get(kind):
            return Work(kind, str(request[kind])), body
    if COMMAND in body.get("step", {}):
        body[COMMAND] = body["step"][COMMAND]
    return Work(), body


def schema_of(work: Work, spec: Mapping[str, Any], begun: Mapping[str, Any]) -> Schema:
    """The schema of a start.

    `spec` is the document's, {} for one command line; `begun`: what the form begins as, since an
    earlier request may name exact hosts, or hold a step that is no command line.
    """
    own = spec.get("targets")
    is_command = not work.is_saved and (COMMAND in begun or "step" not in begun)
    properties: dict[str, Any] = {}
    if is_command:
        properties[COMMAND] = {
            "type": "string",
            "x-holds": "lines",
            "minLength": 1,
            "description": _("what the shell of each host is given"),
        }
    if declared := spec.get("parameters"):
        properties[PARAMETERS] = parameters_schema(declared)
    properties |= _where(own) | _how(spec)
    if names := list(_names(spec)):
        properties["start_at"] = {
            "enum": names,
            "description": _("begin with this step or node; what comes before it is taken as done"),
        }
    if names := list(_names(spec, optional=True)):
        properties["without"] = {
            "type": "array",
            "items": {"enum": names},
            "description": _("optional steps or nodes to leave out"),
        }
    if begun.get("hosts"):
        del properties["targets"]
        hosts = {"type": "string", "x-refers-to": "host"}
        about = _("exactly these hosts")
        properties["hosts"] = {"type": "array", "items": hosts, "description": about}
    asked = (
        (COMMAND, is_command),
        (PARAMETERS, PARAMETERS in properties),
        ("targets", "targets" in properties and not (own or _say_where(spec))),
    )
    required = [name for name, is_needed in asked if is_needed]
    return {"type": "object", "properties": properties, "required": required}


_FIELDS = {"batch": "rolling.batch", "on": "targets"}
"""Flags whose field is called otherwise."""
_FLAG = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")


def in_fields(text: str) -> str:
    """What the engine says for a command line, as a form has it: fields in the place of flags."""
    return _FLAG.sub(lambda flag: _FIELDS.get(flag[1], flag[1].replace("-", "_")), text)


def _where(own: str | None) -> dict[str, Any]:
    return {
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
        "change": {
            "type": "string",
            "description": _("change number, where an environment requires one; kept with the run"),
        },
        "title": {"type": "string", "maxLength": 200, "description": _("name of the run")},
    }


def _how(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "rolling": {
            "type": "object",
            "description": _("batches, one after the other"),
            "properties": {
                "batch": {"type": "string", "description": _("such as '1 5 20%'")},
                "max_fail": {"type": "string", "description": _("failures that are borne: N, N%")},
                "soak_s": {
                    "type": "number",
                    "minimum": 0,
                    "description": _("seconds to wait after a good batch"),
                },
            },
        },
        "concurrency": {
            "type": "integer",
            "minimum": 1,
            "maximum": 2000,
            "default": spec.get("concurrency", 100),
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
        "override": {
            "type": "string",
            "description": _("why it begins although the engine is frozen or drains"),
        },
    }


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


def _parts(spec: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """A job's steps or a flow's nodes."""
    return spec.get("steps") or spec.get("nodes") or ()


def _say_where(spec: Mapping[str, Any]) -> bool:
    """Whether parts say themselves where they run; which others need a word, the engine knows."""
    return any(each.get("targets") for each in _parts(spec))


def _names(spec: Mapping[str, Any], *, optional: bool = False) -> Iterable[str]:
    """Names of its parts; only those that may be left out."""
    for each in _parts(spec):
        if not optional or each.get("optional"):
            yield str(each["name"])

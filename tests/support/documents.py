"""Strategies for documents of every kind, made from their models.

A field that is added to a spec takes part without a change here, unless its type is one that
nothing below knows, which fails.
"""

from __future__ import annotations

import base64
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, SecretStr
from pydantic.fields import FieldInfo

from core.domain import yamlsafe
from core.domain.access import AccountSpec
from core.domain.approvers import ApprovalRules
from core.domain.channel import ChannelSpec
from core.domain.command_rules import BUILTIN, CommandRuleSpec
from core.domain.documents import KINDS, parse
from core.domain.inventory import GroupSpec
from core.domain.inventorysource import InventorySourceSpec
from core.domain.job import JobSpec, Parameter, ParameterType
from core.domain.rolling import Rolling, Stagger
from core.domain.schedule import ScheduleSpec, TriggerSpec
from core.domain.steps import (
    DistributeStep,
    HttpStep,
    LocalStep,
    PullStep,
    PushStep,
    ScriptStep,
    ScriptUse,
)
from core.domain.steps.http import CaptureFrom
from core.domain.telling import Telling
from core.domain.values import SecretRef, SecretSource
from core.errors import Invalid
from tests.support.certificates import Authority

ALPHABET = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
"""Letters of all scripts, controls, line ends, characters beyond the basic plane."""
TEXT = st.one_of(
    st.text(ALPHABET, max_size=30),
    st.sampled_from(["", " ", "no", "1:20", "0644", "null", "~", "- a", "# x", "a: b", "é端口🐚"]),
    st.lists(st.text(ALPHABET, max_size=12), min_size=2, max_size=4).map("\n".join),
    st.just("#!/bin/sh\nset -e\n\n\tindented\n  trailing blanks  \n\n"),
)
ENV_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
LABEL_KEYS = st.from_regex(r"[\w][\w./-]{0,9}", fullmatch=True).filter(
    lambda key: yamlsafe.load(yamlsafe.dump({key: 1})).value == {key: 1}
)
NEW_NAMES = st.sampled_from(["web01", "ähre", "主机一", "x" * 128, "007", "true-ly", "a.b_c-d"])
CHECKED = {
    "check_env_name": ENV_NAMES,
    "check_name": NEW_NAMES,
    "check_expression": st.sampled_from(["10%", "1 5 20%", "1 *2", "3 +1", "100%"]),
    "check_network": st.sampled_from(["10.0.0.0/8", "192.168.1.1", "fd00::/8"]),
    "check_path": st.sampled_from(["$", "$.a.b[0]", "$..x[?@.y > 1]"]),
    "check_places": st.sampled_from(["x", "a ${B} c", "${B}", "$${", "é端口"]),
    "_check_token_url": st.just("https://login.example/token"),
    "_known_builtin": st.sampled_from(list(BUILTIN)),
    "check_status": st.sampled_from(["200", "2xx", "200-299"]),
    "check": st.sampled_from(["[0-9]+", "rm +-rf", "é"]),
    "_compiles": st.sampled_from(["[0-9]+", "up|down", "^$", "é"]),
    "check_cron": st.sampled_from(["0 2 * * *", "*/5 * * * MON-FRI", "@daily", "1 2 3 LW * *"]),
    "check_days": st.sampled_from(["2026-12-25", "12-25", "2026-12-24..2027-01-02"]),
    "check_month_day": st.sampled_from(["15", "last", "first tuesday", "last working day"]),
    "check_zone": st.sampled_from(["UTC", "Europe/Berlin", "Asia/Shanghai"]),
    "check_max_fail": st.sampled_from(["0", "3", "10%"]) | st.integers(0, 99),
}
"""Name of a check -> texts that pass it."""

PRESENT: Mapping[str, str] = {
    "account": "there-a",
    "environment": "there-e",
    "host": "there-h",
    "script": "there-s",
    "group": "there-g",
    "job": "there-j",
    "flow": "there-f",
    "calendar": "there-c",
    "channel": "there-n",
}
"""Documents that exist, for references to them."""
FOUNDATION: list[dict[str, Any]] = [
    {"kind": "account", "name": "there-a", "spec": {"user": "u"}},
    {"kind": "environment", "name": "there-e", "spec": {}},
    {"kind": "host", "name": "there-h", "spec": {}},
    {"kind": "script", "name": "there-s", "spec": {"text": "true"}},
    {"kind": "group", "name": "there-g", "spec": {"hosts": ["there-h"]}},
    {"kind": "calendar", "name": "there-c", "spec": {"days": ["12-25"]}},
    {"kind": "channel", "name": "there-n", "spec": {"webhook": {"url": "https://x/"}}},
    {
        "kind": "job",
        "name": "there-j",
        "spec": {"steps": [{"kind": "command", "name": "s", "command": "true"}]},
    },
    {"kind": "flow", "name": "there-f", "spec": {"nodes": [{"kind": "start", "name": "s"}]}},
]
EXPRESSIONS = st.sampled_from(
    ["all", "there-h", "@there-g & !env=prod", "env in (a, b)", "there-*"]
)
JSON_VALUES = st.recursive(
    TEXT | st.booleans() | st.none() | st.integers(-(10**9), 10**9) | st.floats(-1e6, 1e6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
DEFAULTS: Mapping[ParameterType, st.SearchStrategy[Any]] = {
    ParameterType.STRING: TEXT,
    ParameterType.NUMBER: st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6),
    ParameterType.BOOL: st.booleans(),
    ParameterType.TARGETS: EXPRESSIONS,
    ParameterType.MAP: st.dictionaries(TEXT, TEXT | st.integers() | st.none(), max_size=3),
    ParameterType.LIST: st.lists(TEXT | st.booleans() | st.lists(TEXT, max_size=2), max_size=3),
}


@st.composite
def parameters(draw: st.DrawFn) -> dict[str, Any]:
    """A parameter whose settings fit its type."""
    type_ = draw(st.sampled_from(ParameterType))
    raw = {"name": draw(ENV_NAMES), "type": type_.value, "description": draw(TEXT)}
    if type_ is ParameterType.CHOICE:
        raw["choices"] = draw(st.lists(TEXT, min_size=1, max_size=3))
        default = st.sampled_from(raw["choices"])
    else:
        default = DEFAULTS.get(type_, st.none())
    if type_ is not ParameterType.SECRET and draw(st.booleans()):
        raw["default"] = draw(default)
    else:
        raw["required"] = draw(st.booleans())
    if type_ is ParameterType.NUMBER and "default" not in raw:
        raw["minimum"] = draw(st.integers(-5, 5) | st.floats(-5, 5))
    return raw


def present(kind: str) -> st.SearchStrategy[str]:
    return st.just(PRESENT[kind])


SPECIAL: Mapping[str, st.SearchStrategy[Any]] = {
    "account": present("account"),
    "run_as": present("account"),
    "environment": present("environment"),
    "health": present("job"),
    "job": present("job"),
    "flow": present("flow"),
    "blackout": st.lists(present("calendar"), max_size=1),
    "jump": st.lists(present("host"), max_size=1),
    "environments": st.lists(present("environment"), max_size=1),
    "exempt": st.lists(present("job"), max_size=1),
    "hosts": st.lists(present("host"), min_size=1, max_size=1),
    "expression": EXPRESSIONS,
    "targets": EXPRESSIONS,
    "url": st.sampled_from(["http://x/${A}?b=c", "https://${JOBDECK_ADDRESS}:8443", "${BASE}/"]),
    "ca": st.none(),
    "tls_certificate": st.just(Authority(Path()).pem),
    "host_key": st.binary(min_size=32, max_size=32).map(
        lambda raw: "SHA256:" + base64.b64encode(raw).decode().rstrip("=")
    ),
}
"""Fields whose text means something, by their names."""


@cache
def spec_of(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Raw values of a model: required fields always, the others sometimes."""
    if model is Parameter:
        return parameters()
    if model is ScriptUse:
        return st.fixed_dictionaries({"name": present("script")}, optional={"revision": st.just(1)})
    required, optional = {}, {}
    for name, field in model.model_fields.items():
        chosen = required if field.is_required() else optional
        chosen[name] = SPECIAL[name] if name in SPECIAL else of_field(field)
    raw = st.fixed_dictionaries(required, optional=optional)
    return raw.map(FITTED[model]) if model in FITTED else raw


def _without(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name not in names}


def _fitted_account(raw: dict[str, Any]) -> dict[str, Any]:
    if raw.get("key") is not None:
        raw = _without(raw, "key_file")
    if raw.get("key") is None and raw.get("key_file") is None:
        raw = _without(raw, "passphrase", "certificate", "certificate_file")
    if raw.get("certificate") is not None:
        raw = _without(raw, "certificate_file")
    if raw.get("tls_certificate") is None or raw.get("tls_key") is None:
        raw = _without(raw, "tls_certificate", "tls_key", "tls_passphrase")
    if raw.get("user") is None:
        raw = _without(raw, "agent", "key", "key_file", "password", "become", "passphrase")
        raw = _without(raw, "certificate", "certificate_file")
        raw = {"token": "t", **{name: value for name, value in raw.items() if value is not None}}
    return raw


def _fitted_script_step(raw: dict[str, Any]) -> dict[str, Any]:
    if raw.get("script") is not None:
        return _without(raw, "text", "language")
    return {"text": "true\n", **{name: value for name, value in raw.items() if value is not None}}


def _fitted_local_step(raw: dict[str, Any]) -> dict[str, Any]:
    raw = _without(raw, "targets", "run_as", "rolling")
    if raw.get("program") is not None:
        return _without(raw, "command", "shell")
    return {"command": "true", **{name: value for name, value in raw.items() if value is not None}}


def _fitted_http_step(raw: dict[str, Any]) -> dict[str, Any]:
    raw = _without(raw, "execution")
    if raw.get("auth") is not None:
        auth = {**raw["auth"], "unencrypted": True}
        raw = {**_without(raw, "headers"), "auth": auth, "run_as": PRESENT["account"]}
    elif raw.get("once"):
        raw = _without(raw, "run_as")
    if raw.get("once"):
        raw = _without(raw, "targets", "rolling")
    body, *others = [*(n for n in ("data", "form", "text") if raw.get(n) is not None), ""]
    return {**_without(raw, *others), **({"method": "POST"} if body else {})}


def _fitted_push_step(raw: dict[str, Any]) -> dict[str, Any]:
    raw = {**_without(raw, "execution"), "template": False}
    if raw.get("text") is not None:
        return {**_without(raw, "files"), "to": "/there"}
    return {**_without(raw, "text"), "files": ["/here"], "to": "~/there/"}


def _fitted_pull_step(raw: dict[str, Any]) -> dict[str, Any]:
    return {**_without(raw, "execution"), "files": ["/there/*"], "to": "/here"}


def _fitted_distribute_step(raw: dict[str, Any]) -> dict[str, Any]:
    there = {"source": "all", "files": ["/there/*"], "to": "~/there/"}
    return {**_without(raw, "execution"), **there}


def _fitted_capture(raw: dict[str, Any]) -> dict[str, Any]:
    first = next((name for name, value in raw.items() if value is not None), None)
    return {"json_path": "$"} if first is None else {first: raw[first]}


def _fitted_source(raw: dict[str, Any]) -> dict[str, Any]:
    places = ("env", "file", "command", "vault")
    first = next((name for name in places if raw.get(name) is not None), None)
    if first is None:
        return {"env": "X"}
    return {first: raw[first], **({"field": "f"} if first == "vault" else {})}


def _fitted_rule(raw: dict[str, Any]) -> dict[str, Any]:
    ways = [name for name in ("pattern", "words", "builtin", "paths") if raw.get(name)]
    raw = _without(raw, *{"pattern", "words", "builtin", "paths"} - set(ways[:1]))
    if not ways:
        raw["pattern"] = "x"
    if raw.get("level") != "review":
        raw = _without(raw, "approval")
    return _without(raw, "languages") if "paths" in raw else _without(raw, "operations")


def _fitted_approval(raw: dict[str, Any]) -> dict[str, Any]:
    plain = ("forbid_requester", "reason_required", "timeout_s")
    kept = {name: raw[name] for name in plain if raw.get(name) is not None}
    return {**kept, "channels": [PRESENT["channel"]], "approvers": {"users": ["é"]}}


def _fitted_telling(raw: dict[str, Any]) -> dict[str, Any]:
    fitted = {**_without(raw, "on", "escalate_to"), "channels": [PRESENT["channel"]]}
    if raw.get("remind_after_s") is None:
        fitted = _without(fitted, "remind_every_s")
    if raw.get("escalate_after_s") is not None:
        fitted["escalate_to"] = [PRESENT["channel"]]
    return fitted


_WAYS: Mapping[str, Any] = {
    "webhook": {"url": "https://x/y?z", "secret": "hush"},
    "email": {"server": "mx", "sender": "a@x.y", "to": ["b@x.y"], "user": "u", "password": "pw"},
    "service": "slack://a/b/c",
}


def _fitted_channel(raw: dict[str, Any]) -> dict[str, Any]:
    way = next((name for name in _WAYS if raw.get(name) is not None), "webhook")
    fitted = {**_without(raw, *_WAYS), way: _WAYS[way]}
    if raw.get("quiet") is not None:
        fitted["quiet"] = {**raw["quiet"], "begins": "22:00", "ends": "07:00"}
    if raw.get("escalate") is not None:
        fitted["escalate"] = {**raw["escalate"], "to": PRESENT["channel"]}
    return fitted


def _fitted_inventory_source(raw: dict[str, Any]) -> dict[str, Any]:
    given = [name for name in ("url", "file", "command") if raw.get(name) is not None]
    raw = _without(raw, *given[1:])
    if given[:1] != ["url"]:
        raw = _without(raw, "token", "ca")
    return raw if given else {**raw, "command": "true"}


def _fitted_trigger(raw: dict[str, Any]) -> dict[str, Any]:
    ways = [n for n in ("monthly", "once", "every_s", "cron") if raw.get(n) is not None]
    raw = _without(raw, "at_start", *ways[1:])
    if ways[:1] != ["every_s"]:
        raw = _without(raw, "epoch")
    return raw if ways else {"at_start": True}


def _fitted_schedule(raw: dict[str, Any]) -> dict[str, Any]:
    raw = _without(raw, "parameters", "ends")  # the job has none; `begins` may be later
    return _without(raw, "job") if raw.get("flow") else {**raw, "job": PRESENT["job"]}


def _fitted_job(raw: dict[str, Any]) -> dict[str, Any]:
    steps = [{**step, "name": f"{n}-{step['name']}"[:128]} for n, step in enumerate(raw["steps"])]
    return {**raw, "steps": steps}


FITTED: Mapping[type[BaseModel], Callable[[dict[str, Any]], dict[str, Any]]] = {
    AccountSpec: _fitted_account,
    GroupSpec: lambda raw: (
        raw if raw.get("hosts") else {"expression": "all", **_without(raw, "expression")}
    ),
    ApprovalRules: _fitted_approval,
    ChannelSpec: _fitted_channel,
    CommandRuleSpec: _fitted_rule,
    InventorySourceSpec: _fitted_inventory_source,
    JobSpec: _fitted_job,
    CaptureFrom: _fitted_capture,
    HttpStep: _fitted_http_step,
    LocalStep: _fitted_local_step,
    DistributeStep: _fitted_distribute_step,
    PullStep: _fitted_pull_step,
    PushStep: _fitted_push_step,
    Rolling: lambda raw: (
        raw if raw.get("stagger") is None else _without(raw, "mode", "soak_s", "rank")
    ),
    ScheduleSpec: _fitted_schedule,
    ScriptStep: _fitted_script_step,
    SecretSource: _fitted_source,
    Telling: _fitted_telling,
    TriggerSpec: _fitted_trigger,
    Stagger: lambda raw: {"fixed_s": 1, **_without(raw, "fixed_s", "max_s"), "max_s": 86400},
}
"""Models with rules that bind several fields -> how raw values are made to keep them."""


def of_field(field: FieldInfo) -> st.SearchStrategy[Any]:
    checked = _of_checks(field.metadata)
    return checked if checked is not None else of_type(field.annotation, _limits(field.metadata))


def _limits(notes: Iterable[Any]) -> dict[str, Any]:
    """`ge`, `max_length` and their like."""
    known = ("ge", "gt", "le", "min_length", "max_length", "pattern")
    found = {(name, getattr(note, name, None)) for note in notes for name in known}
    return {name: limit for name, limit in found if limit is not None}


def _of_checks(notes: Iterable[Any]) -> st.SearchStrategy[str] | None:
    """Texts with a check of their own are told by the check's name."""
    names = {getattr(getattr(note, "func", None), "__name__", "") for note in notes}
    return next((texts for check, texts in CHECKED.items() if check in names), None)


def of_type(annotation: Any, limits: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Raw values of a type; an unknown type is an error of this test."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        own = FieldInfo.from_annotation(annotation)
        if isinstance(getattr(own, "discriminator", None), str):
            return st.one_of(*(spec_of(model) for model in get_args(own.annotation)))
        return of_annotated(annotation)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(
            *(of_type(part, limits) for part in inner if SecretRef not in get_args(part))
        )
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        size = limits.get("min_length", 0), min(3, limits.get("max_length") or 3)
        return st.lists(of_type(inner[0], {}), min_size=size[0], max_size=max(size))
    if origin is dict:
        return st.dictionaries(of_type(inner[0], {}), of_type(inner[1], {}), max_size=3)
    return of_plain(annotation, limits)


def of_annotated(annotation: Any) -> st.SearchStrategy[Any]:
    base, *notes = get_args(annotation)
    checked = _of_checks(notes)
    if checked is not None:
        return checked
    if any(str(getattr(note, "pattern", "") or "").startswith(r"^[\w]") for note in notes):
        return LABEL_KEYS
    return of_type(base, _limits(notes))


PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    type(None): st.none(),
    Any: JSON_VALUES,
    SecretStr: st.text(ALPHABET, min_size=1, max_size=20),
    date: st.dates().map(str),
    AwareDatetime: st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    bool: st.booleans(),
}
"""Types without limits of their own."""


def of_plain(annotation: Any, limits: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if annotation in PLAIN:
        return PLAIN[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from([member.value for member in annotation])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return spec_of(annotation)
    if annotation is str and "pattern" in limits:
        # `$` of Python's expressions lets a line end follow, the models' own does not.
        texts = st.from_regex(limits["pattern"], fullmatch=True).map(lambda text: text.rstrip("\n"))
        return texts.filter(lambda text: len(text) <= limits.get("max_length", 99))
    if annotation is str:
        return TEXT.map(lambda text: text or "x") if limits.get("min_length") else TEXT
    low, high = limits.get("ge", limits.get("gt", 0)), limits.get("le", 10**6)
    if annotation is int:
        return st.integers(low, high)
    if annotation is float:
        return st.floats(low, high, exclude_min="gt" in limits) | st.integers(low + 1, high)
    raise AssertionError(f"no values are known for {annotation}")


@st.composite
def documents(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """A valid document of `kind` as a person could write it."""
    raw = {
        "kind": kind,
        "name": draw(NEW_NAMES),
        "labels": draw(st.dictionaries(LABEL_KEYS, TEXT, max_size=3)),
        "spec": draw(spec_of(KINDS[kind].spec)),
    }
    try:
        parse(raw)
    except Invalid:  # a rule that binds several fields; there are few of them
        assume(False)
    return raw

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from console.forms import allowed, entry, launching, outline, placing, values
from console.forms.draft import Draft
from console.forms.fields import Field, Shape, inner, whole
from console.forms.folding import Folding
from console.forms.launching import Work
from console.forms.outline import SELDOM
from console.forms.values import ABSENT
from core.api.kinds import schema_of
from core.domain.documents import KINDS
from core.domain.job import ParameterType
from core.domain.patterns import FINGERPRINT, IN_WORDS
from core.errors import Problem

COMMAND = {"kind": "command", "name": "first", "command": "true"}
JOB = {"kind": "job", "name": "deploy", "labels": {}, "spec": {"steps": [COMMAND]}}
HOST: dict[str, Any] = {"kind": "host", "name": "web1", "labels": {}, "spec": {"port": 2222}}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "en")


def opened(body: dict[str, Any]) -> Draft:
    return Draft(whole(schema_of(body["kind"])), body, body, revision=3)


def place(body: dict[str, Any], *path: str | int) -> Field:
    return values.field_at(whole(schema_of(body["kind"])), body, path)


def test_every_shape_has_a_field_that_is_it() -> None:
    wanted = {
        ("host", "spec", "address"): Shape.TEXT,
        ("script", "spec", "text"): Shape.LINES,
        ("group", "spec", "expression"): Shape.TARGETS,
        ("host", "spec", "account"): Shape.NAME,
        ("account", "spec", "password"): Shape.SECRET,
        ("host", "spec", "port"): Shape.WHOLE,
        ("host", "spec", "health_s"): Shape.NUMBER,
        ("environment", "spec", "read_only"): Shape.FLAG,
        ("host", "spec", "protocol"): Shape.CHOICE,
        ("host", "spec", "jump"): Shape.LIST,
        ("host", "spec", "variables"): Shape.MAP,
        ("host", "spec", "winrm"): Shape.GROUP,
        ("job", "spec", "steps", 0): Shape.BRANCHES,
        ("job", "spec", "parameters", 0, "default"): Shape.VALUE,
    }
    found = {
        (kind, *path): values.field_at(whole(schema_of(kind)), {}, path).shape
        for kind, *path in wanted
    }
    assert found == wanted
    assert set(found.values()) == set(Shape)


def test_a_field_says_what_may_stand_there() -> None:
    port = place(HOST, "spec", "port")
    assert (port.default, port.required, port.help[:9]) == (22, False, "empty: 22")
    assert place(HOST, "spec", "protocol").choices == ("ssh", "winrm", "local")
    assert place(HOST, "spec", "jump", 0).refers_to == "host"
    steps = place(JOB, "spec", "steps", 0)
    assert steps.tag == "kind"
    assert "sql" in steps.choices
    assert [each.name for each in inner(steps, COMMAND) if each.required] == ["name", "command"]


def test_an_optional_group_and_its_branches_are_found_behind_null() -> None:
    body = {**JOB, "spec": {"steps": [{"kind": "http", "name": "a", "auth": {"kind": "basic"}}]}}
    auth = place(body, "spec", "steps", 0, "auth")
    assert auth.shape is Shape.BRANCHES
    assert auth.nullable
    assert "oauth2" in auth.choices


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        (("spec", "port"), "2200", 2200),
        (("spec", "port"), "", ABSENT),
        (("spec", "health_s"), "5m", 300),
        (("spec", "health_s"), "1.5h", 5400),
        (("spec", "health_s"), "30", 30),
        (("spec", "address"), "10.0.0.1", "10.0.0.1"),
        (("spec", "protocol"), "winrm", "winrm"),
        (("spec", "winrm", "tls"), "no", False),
    ],
)
def test_text_becomes_a_value(path: tuple[str, ...], text: str, value: Any) -> None:
    assert opened(HOST).typed(path, text).value(path) == value


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        (("spec", "port"), "x", "must be a whole number"),
        (("spec", "port"), "70000", "at most 65535"),
        (("spec", "port"), "0", "at least 1"),
        (("spec", "health_s"), "soon", "must be seconds, or 30s, 5m, 2h, 1d"),
        (("spec", "protocol"), "telnet", "one of ssh, winrm, local"),
        (("spec", "winrm", "tls"), "maybe", "true or false"),
        (("spec", "host_key"), "MD5:x", IN_WORDS[FINGERPRINT]),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_text_stays(
    path: tuple[str, ...], text: str, what: str
) -> None:
    draft = opened(HOST).typed(path, text)

    assert draft.complaints() == {path: [Problem(where="", what=what)]}
    assert draft.text(path) == text
    assert opened(HOST).typed(path, text).typed(path, "").complaints() == {}


def test_what_is_required_is_missed() -> None:
    draft = opened({**JOB, "spec": {"steps": [{"kind": "command", "name": "a"}]}})
    assert draft.complaints() == {
        ("spec", "steps", 0, "command"): [Problem(where="", what="is required")]
    }


def test_a_text_that_is_no_value_is_no_change_of_the_body() -> None:
    draft = opened(HOST).typed(("spec", "port"), "x")
    assert draft.body == HOST
    assert draft.is_changed
    assert not draft.reverted(("spec", "port")).is_changed


def test_a_secret_is_never_shown() -> None:
    kept = {"kind": "account", "name": "ops", "spec": {"user": "u", "password": {"secret": "X"}}}
    draft = opened(kept)
    assert draft.text(("spec", "password")) == ""
    assert not draft.typed(("spec", "password"), "").is_changed
    typed = draft.typed(("spec", "password"), "hush")
    assert typed.text(("spec", "password")) == ""
    assert typed.value(("spec", "password")) == "hush"
    assert "hush" not in str(typed.without_secrets().body)


def test_groups_around_a_value_come_and_go_with_it() -> None:
    step = ("spec", "steps", 0)
    draft = opened(JOB).typed((*step, "retry", "times"), "2")
    assert draft.value((*step, "retry")) == {"times": 2}
    assert draft.typed((*step, "retry", "times"), "").body == JOB


def test_an_optional_group_stays_when_it_is_emptied() -> None:
    winrm = ("spec", "winrm")
    draft = opened(HOST).put(winrm, {}).typed((*winrm, "code_page"), "850")
    assert draft.typed((*winrm, "code_page"), "").value(winrm) == {}


def test_items_are_added_moved_and_taken_away() -> None:
    steps = ("spec", "steps")
    draft = opened(JOB).put((*steps, 1), values.blank(place(JOB, *steps, 0), "sql"))
    assert draft.value((*steps, 1)) == {"kind": "sql"}
    assert [each["kind"] for each in draft.move((*steps, 1), -1).value(steps)] == ["sql", "command"]
    assert draft.move((*steps, 1), 1).body == draft.body
    assert draft.drop((*steps, 1)).body == JOB


def test_two_people_change_different_fields() -> None:
    draft = opened(HOST).typed(("spec", "address"), "10.0.0.1")
    theirs = {**HOST, "labels": {"env": "prod"}, "spec": {"port": 22}}

    merged = draft.onto(theirs, 4)

    assert merged.body == {**theirs, "spec": {"port": 22, "address": "10.0.0.1"}}
    assert (merged.base, merged.revision) == (theirs, 4)


def test_rows_show_what_most_documents_need() -> None:
    root = whole(schema_of("host"))
    usual = [row.label for row in outline.rows(root, HOST)]
    assert usual == ["name", "labels", "address", "port", "protocol", "account", "environment",
                     "variables"]  # fmt: skip
    assert outline.hidden(root, HOST) == 7
    given = {**HOST, "spec": {"jump": ["gate"]}}
    assert "jump" in [row.label for row in outline.rows(root, given)]


def test_what_was_opened_is_open_again_and_knows_no_draft() -> None:
    folding = Folding({})
    folding.open_to(("spec", "steps", 0, "retries"), opened(JOB))
    again = Folding(json.loads(json.dumps(folding.memory())))

    shown = {row.path for row in again.rows(opened(JOB))}

    assert ("spec", "steps", 0, "command") in shown
    again.close(("spec", "steps"))
    assert ("spec", "steps", 0) not in {row.path for row in again.rows(opened(JOB))}


def test_a_field_that_few_need_is_shown_when_somebody_is_led_to_it() -> None:
    folding = Folding({})
    path = ("spec", "steps", 0, next(iter(SELDOM & _names_of_a_command())))
    assert path not in {row.path for row in folding.rows(opened(JOB))}

    folding.open_to(path, opened(JOB))

    assert path in {row.path for row in folding.rows(opened(JOB))}


def _names_of_a_command() -> set[str]:
    return {each.name for each in inner(place(JOB, "spec", "steps", 0), COMMAND)}


def test_a_row_may_be_done_with_what_makes_sense_there() -> None:
    draft = opened(JOB)
    folding = Folding({"opened": [["spec", "steps"]]})
    rows = {row.path: row for row in folding.rows(draft)}

    assert "remove" not in allowed.deeds(rows["name",], draft)
    assert allowed.is_fixed(rows["name",], draft)
    assert not allowed.is_fixed(rows["name",], replace(draft, revision=None))
    assert allowed.deeds(rows["spec", "steps", 0], draft) == {"add", "move", "remove"}


def test_choices_go_round() -> None:
    path = ("spec", "protocol")
    draft = opened(HOST)
    (row,) = (row for row in Folding({}).rows(draft) if row.path == path)
    seen = []
    for _each in row.field.choices:
        draft = draft.typed(path, allowed.beside(row, draft, 1))
        seen.append(draft.text(path))

    assert sorted(seen) == sorted(row.field.choices)
    assert allowed.beside(row, draft, len(row.field.choices)) == draft.text(path)


def test_items_are_called_by_their_names() -> None:
    shown = outline.rows(whole(schema_of("job")), JOB, {("spec", "steps")})
    assert "1 first" in [row.label for row in shown]


def test_every_seldom_field_is_one_of_a_real_schema() -> None:
    names = {
        name
        for kind in KINDS
        for part in schema_of(kind)["$defs"].values()
        for name in part.get("properties", ())
    }
    names |= set(launching.schema_of(Work(), {}, {})["properties"])
    assert names >= SELDOM


@pytest.mark.parametrize(
    ("where", "path", "rest"),
    [
        ("spec.steps[0].command", ("spec", "steps", 0, "command"), ""),
        ("documents[0].spec.steps[0].retry.times", ("spec", "steps", 0, "retry", "times"), ""),
        ("spec.targets column 7", ("spec", "targets"), "column 7"),
        ("labels.a.b/c", ("labels", "a.b/c"), ""),
        ('labels["a.b/c"]', ("labels", "a.b/c"), ""),
        ("spec.nothing.here", ("spec",), "nothing.here"),
        ("", (), ""),
    ],
)
def test_problems_are_put_at_fields(where: str, path: tuple[str | int, ...], rest: str) -> None:
    body = {**JOB, "labels": {"a": "1", "a.b/c": "2"}}
    found = placing.placed(whole(schema_of("job")), body, [Problem(where=where, what="x")])
    assert found == {path: [Problem(where=rest, what="x")]}


def test_a_problem_of_a_closed_group_shows_at_the_group() -> None:
    shown = [("spec", "steps"), ("spec", "targets")]
    assert placing.nearest(("spec", "steps", 0, "command"), shown) == ("spec", "steps")
    assert placing.nearest(("labels",), shown) == ()


def test_parameters_are_fields_of_a_start() -> None:
    declared = [
        {"name": "VERSION", "required": True, "pattern": "[0-9]+", "description": "which one"},
        {"name": "MODE", "type": "choice", "choices": ["fast", "slow"], "default": "slow"},
        {"name": "KEY", "type": "secret"},
        {"name": "LEVEL", "type": "number", "minimum": 1, "maximum": 5},
    ]
    root = whole(
        launching.schema_of(Work("job", "x"), {"parameters": declared, "targets": "env=prod"}, {})
    )
    fields = {each.name: each for each in inner(values.field_at(root, {}, ("parameters",)))}

    assert {name: each.shape for name, each in fields.items()} == {
        "VERSION": Shape.TEXT,
        "MODE": Shape.CHOICE,
        "KEY": Shape.SECRET,
        "LEVEL": Shape.NUMBER,
    }
    assert fields["MODE"].default == "slow"
    assert list(entry.complaints(fields["VERSION"], "v1")) == [r"must match [0-9]+"]
    assert list(entry.complaints(fields["VERSION"], "12")) == []
    assert list(entry.complaints(fields["LEVEL"], 6)) == ["at most 5"]
    assert values.field_at(root, {}, ("targets",)).default == "env=prod"


def test_every_type_of_parameter_has_a_shape() -> None:
    shapes = {
        each: place.shape
        for each in ParameterType
        for place in inner(
            whole(launching.parameters_schema([{"name": "A", "type": each, "choices": ["x"]}]))
        )
    }
    assert shapes == {
        ParameterType.STRING: Shape.TEXT,
        ParameterType.NUMBER: Shape.NUMBER,
        ParameterType.BOOL: Shape.FLAG,
        ParameterType.CHOICE: Shape.CHOICE,
        ParameterType.SECRET: Shape.SECRET,
        ParameterType.TARGETS: Shape.TARGETS,
        ParameterType.MAP: Shape.MAP,
        ParameterType.LIST: Shape.LIST,
    }


def test_a_start_without_targets_of_its_own_needs_some() -> None:
    root = whole(launching.schema_of(Work("job", "x"), {"steps": [COMMAND]}, {}))
    fields = {each.name: each for each in inner(root)}
    assert fields["targets"].required
    assert fields["start_at"].choices == ("first",)
    assert "without" not in fields


@pytest.mark.parametrize(
    "request_",
    [
        {"job": "deploy", "targets": "all", "parameters": {"A": "1"}, "locks": [{"name": "x"}]},
        {"flow": "roll", "hosts": ["web1"], "rolling": {"batch": "1", "mode": "manual"}},
        {"step": {"kind": "command", "name": "command", "command": "true"}, "targets": "all"},
        {"step": {"kind": "script", "name": "script", "text": "true"}, "hosts": ["web1"]},
    ],
)
def test_an_earlier_request_is_asked_again_as_it_was(request_: dict[str, Any]) -> None:
    work, body = launching.filled_in(request_)
    spec = {"targets": "all"} if work.is_saved else {}
    assert Draft(whole(launching.schema_of(work, spec, body)), body, body).complaints() == {}
    assert launching.request_of(work, body) == request_


def test_a_command_is_a_step() -> None:
    body = {"command": "uptime", "targets": "all"}
    assert launching.request_of(Work(), body) == {
        "step": {"kind": "command", "name": "command", "command": "uptime"},
        "targets": "all",
    }


@pytest.mark.parametrize(
    ("spec", "is_needed"),
    [
        ({}, True),
        ({"steps": [{"name": "a", "kind": "command"}]}, True),
        ({"targets": "web"}, False),
        ({"nodes": [{"name": "a", "kind": "command", "targets": "web"}]}, False),
    ],
)
def test_a_start_asks_where_only_what_does_not_say_it_itself(
    spec: dict[str, Any], is_needed: bool
) -> None:
    schema = launching.schema_of(Work("flow", "x"), spec, {})

    assert ("targets" in schema["required"]) is is_needed

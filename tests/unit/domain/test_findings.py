"""What pydantic found, said so that a person can mend it, and without the input."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from core.domain.access import AccountSpec
from core.domain.findings import describe, suggest
from core.domain.job import JobSpec
from core.domain.schedule import ScheduleSpec
from core.domain.values import Value
from core.errors import Problem
from core.flow.definition import RunRequest


def problems(model: type[BaseModel], value: Any, prefix: str = "") -> list[Problem]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(value)
    return describe(refused.value.errors(include_url=False, include_input=False), model, prefix)


def lines(model: type[BaseModel], value: Any, prefix: str = "") -> list[str]:
    return [str(problem) for problem in problems(model, value, prefix)]


STEP = {"kind": "command", "name": "x", "command": "id"}

CASES = [
    # Not also that the list is empty: it is what stands in it that is wrong.
    (JobSpec, {"steps": [{**STEP, "command": 1}]}, "steps[0].command: must be text"),
    (
        RunRequest,
        {"job": "x", "tagets": "a"},
        "tagets: is not a known field (did you mean targets?)",
    ),
    (RunRequest, {"job": "x", "timeout_s": "soon"}, "timeout_s: must be a number"),
    (RunRequest, {"job": "x", "env": []}, "env: must be a mapping"),
    (RunRequest, {"step": {**STEP, "command": None}}, "step.command: must be text"),
    (
        RunRequest,
        {"step": {"kind": "push", "name": "x", "files": ["/a"], "to": "C:\\x"}},
        "step: C:\\x must be a whole path, beginning with / or ~/, on Windows also C:/",
    ),
    (RunRequest, {"step": {"kind": "command", "name": "x"}}, "step.command: is required"),
    (
        ScheduleSpec,
        {"job": "x", "trigger": {"once": "2027-03-31T06:30:00"}},
        "trigger.once: needs its offset from UTC, such as 2027-03-31T06:30:00Z",
    ),
    (
        RunRequest,
        {"step": {**STEP, "comand": "id"}},
        "step.comand: is not a known field (did you mean command?)",
    ),
    (
        RunRequest,
        {"step": {**STEP, "retry": {"tims": 3}}},
        "step.retry.tims: is not a known field (did you mean times?)",
    ),
    (
        RunRequest,
        {"step": {"kind": "comand", "name": "x"}},
        "step.kind: must be one of command, script, local, http, sql, push, pull, distribute (did you mean command?)",
    ),
    (
        RunRequest,
        {"step": {"name": "x"}},
        "step.kind: is required: one of command, script, local, http, sql, push, pull, distribute",
    ),
    (
        JobSpec,
        {"steps": [STEP, {"kind": "script", "name": "y", "script": {"name": "s", "revison": 1}}]},
        "steps[1].script.revison: is not a known field (did you mean revision?)",
    ),
    (
        AccountSpec,
        {"user": "root", "become": {"password": {"secret": "01J", "secrt": "x"}}},
        "become.password.secrt: is not a known field (did you mean secret?)",
    ),
    (RunRequest, ["not", "a", "mapping"], "must be a mapping"),
]


@pytest.mark.parametrize(("model", "value", "line"), CASES, ids=[case[2] for case in CASES])
def test_the_place_and_the_sentence(model: type[BaseModel], value: Any, line: str) -> None:
    assert line in lines(model, value)


def test_a_place_inside_a_document_begins_with_the_prefix() -> None:
    assert lines(JobSpec, {"steps": "x"}, "spec") == ["spec.steps: must be a list"]


def test_a_key_that_does_not_fit_is_named_as_people_wrote_it() -> None:
    (problem,) = problems(RunRequest, {"job": "x", "env": {"1A": "b"}})
    assert problem.where == "env.1A"


def test_the_input_is_never_echoed() -> None:
    secret = "hunter2-hunter2"
    value = {"job": "x", "timeout_s": secret, "secrets": {"PASSWORD": [secret]}, "env": secret}
    assert not [line for line in lines(RunRequest, value) if secret in line]


def test_a_name_far_from_all_others_gets_the_list_of_fields() -> None:
    class Small(Value):
        first: int = 1
        second: int = 2

    assert lines(Small, {"zzz": 1}) == ["zzz: is not a known field (known: first, second)"]


def test_a_long_list_of_names_is_cut() -> None:
    assert suggest("zzz", [f"field{n}" for n in range(40)]).endswith("field11, …")


def test_without_a_model_the_place_is_still_told() -> None:
    finding = {"type": "missing", "loc": ("a", 0, "b"), "msg": "Field required"}
    assert str(describe([finding])[0]) == "a[0].b: is required"


def test_a_list_that_only_lost_its_wrong_items_is_not_called_short() -> None:
    assert lines(JobSpec, {"targets": "all", "steps": [{"name": "a", "command": "x"}]}) == [
        "steps[0].kind: is required: one of command, script, local, http, sql, push, pull, distribute"
    ]


def test_a_list_that_is_short_is_called_so_once() -> None:
    assert lines(JobSpec, {"targets": "all", "steps": []}) == ["steps: must have at least 1 item"]

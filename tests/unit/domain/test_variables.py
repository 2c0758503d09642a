"""Values of parameters: what fits, what does not, and what a person is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import variables
from core.domain.job import Parameter
from core.errors import Invalid


def parameter(type_: str, **more: Any) -> Parameter:
    return Parameter.model_validate({"name": "p", "type": type_, **more})


@pytest.mark.parametrize(
    ("declared", "given_value", "value"),
    [
        (parameter("string"), "x y", "x y"),
        (parameter("number"), "42", 42),
        (parameter("number"), "-1.5", -1.5),
        (parameter("number"), 7, 7),
        (parameter("bool"), "yes", True),
        (parameter("bool"), "OFF", False),
        (parameter("bool"), True, True),
        (parameter("choice", choices=["a", "b"]), "b", "b"),
        (parameter("targets"), "web[1-3]", "web[1-3]"),
        (parameter("map"), '{"a": 1}', {"a": 1}),
        (parameter("map"), {"a": [1]}, {"a": [1]}),
        (parameter("list"), "a, b", ["a", "b"]),
        (parameter("list"), "[1, 2]", [1, 2]),
        (parameter("list"), [], []),
    ],
)
def test_text_and_json_become_typed_values(
    declared: Parameter, given_value: Any, value: Any
) -> None:
    assert variables.bind([declared], {"p": given_value}) == {"p": value}


@pytest.mark.parametrize(
    ("declared", "given_value", "says"),
    [
        (parameter("string"), 5, "must be text"),
        (parameter("string"), "a\0b", "NUL"),
        (parameter("string", pattern="[a-z]+"), "A1", "must match [a-z]+"),
        (parameter("string", pattern="(a|aa)+"), "a" * 60 + "!", "takes too long"),
        (parameter("number"), "many", "must be a number"),
        (parameter("number"), True, "must be a number"),
        (parameter("number"), "nan", "finite"),
        (parameter("number", minimum=1), 0, "at least 1"),
        (parameter("number", maximum=9), 10, "at most 9"),
        (parameter("bool"), "maybe", "true or false"),
        (parameter("choice", choices=["stable", "beta"]), "stabel", "did you mean stable"),
        (parameter("targets"), "web[1-", "column"),
        (parameter("map"), "[1]", "must be a map"),
        (parameter("map"), "{", "JSON"),
        (parameter("list"), '["a"', "JSON"),
        (parameter("string", required=True), None, "is required"),
    ],
)
def test_a_misfit_names_the_parameter_and_what_would_fit(
    declared: Parameter, given_value: Any, says: str
) -> None:
    with pytest.raises(Invalid) as refused:
        variables.bind([declared], {} if given_value is None else {"p": given_value})
    assert "parameters.p" in str(refused.value)
    assert says in str(refused.value)


def test_all_problems_come_at_once_and_an_unknown_name_suggests_the_nearest() -> None:
    declared = [
        Parameter.model_validate({"name": "version", "required": True}),
        Parameter.model_validate({"name": "count", "type": "number"}),
    ]
    with pytest.raises(Invalid) as refused:
        variables.bind(declared, {"versoin": "1", "count": "x"})
    places = [problem.where for problem in refused.value.problems]
    assert places == ["parameters.versoin", "parameters.version", "parameters.count"]
    assert "did you mean version?" in str(refused.value)


def test_a_default_stands_in_and_a_secret_value_is_never_echoed() -> None:
    assert variables.bind([parameter("string", default="x")], {}) == {"p": "x"}
    with pytest.raises(Invalid) as refused:
        variables.bind([parameter("secret")], {"p": ["hunter2"]})
    assert "hunter2" not in str(refused.value)


def test_a_bad_default_is_found_when_the_job_is_saved() -> None:
    (problem,) = variables.check_defaults([parameter("number", default="many")])
    assert problem.where == "spec.parameters[0].default"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), json_values, max_size=3))
def test_maps_reach_scripts_as_json_that_reads_back(value: dict[str, Any]) -> None:
    assert json.loads(variables.as_text(value)) == value

"""Expressions inside of texts."""

from __future__ import annotations

import pytest

from core.domain import filling
from core.domain.expressions import (
    Bounds,
    ExpressionFault,
    Kind,
    SecretValue,
    as_value,
    check_template,
    map_of,
    one_of,
    parse_template,
)

SECRET = SecretValue("01J00000000000000000000000")
SCOPE = {
    "params": as_value({"env": "prod", "count": 3, "none": None}),
    "hosts": ("web1", "web2"),
    "password": SECRET,
    "NAME": "value",
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("no place", "no place"),
        ("${params.env}", "prod"),
        ("deploy to ${ params.env }: ${len(hosts)} hosts", "deploy to prod: 2 hosts"),
        ("${params.count}${params.count}", "33"),
        ("$${params.env} $$ $x {}", "${params.env} $$ $x {}"),
        ("$$${params.env}", "$${params.env}"),
        ("${'}'}", "}"),
        ("${ '${' }", "${"),
        ("${hosts}", '["web1", "web2"]'),
        ("wait ${2 * 45s}", "wait 1m30s"),
        ("${params.none ?? '-'}", "-"),
        ("数据 ${ params.env }。", "数据 prod。"),
    ],
)
def test_values_stand_in_the_places_of_their_expressions(text: str, filled: str) -> None:
    assert parse_template(text).fill(SCOPE) == filled


def test_a_text_that_is_one_expression_has_its_value() -> None:
    assert parse_template("${hosts}").value(SCOPE) == ("web1", "web2")
    assert parse_template("${ password }").value(SCOPE) is SECRET
    assert parse_template("${params.none}").value(SCOPE) is None
    assert parse_template(" ${params.count}").value(SCOPE) == " 3"
    assert parse_template("").value(SCOPE) == ""
    assert parse_template("$${x}").value(SCOPE) == "${x}"


def test_every_value_is_quoted_in_the_way_of_its_place() -> None:
    assert parse_template("a=${params.env}").fill(SCOPE, lambda text: f"<{text}>") == "a=<prod>"


@pytest.mark.parametrize("text", ["${NAME}", "a ${NAME} $${NAME} b", "$$ {NAME}", "${NAME}${NAME}"])
def test_what_steps_fill_means_the_same_here(text: str) -> None:
    assert parse_template(text).fill(SCOPE) == filling.fill(text, {"NAME": "value"})


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("to ${params.env", 4, "this `${` is never closed"),
        ("to ${", 6, "stops where a value is expected"),
        ("to ${ }", 4, "the expression is empty"),
        ("to ${1 +}", 9, "a value is expected here, not `}`"),
        ("to ${len(hosts}", 9, "this `(` is never closed"),
        ("to ${a b}", 8, "nothing joins this"),
        ("${'" + "x" * 5000 + "'}", 1, "at most 4,096 characters"),
        ("x" * 70000, 65537, "at most 65,536 characters"),
    ],
)
def test_a_place_that_cannot_be_read_is_answered_in_the_whole_text(
    text: str, column: int, said: str
) -> None:
    with pytest.raises(ExpressionFault) as caught:
        parse_template(text)
    (problem,) = caught.value.problems
    assert said in str(problem)
    assert problem.where == f"column {column}"
    (mistake,) = check_template(text, {})
    assert mistake.problem == problem


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("to ${params.evn}", 13, "did you mean env?"),
        ("to ${params.none}", 13, "the value is null"),
        ("key ${password}", 7, "a secret cannot be part of a text"),
        ("key ${[password]}", 7, "a secret cannot be part of a text"),
        ("${password}${password}", 3, "a secret cannot be part of a text"),
    ],
)
def test_a_place_without_a_text_is_answered_in_the_whole_text(
    text: str, column: int, said: str
) -> None:
    with pytest.raises(ExpressionFault) as caught:
        parse_template(text).fill(SCOPE)
    (problem,) = caught.value.problems
    assert said in str(problem)
    assert problem.where == f"column {column}"
    assert SECRET.id not in str(caught.value)


def test_all_places_together_have_the_bounds_of_one_expression() -> None:
    with pytest.raises(ExpressionFault, match="more than 10 characters"):
        parse_template("${NAME} ${NAME}").fill(SCOPE, bounds=Bounds(characters=10))
    with pytest.raises(ExpressionFault, match="more than 5 steps"):
        parse_template("${NAME} ${NAME}").fill(SCOPE, bounds=Bounds(steps=5))


def test_names_and_mistakes_are_those_of_all_places() -> None:
    text = "${params.env} on ${count(hosts where it = NAME)} of ${zzz}"
    declared = {"params": map_of({"count": one_of(Kind.NUMBER)}), "hosts": one_of(Kind.LIST)}
    assert parse_template(text).names == {"params.env", "hosts", "NAME", "zzz"}
    found = check_template(text, declared)
    assert [mistake.index for mistake in found] == [9, 54]

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from console.answers import Resolved
from console.cells import width
from console.forms import outline
from console.forms.draft import Draft
from console.forms.fields import Path, whole
from console.presenters.forms import Filled, field_lines, form_table
from console.presenters.targets import misread_lines, resolved_lines
from console.presenters.text import Tone, plain
from core.api.kinds import schema_of
from core.domain import targets
from core.errors import Invalid, Problem

JOB = {
    "kind": "job",
    "name": "deploy",
    "labels": {"team": "shop", "env": "prod"},
    "spec": {
        "parameters": [{"name": "A"}, {"name": "B", "type": "secret"}],
        "steps": [
            {"kind": "command", "name": "one", "command": "echo 1\necho 2\necho 3"},
            {"kind": "script", "name": "two", "script": {"name": "clean"}, "optional": True},
        ],
    },
}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "en")


def shown(
    body: Mapping[str, Any],
    *opened: Path,
    problems: Mapping[Path, Sequence[Problem]] | None = None,
) -> dict[str, tuple[str, str]]:
    """Label -> value and note of every row."""
    draft = Draft(whole(schema_of(body["kind"])), body, body)
    rows = [
        Filled(row, None, (problems or {}).get(row.path, ()), False)
        for row in outline.rows(draft.root, body, opened)
    ]
    return {
        label.text.strip(): (value.text, note.text) for label, value, note in form_table(rows).rows
    }


def test_what_is_inside_is_told_in_one_line() -> None:
    rows = shown(JOB)
    assert rows["+ labels"] == ("team=shop, env=prod", "")
    assert rows["+ parameters"] == ("2: A, B", "")
    assert rows["+ steps"] == ("2: one, two", "")
    assert rows["concurrency"] == ("100", "default")


def test_a_step_is_told_by_its_kind_and_what_it_does() -> None:
    rows = shown(JOB, ("spec", "steps"))
    assert rows["+ 1 one"][0] == "command  echo 1 … 2 more lines"
    assert rows["+ 2 two"][0] == "script  clean"


def test_rows_inside_stand_further_in() -> None:
    draft = Draft(whole(schema_of("job")), JOB, JOB)
    opened = {("spec", "steps"), ("spec", "steps", 0)}
    rows = [Filled(row, None, (), False) for row in outline.rows(draft.root, JOB, opened)]
    labels = [cells[0].text for cells in form_table(rows).rows]
    assert "- steps" in labels
    assert "  - 1 one" in labels
    assert "      command" in labels


def test_a_problem_leaves_room_for_itself() -> None:
    long = {"kind": "host", "name": "x", "labels": {}, "spec": {"address": "a" * 200}}
    where: Path = ("spec", "address")
    value, note = shown(long, problems={where: [Problem(where="", what="is bad")]})["address"]
    assert note == "✗ is bad"
    assert width(value) <= 40


@pytest.mark.parametrize(
    ("password", "text"),
    [
        ("typed", "(typed, not saved)"),
        ({"secret": "0" * 26}, "(in the vault)"),
        ({"env": "PW"}, "env PW"),
        ({"command": ["pass", "show", "very/secret"]}, "command pass"),
        ({"vault": "kv/ops", "field": "pw"}, "vault kv/ops, field pw"),
    ],
)
def test_a_secret_is_told_by_where_it_is(password: object, text: str) -> None:
    body = {"kind": "account", "name": "x", "labels": {}, "spec": {"password": password}}
    assert shown(body)["password"][0] == text


def test_a_field_tells_what_it_is_for() -> None:
    body = {"kind": "host", "name": "x", "labels": {}, "spec": {}}
    draft = Draft(whole(schema_of("host")), body, body)
    row = next(each for each in outline.rows(draft.root, body) if each.label == "account")
    problem = Problem(where="", what="is gone", hint="did you mean ops?")
    lines = field_lines(Filled(row, None, [problem], False), ["ops", "root"])
    assert [plain(each) for each in lines] == [
        "account  name of a document: account",
        "account used where the run names none",
        "✗ is gone (did you mean ops?)",
        "ops, root",
    ]


def test_an_expression_tells_its_hosts() -> None:
    [line] = resolved_lines(Resolved(hosts=["web1", "web2"], count=2, folded="web[1-2]"))
    assert plain(line) == "2 hosts  web[1-2]"
    [none] = resolved_lines(Resolved(hosts=[], count=0))
    assert none[0].tone is Tone.WARNING


def test_an_expression_that_breaks_off_has_a_caret_under_the_place() -> None:
    with pytest.raises(Invalid) as error:
        targets.parse("web & ")
    lines = [plain(each) for each in misread_lines(error.value)]
    assert lines[0].endswith("web & ")
    assert lines[1].index("^") == lines[0].index("&") + 2
    assert lines[2].startswith("column 7: ")

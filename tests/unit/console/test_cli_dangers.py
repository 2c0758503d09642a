"""Dangerous commands on the command line: asked, acknowledged, shown, and checked without an engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem
from tests.unit.console.test_cli_plans import plan
from tests.unit.console.test_cli_runs import AT, person, run_row

DANGER = {
    "rule": "stop-machine", "level": "confirm", "message": "stops or restarts the machine",
    "where": "command", "line": 1, "column": 9, "command": "sudo reboot", "meaning": "",
    "step": "install", "hosts": "web[1-3]",
}  # fmt: skip


@pytest.fixture
def to_acknowledge(api: FakeApi) -> FakeApi:
    """A start that two rules hold up until they are acknowledged."""
    refused = problem(
        409, "acknowledgement-required", "it meets rules: stop-machine, drop-table",
        rules=["stop-machine", "drop-table"], hint="--acknowledge stop-machine",
        problems=[{"where": "step s", "what": "rule stop-machine: `reboot`", "hint": ""}],
    )  # fmt: skip
    api.on("POST", "/runs", refused, answer(run_row("running"), 202))
    return api


def test_nobody_to_ask_means_no_acknowledgement(jobdeck: Jobdeck, to_acknowledge: FakeApi) -> None:
    ended = jobdeck("run", "--on", "all", "-d", "--", "reboot")

    assert ended.code == 2
    assert "rule stop-machine: `reboot`" in ended.err
    assert "hint: --acknowledge stop-machine" in ended.err
    assert len(to_acknowledge.sent("POST", "/runs")) == 1


def test_a_person_types_the_name_of_each_rule(
    jobdeck: Jobdeck, to_acknowledge: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = person(monkeypatch, "stop-machine", "drop-table")

    ended = jobdeck("run", "--on", "all", "-d", "--acknowledge", "x", "--", "reboot")

    assert ended.code == 0, ended.err
    assert asked == ["Type stop-machine to go on:", "Type drop-table to go on:"]
    first, second = to_acknowledge.sent("POST", "/runs")
    assert first["acknowledge"] == ["x"]
    assert second["acknowledge"] == ["x", "stop-machine", "drop-table"]


def test_another_word_starts_nothing(
    jobdeck: Jobdeck, to_acknowledge: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(monkeypatch, "yes")

    ended = jobdeck("run", "--on", "all", "-d", "--", "reboot")

    assert ended.code == 2
    assert "not acknowledged; nothing was started" in ended.err
    assert len(to_acknowledge.sent("POST", "/runs")) == 1


def test_a_plan_shows_what_it_meets_and_what_to_acknowledge(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("POST", "/plans", answer(plan(dangers=[DANGER], acknowledge=["stop-machine"]), 201))

    ended = jobdeck("start", "deploy", "--plan")

    assert "! to acknowledge  stop-machine  install, command, 1:9  (web[1-3])" in ended.out
    assert "    sudo reboot\n" in ended.out
    assert "a start must acknowledge: --acknowledge stop-machine" in ended.out
    assert "others are asked" not in ended.out


def test_a_plan_says_of_which_rules_others_are_asked(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("POST", "/plans", answer(plan(review=["four-eyes", "dba"]), 201))
    ended = jobdeck("start", "deploy", "--plan")
    assert ended.code == 0
    assert "others are asked before it begins: rule four-eyes, dba" in ended.out


def test_a_check_says_which_steps_nobody_can_predict(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("POST", "/plans", answer(plan("check"), 202))

    ended = jobdeck("start", "deploy", "--check")

    assert api.sent("POST", "/plans")[0]["level"] == "check"
    assert "cannot predict  step install (command)" in ended.out

    step = {**plan()["steps"][0], "kind": "push", "awaits": {"TOKEN": "login", "V": "ask"}}
    api.on("POST", "/plans", answer(plan("check", steps=[step]), 202))
    assert (
        "cannot predict  step install (push): it uses what earlier steps set:"
        " TOKEN (login), V (ask)\n"
    ) in jobdeck("start", "deploy", "--check").out


@pytest.mark.parametrize(
    ("text", "code", "rule"),
    [("uptime\n", 0, ""), ("sudo reboot\n", 1, "stop-machine"), ("rm -rf /\n", 2, "remove-system")],
)
def test_a_script_is_checked_without_an_engine(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path, text: str, code: int, rule: str
) -> None:
    file = tmp_path / "x.sh"
    file.write_text(f"#!/bin/sh\n{text}")

    ended = jobdeck("check", str(file), "--json")

    assert ended.code == code
    found = json.loads(ended.out)["dangers"]
    assert [each["rule"] for each in found] == ([rule] if rule else [])
    assert all((each["line"], each["place"]) == (2, str(file)) for each in found)
    assert api.requests == []


def test_a_caret_shows_the_place(jobdeck: Jobdeck, tmp_path: Path) -> None:
    file = tmp_path / "x.sql"
    file.write_text("SELECT 1;\n  DROP TABLE t;\n")

    ended = jobdeck("check", str(file))

    assert ended.out.splitlines() == [
        f"! to acknowledge  drop-table  {file} 2:3: removes a table, or all of its rows",
        "      DROP TABLE t;",
        "      ^",
    ]


def test_documents_are_checked_with_the_rules_among_them(jobdeck: Jobdeck, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(
        "kind: job\nname: clean\nspec:\n  steps:\n"
        "  - {name: a, kind: command, command: mytool purge}\n"
        "---\nkind: command-rule\nname: no-purge\nspec: {pattern: 'mytool\\s+purge', level: block}\n"
    )

    ended = jobdeck("check", str(file))

    assert ended.code == 2
    assert f"no-purge  {file}:5 spec.steps[0].command 1:1" in ended.out


def test_a_job_is_checked_in_the_shells_of_the_hosts_beside_it(
    jobdeck: Jobdeck, tmp_path: Path
) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(
        "kind: job\nname: clean\nspec:\n  targets: w*\n  steps:\n"
        "  - {name: a, kind: command, command: shutdown /r}\n"
        "---\nkind: host\nname: w1\nspec: {protocol: winrm, winrm: {shell: cmd}}\n"
    )

    ended = jobdeck("check", str(file))

    assert (ended.code, "stop-windows" in ended.out) == (1, True)


def test_a_saved_job_is_checked_by_the_engines_rules(jobdeck: Jobdeck, api: FakeApi) -> None:
    def document(kind: str, name: str, **spec: Any) -> dict[str, Any]:
        return {"kind": kind, "name": name, "labels": {}, "spec": spec, "revision": 1,
                "created_at": "", "updated_at": "", "updated_by": ""}  # fmt: skip

    steps = [
        {"name": "a", "kind": "command", "command": "purge"},
        {"name": "b", "kind": "script", "script": {"name": "tidy"}},
    ]
    api.on("GET", "/documents/job/clean", answer(document("job", "clean", steps=steps)))
    api.on("GET", "/documents/script/tidy", answer(document("script", "tidy", text="rm -rf /")))
    rule = document("command-rule", "no-purge", words=["purge"], level="scan")
    api.on("GET", "/documents/command-rule", answer({"items": [rule]}))
    api.on("GET", "/documents/host", answer({"items": []}))
    api.on("GET", "/documents/group", answer({"items": []}))

    ended = jobdeck("check", "clean")

    assert ended.code == 2
    assert "! recorded  no-purge  job/clean spec.steps[0].command 1:1" in ended.out
    assert "! forbidden  remove-system  script/tidy spec.text 1:1" in ended.out

    missing = problem(404, "not-found", "job 'roll' does not exist")
    api.on("GET", "/documents/job/roll", missing)
    api.on("GET", "/documents/flow/roll", answer(document("flow", "roll", nodes=steps)))
    assert "no-purge  flow/roll spec.nodes[0].command 1:1" in jobdeck("check", "roll").out
    api.on("GET", "/documents/flow/roll", problem(404, "not-found", "no flow"))
    assert "error: job 'roll' does not exist" in jobdeck("check", "roll").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check",), "nothing says what to check"),
        (("check", "no-such.sh"), "no-such.sh does not exist"),
        (("check", "x.sh", "--language", "perl"), "--language: 'perl' is not known"),
    ],
)
def test_wrong_input_of_check_says_what_would_fit(
    jobdeck: Jobdeck, words: tuple[str, ...], message: str
) -> None:
    ended = jobdeck(*words)

    assert ended.code == 2
    assert message in ended.err


def test_an_entry_of_the_journal_names_rules_and_commands(jobdeck: Jobdeck, api: FakeApi) -> None:
    hits = [{"rule": "remove-system", "decision": "refused", "command": "rm -rf /", "line": 1}]
    entry = {"seq": 3, "at": AT, "actor": "ann", "type": "start.refused", "subject": "adhoc",
             "data": {"hits": hits, "count": 1}}  # fmt: skip
    api.on("GET", "/events", answer({"items": [entry]}), answer({"items": []}))

    assert "adhoc  ann  remove-system refused: rm -rf /  count=1" in jobdeck("events").out

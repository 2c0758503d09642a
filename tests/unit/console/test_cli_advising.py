"""`jobdeck advise`: runs are fetched, and what they show is said in the reader's language."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import assets
from console.presenters.advice import sentences
from core.flow.advice import SENTENCES, Rule
from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem

START = datetime(2027, 3, 31, 9, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def run(id_: str, origin: str, seconds: float = 30) -> dict[str, Any]:
    steps = [
        {"step": name, "attempt": 1, "state": "succeeded", "counts": {"success": 1}}
        | {"started_at": at(start), "finished_at": at(start + seconds)}
        for name, start in (("a", 0.0), ("b", seconds))
    ]
    about = {"title": "t", "state": "succeeded", "actor": "ann", "created_at": at(0)}
    return {"id": id_, "origin": origin, "steps": steps, **about}


@pytest.fixture
def runs(api: FakeApi) -> FakeApi:
    """Two runs of the flow's newest revision, one of an older, and one of a job of that name."""
    found = [
        run("r4", "flow/release@2"),
        run("r3", "job/release@1"),
        run("r2", "flow/release@2"),
        run("r1", "flow/release@1"),
    ]
    nodes = [{"name": name, "kind": "command", "command": name.upper()} for name in "ab"]
    graph = {"nodes": nodes, "edges": [{"source": "a", "target": "b"}]}
    api.on("GET", "/runs", answer({"items": found, "next_cursor": None}))
    for each in found:
        path = f"/runs/{each['id']}"
        api.on("GET", path, answer(each))
        api.on("GET", f"{path}/definition", answer({"graph": graph}))
        target = {"step": "a", "attempt": 1, "ordinal": 0, "host": "web1", "state": "success"}
        api.on("GET", f"{path}/targets", answer({"items": [target], "next_cursor": None}))
    return api


def test_runs_of_the_newest_revision_are_looked_at(jobdeck: Jobdeck, runs: FakeApi) -> None:
    ended = jobdeck("advise", "flow", "release")

    assert ended.code == 0
    title, side, path = ended.out.splitlines()
    assert title.split() == ["RULE", "WHAT", "WAS", "SEEN"]
    assert side.startswith("side-by-side   a, b ran one after the other and share neither")
    assert side.endswith("side by side they take 30s less")
    assert path == "critical-path  a > b took 1m of the run's 1m; a alone took 30s"
    assert ended.err == "2 runs looked at\n"
    assert runs.asked("/runs")["state"] == ["succeeded", "partially_succeeded", "failed"]


def test_programs_get_the_rule_and_its_evidence(jobdeck: Jobdeck, runs: FakeApi) -> None:
    first, *_ = json.loads(jobdeck("advise", "flow", "release", "--json").out)

    evidence = {"nodes": ["a", "b"], "saves_s": 30.0}
    assert first == {"rule": "side-by-side", "nodes": ["a", "b"], "evidence": evidence}


def test_without_ended_runs_it_says_so(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/runs", answer({"items": [], "next_cursor": None}))
    api.on("GET", "/documents/job/new", answer({"kind": "job", "name": "new", "spec": {}}))
    api.on("GET", "/documents/job/nwe", problem(404, "not-found", "job 'nwe' does not exist"))

    assert "no run of job new has ended yet" in jobdeck("advise", "job", "new").err
    assert "job 'nwe' does not exist" in jobdeck("advise", "job", "nwe").err


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_help_page_has_every_rule_in_its_order(language: str) -> None:
    page = (Path(assets.__file__).parent / "help" / f"advice.{language}.md").read_text()

    assert re.findall(r"^- `([a-z-]+)`", page, re.MULTILINE) == [rule.value for rule in Rule]


def test_the_console_says_what_the_core_says() -> None:
    assert dict(sentences()) == dict(SENTENCES)

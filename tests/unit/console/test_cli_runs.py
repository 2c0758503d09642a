"""`run`, `start` and `runs` against a fake API: what is sent, what is shown, how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from console.cli import answering, asking, returning, watching
from console.presenters.results import short_id
from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem, stream

ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"
AT = "2026-01-31T11:00:00.000000Z"


def run_row(state: str = "succeeded", **changes: Any) -> dict[str, Any]:
    return {
        "id": ID, "title": "uptime", "origin": "adhoc", "state": state, "actor": "ann",
        "created_at": AT, "started_at": AT, "finished_at": "2026-01-31T11:00:02.500000Z",
        "target_count": 3, "counts": {"success": 2, "failed": 1}, **changes,
    }  # fmt: skip


def run_detail(state: str = "succeeded", **changes: Any) -> dict[str, Any]:
    step = {
        "step": "command", "attempt": 1, "state": state, "started_at": AT,
        "finished_at": AT, "counts": {"success": 2, "failed": 1},
    }  # fmt: skip
    definition = {"hosts": "web[01-03]", "steps": [{"step": "command"}]}
    actions = ["stop", "continue"] if state == "waiting_user" else []
    return {
        **run_row(state, **changes), "steps": [step], "definition": definition, "actions": actions,
    }  # fmt: skip


def target(ordinal: int, state: str = "success", **changes: Any) -> dict[str, Any]:
    return {
        "step": "command", "attempt": 1, "ordinal": ordinal, "host": f"web0{ordinal + 1}",
        "state": state, "exit_code": 0 if state == "success" else 3, "size_bytes": 4, **changes,
    }  # fmt: skip


GROUPS = {
    "step": "command", "attempt": 1, "rules": {"ansi": True, "numbers": False},
    "groups": [
        {
            "state": "failed", "exit_code": 3, "count": 1, "hosts": "web03", "ordinals": [2],
            "sample": {"host": "web03", "ordinal": 2, "text": "no\n"},
        },
        {
            "state": "success", "exit_code": 0, "count": 2, "hosts": "web[01-02]",
            "ordinals": [0, 1], "sample": {"host": "web01", "ordinal": 0, "text": "up\n"},
        },
    ],
}  # fmt: skip


ENGINE = {
    "version": "1", "state": "running", "pid": 1, "home": "/h", "started_at": AT, "uptime_s": 1.0,
}  # fmt: skip


def event(seq: int, type_: str, **data: Any) -> tuple[str, str, Any]:
    entry = {"seq": seq, "at": AT, "actor": "ann", "type": type_, "subject": ID, "data": data}
    return type_, str(seq), entry


FAILED = target(2, "failed", code="NonZeroResultCode", message="exit status 3")


@pytest.fixture
def ended_run(api: FakeApi) -> FakeApi:
    """A run of three hosts that ends at once, one of them with exit code 3."""
    detail = run_detail("partially_succeeded")
    changes = [[0, "success", None, 0], [1, "success", None, 0]]
    last = [[2, "failed", "NonZeroResultCode", 3]]
    api.on("POST", "/runs", answer(run_row("running"), 202))
    api.on("GET", f"/runs/{ID}", answer(run_detail("running")), answer(detail))
    api.on("GET", "/runs", answer({"items": [run_row()]}))
    api.on("GET", "/engine", answer(ENGINE))
    place = {"step": "command", "attempt": 1}
    api.on(
        "GET", "/events",
        stream(
            event(1, "run.created"),
            event(2, "run.targets", targets=changes, **place),
            event(3, "run.targets", targets=last, **place),
            event(4, "run.state", state="partially_succeeded"),
        ),
    )  # fmt: skip

    def targets(request: Any) -> Any:
        known = {"web01": target(0), "web02": target(1), "web03": FAILED}
        if host := request.url.params.get("host"):
            return answer({"items": [known[host]]})(request)
        failed_only = "failed" in request.url.params.get_list("state")
        items = [FAILED] if failed_only else list(known.values())
        return answer({"items": items})(request)

    api.on("GET", f"/runs/{ID}/targets", targets)
    api.on("GET", f"/runs/{ID}/groups", answer(GROUPS))
    api.on("GET", f"/runs/{ID}/lost-lines", answer({}))
    api.on("GET", f"/runs/{ID}/operations", answer({"items": []}))
    api.on("GET", f"/runs/{ID}/notes", answer({"items": []}))
    hosts = [{"name": f"web0{number}"} for number in (1, 2, 3)]
    api.on("GET", f"/runs/{ID}/definition", answer({"hosts": hosts}))

    def output(request: Any) -> Any:
        text = {"0": "up\n", "1": "up\n", "2": "no\n"}[request.url.params["ordinal"]]
        piece = {"offset": 0, "stream": "out", "text": text}
        return answer({"pieces": [piece], "next_offset": None})(request)

    api.on("GET", f"/runs/{ID}/output", output)
    return api


NEXT = """
What to look at:
  jobdeck runs output 01JABCDEFGHJ web03  everything that host printed
  jobdeck runs show 01JABCDEFGHJ          the run, step by step
"""


def test_a_run_ends_with_groups_on_stdout_and_talk_on_stderr(
    jobdeck: Jobdeck, ended_run: FakeApi
) -> None:
    ended = jobdeck("run", "--on", "env=prod", "--", "uptime", "-p")

    assert ended.code == 1
    assert ended.out == (
        "✓ success  exit 0  2 hosts  web[01-02]\n    up\n✗ failed  exit 3  1 host  web03\n    no\n"
    )
    assert ended.err == (
        "run 01JABCDEFGHJ  3 hosts  web[01-03]\n"
        f"~ partially_succeeded  ✗ 1 failed  ✓ 2 success  2.5s\n{NEXT}"
    )


def test_the_request_holds_what_the_flags_say(
    jobdeck: Jobdeck, ended_run: FakeApi, tmp_path: Path
) -> None:
    names = tmp_path / "hosts.txt"
    names.write_text("web[01-02]  # two\n\ndb1, db2\nweb01\n")

    jobdeck(
        "run", "--hosts", f"@{names}", "--as", "root", "--concurrency", "5", "--timeout", "2m",
        "-e", "A=b=c", "--title", "look", "--allow-empty", "--confirm", "4",
        "--", "echo", "a  b", "$X",
    )  # fmt: skip

    assert ended_run.sent("POST", "/runs") == [
        {
            "hosts": ["web01", "web02", "db1", "db2"],
            "run_as": "root",
            "allow_empty": True,
            "confirm_hosts": 4,
            "concurrency": 5,
            "timeout_s": 120.0,
            "env": {"A": "b=c"},
            "title": "look",
            "step": {"kind": "command", "name": "command", "command": "echo a  b $X"},
        }
    ]


def test_flags_end_where_the_command_begins(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    jobdeck("run", "--on", "all", "grep", "--on", "-e", "x")

    [sent] = ended_run.sent("POST", "/runs")
    assert sent["step"]["command"] == "grep --on -e x"
    assert sent["targets"] == "all"


@pytest.mark.parametrize(
    ("first_line", "language"),
    [
        ("#!/usr/bin/env python3", "python3"),
        ("#!/usr/bin/env -S perl -w", "perl"),
        ("#!/bin/bash -e", "/bin/bash"),
        ("#!", None),
        ("echo hi", None),
    ],
)
def test_a_script_names_its_interpreter(
    jobdeck: Jobdeck, ended_run: FakeApi, tmp_path: Path, first_line: str, language: str | None
) -> None:
    script = tmp_path / "check.sh"
    script.write_text(f"{first_line}\nrest\n")

    jobdeck("run", "--on", "all", "--script", str(script), "--", "--fast", "a b")

    [sent] = ended_run.sent("POST", "/runs")
    assert sent["title"] == str(script)
    assert sent["step"].get("language") == language
    assert sent["step"]["args"] == ["--fast", "a b"]
    assert sent["step"]["text"] == f"{first_line}\nrest\n"


def test_per_host_shows_each_host_as_it_ends(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    ended = jobdeck("run", "--on", "all", "--per-host", "--", "uptime")

    assert ended.code == 1
    assert ended.out == (
        "✓ success  web01  exit 0\n    up\n"
        "✓ success  web02  exit 0\n    up\n"
        "✗ failed  web03  exit 3\n    no\n"
    )


def piece(place: str, host: str, stream_: str, text: str) -> tuple[str, str, Any]:
    data = {
        "host": host, "step": "command", "attempt": 1, "ordinal": 0, "offset": 0,
        "stream": stream_, "text": text,
    }  # fmt: skip
    return "output", place, data


def test_stream_shows_lines_with_their_hosts(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    ended_run.on(
        "GET", f"/runs/{ID}/output/stream",
        stream(
            piece("1", "web01", "out", "one\ntw"),
            piece("2", "web02", "err", "\x1b[31mred\n"),
            piece("3", "web01", "out", "o\nthree"),
            ("end", "", {}),
        ),
    )  # fmt: skip

    ended = jobdeck("run", "--on", "all", "--stream", "--", "uptime")

    assert ended.code == 1
    assert ended.out == ("web01 | one\nweb02 ! \\x1b[31mred\nweb01 | two\nweb01 | three\n")


def test_quiet_shows_only_hosts_that_failed(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    ended = jobdeck("run", "--on", "all", "--quiet", "--", "uptime")

    assert ended.out == "✗ failed  1 host  web03\n    exit status 3\n"


def test_json_is_one_document(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    ended = jobdeck("run", "--on", "all", "--json", "--per-host", "--", "uptime")

    found = json.loads(ended.out)
    assert ended.err == ""
    assert found["run"]["state"] == "partially_succeeded"
    assert [item["output"] for item in found["targets"]] == ["up\n", "up\n", "no\n"]
    assert found["groups"][0]["groups"][1]["hosts"] == "web[01-02]"


def test_detach_prints_the_id_and_leaves(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    ended = jobdeck("run", "--on", "all", "--detach", "--", "sleep", "60")

    assert (ended.code, ended.out, ended.err) == (0, f"{ID}\n", "")


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("succeeded", 0),
        ("partially_succeeded", 1),
        ("failed", 1),
        ("timed_out", 1),
        ("stopped", 130),
        ("abnormal", 5),
        ("abandoned", 5),
    ],
)
def test_the_exit_code_says_how_the_run_ended(
    jobdeck: Jobdeck, ended_run: FakeApi, state: str, code: int
) -> None:
    ended_run.on("GET", f"/runs/{ID}", answer(run_detail(state)))

    assert jobdeck("runs", "watch", ID).code == code


def test_problems_of_the_request_name_the_flags(jobdeck: Jobdeck, api: FakeApi) -> None:
    problems = [
        {"where": "targets", "what": "'x' matches no host", "hint": ""},
        {"where": "parameters.who", "what": "is required", "hint": ""},
        {"where": "step.command", "what": "is too long", "hint": ""},
        {"where": "host web01", "what": "no account", "hint": "--as ACCOUNT"},
    ]
    api.on("POST", "/runs", problem(422, "invalid", "cannot start", problems=problems))

    ended = jobdeck("run", "--on", "x", "--", "ls")

    assert ended.code == 2
    assert ended.err == (
        "error: cannot start\n"
        "  --on: 'x' matches no host\n"
        "  -p who: is required\n"
        "  COMMAND: is too long\n"
        "  host web01: no account (--as ACCOUNT)\n"
    )


@pytest.fixture
def to_confirm(ended_run: FakeApi) -> FakeApi:
    """An environment that asks to confirm three hosts."""
    refused = problem(
        409,
        "confirmation-required",
        "confirm the number: 3",
        hosts=3,
        touched={"prod": "web[01-02]", "": "lab1"},
        hint="--confirm 3",
    )
    ended_run.on("POST", "/runs", refused, answer(run_row("running"), 202))
    return ended_run


def test_nobody_to_ask_means_no_confirmation(jobdeck: Jobdeck, to_confirm: FakeApi) -> None:
    ended = jobdeck("run", "--on", "all", "--", "uptime")

    assert ended.code == 2
    assert ended.err == "error: confirm the number: 3\n  hint: --confirm 3\n"
    assert len(to_confirm.sent("POST", "/runs")) == 1


def person(
    monkeypatch: pytest.MonkeyPatch, *answers: str, asker: ModuleType = answering
) -> list[str]:
    """Somebody at the terminal who gives these answers; the questions are returned."""
    replies, asked = list(answers), list[str]()

    def reply(question: str) -> str:
        asked.append(question)
        return replies.pop(0)

    monkeypatch.setattr(asker, "may_ask", lambda: True)
    monkeypatch.setattr(asker, "ask", reply)
    return asked


def test_a_person_confirms_by_typing_the_number(
    jobdeck: Jobdeck, to_confirm: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = person(monkeypatch, "3")

    ended = jobdeck("run", "--on", "all", "--", "uptime")

    assert ended.code == 1
    assert ended.err.startswith(
        "This would touch 3 hosts:\n  environment prod  web[01-02]\n  no environment  lab1\n"
    )
    assert asked == ["Type the number of hosts to go on:"]
    assert to_confirm.sent("POST", "/runs")[1]["confirm_hosts"] == 3


def test_another_number_starts_nothing(
    jobdeck: Jobdeck, to_confirm: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(monkeypatch, "30")

    ended = jobdeck("run", "--on", "all", "--", "uptime")

    assert ended.code == 2
    assert "error: not confirmed; nothing was started" in ended.err
    assert len(to_confirm.sent("POST", "/runs")) == 1


def test_a_wrong_number_on_the_command_line_is_not_asked_again(
    jobdeck: Jobdeck, to_confirm: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = person(monkeypatch, "3")

    assert jobdeck("run", "--on", "all", "--confirm", "2", "--", "uptime").code == 2
    assert asked == []


JOB = {
    "kind": "job", "name": "deploy",
    "spec": {
        "parameters": [
            {"name": "version", "required": True},
            {"name": "token", "type": "secret", "required": True},
            {"name": "note", "type": "secret"},
        ]
    },
}  # fmt: skip


def test_parameters_are_text_or_come_from_files(
    jobdeck: Jobdeck, ended_run: FakeApi, tmp_path: Path
) -> None:
    ended_run.on("GET", "/documents/job/deploy", answer(JOB))
    (tmp_path / "token").write_text("s3cret\n")

    jobdeck(
        "start", "deploy", "-p", "version=1=2", "-p", f"token=@{tmp_path}/token", "-p", "note=@@me"
    )

    [sent] = ended_run.sent("POST", "/runs")
    assert sent == {
        "job": "deploy",
        "parameters": {"version": "1=2", "token": "s3cret", "note": "@me"},
    }


def test_a_missing_required_secret_is_asked_for(
    jobdeck: Jobdeck, ended_run: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_run.on("GET", "/documents/job/deploy", answer(JOB))
    monkeypatch.setattr("console.cli.starting.may_ask", lambda: True)
    monkeypatch.setattr("console.cli.starting.secret", lambda name: f"typed {name}")

    jobdeck("start", "deploy", "-p", "version=1")

    [sent] = ended_run.sent("POST", "/runs")
    assert sent["parameters"] == {"version": "1", "token": "typed token"}


def test_a_missing_secret_that_nobody_can_type_is_refused(
    jobdeck: Jobdeck, ended_run: FakeApi
) -> None:
    ended_run.on("GET", "/documents/job/deploy", answer(JOB))

    ended = jobdeck("start", "deploy", "--no-input", "-p", "version=1")

    assert ended.code == 2
    assert "the secret token is needed" in ended.err
    assert "-p token=@FILE" in ended.err
    assert ended_run.sent("POST", "/runs") == []


def test_runs_are_listed_as_asked(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    ended = jobdeck(
        "runs", "list", "--state", "failed", "--state", "stopped", "--job", "deploy", "--by", "ann",
        "--host", "web01", "--since", "2h", "--limit", "5", "disk", "full",
    )  # fmt: skip

    assert ended_run.asked("/runs") == {
        "limit": ["5"], "state": ["failed", "stopped"], "origin": ["deploy"], "actor": ["ann"],
        "host": ["web01"], "since": ["2h"], "q": ["disk full"],
    }  # fmt: skip
    assert ended.out.splitlines()[0].split() == [
        "RUN",
        "STATE",
        "HOSTS",
        "STARTED",
        "TOOK",
        "BY",
        "TITLE",
    ]
    assert "01JABCDEFGHJ  ✓ succeeded" in ended.out


def test_last_is_the_newest_run(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    ended_run.on("POST", f"/runs/{ID}/actions", answer(run_row("stopping"), 202))

    ended = jobdeck("runs", "stop", "last", "--reason", "wrong hosts")

    assert ended.code == 0
    assert ended_run.sent("POST", f"/runs/{ID}/actions") == [
        {"action": "stop", "reason": "wrong hosts"}
    ]


def test_there_is_no_last_run_before_the_first(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/runs", answer({"items": []}))

    ended = jobdeck("runs", "show", "last")

    assert ended.code == 2
    assert ended.err.startswith("error: there is no run yet, so none is the last\n")


def test_a_run_is_shown_with_steps_groups_and_next_steps(
    jobdeck: Jobdeck, ended_run: FakeApi
) -> None:
    ended_run.on("GET", f"/runs/{ID}", answer(run_detail("partially_succeeded")))

    ended = jobdeck("runs", "show", ID)

    assert f"run         {ID}\n" in ended.out
    assert "command        1  ~ partially_succeeded" in ended.out
    assert ended.out.endswith("✗ failed  exit 3  1 host  web03\n    no\n")
    assert "jobdeck runs output 01JABCDEFGHJ web03" in ended.err
    assert "runs show" not in ended.err


def test_what_a_step_did_not_reach_and_why_it_failed_stand_under_that_step(
    jobdeck: Jobdeck, ended_run: FakeApi
) -> None:
    steps = [
        {"step": "fetch", "attempt": 1, "state": "error_ignored", "counts": {"unreachable": 1}},
        {
            "step": "merge", "attempt": 1, "state": "failed", "counts": {"success": 2},
            "reason": "the hosts set 2 different values for output v",
        },
    ]  # fmt: skip
    detail = {**run_detail("failed"), "steps": steps}
    detail["definition"]["steps"] = [{"step": "fetch"}, {"step": "merge"}]
    ended_run.on("GET", f"/runs/{ID}", answer(detail))
    gone = {
        "state": "unreachable", "reason": "no route", "count": 1, "hosts": "web01", "ordinals": [0],
    }  # fmt: skip

    def groups(request: Any) -> Any:
        items = [gone] if request.url.params["step"] == "fetch" else []
        return answer({**GROUPS, "groups": items})(request)

    ended_run.on("GET", f"/runs/{ID}/groups", groups)

    ended = jobdeck("runs", "show", ID)

    assert ended.out.endswith(
        "step fetch  ~ error_ignored\n"
        "! unreachable  1 host  web01\n"
        "    no route\n"
        "\n"
        "step merge  ✗ failed\n"
        "    the hosts set 2 different values for output v\n"
    )


def test_a_failure_that_no_exit_status_tells_is_told(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    said = {"exit_code": None, "reason": "status 500, expected 2xx"}
    failed, good = GROUPS["groups"]  # type: ignore[misc]
    ended_run.on(
        "GET", f"/runs/{ID}/groups", answer({**GROUPS, "groups": [{**failed, **said}, good]})
    )

    assert jobdeck("runs", "show", ID).out.endswith(
        "✗ failed  1 host  web03\n    status 500, expected 2xx\n    no\n"
    )


def test_every_host_of_a_run_can_be_listed(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    ended = jobdeck("runs", "show", ID, "--hosts")

    assert [line.split()[:4] for line in ended.out.splitlines()[-3:]] == [
        ["web01", "✓", "success", "0"],
        ["web02", "✓", "success", "0"],
        ["web03", "✗", "failed", "3"],
    ]


def test_output_of_one_host_can_be_cut_to_its_end(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    text = {"offset": 0, "stream": "out", "text": "a\nb\nc"}
    page = answer({"pieces": [text], "next_offset": None})
    ended_run.on("GET", f"/runs/{ID}/output", page)

    assert jobdeck("runs", "output", ID, "web01", "--tail", "2").out == "b\nc\n"
    assert jobdeck("runs", "output", ID, "web01", "--tail", "0").out == ""
    assert jobdeck("runs", "output", ID, "web01", "--tail", "9").out == "a\nb\nc\n"
    assert ended_run.asked(f"/runs/{ID}/output")["host"] == ["web01"]


def test_groups_can_be_compared(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    lines = [{"kind": "removed", "text": "up"}, {"kind": "added", "text": "no"}]
    ended_run.on("GET", f"/runs/{ID}/groups/diff", answer({"lines": lines, "truncated": False}))

    ended = jobdeck("runs", "diff", ID)

    assert ended.out == "--- web[01-02] (2 hosts)\n+++ web03 (1 host)\n-up\n+no\n"
    assert ended_run.asked(f"/runs/{ID}/groups/diff") == {"a": ["0"], "b": ["2"]}


def test_groups_say_by_which_rules_they_were_made(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    ended = jobdeck("runs", "groups", ID, "--rules", "ansi,numbers")

    assert ended.err == "normalised: ansi\n"
    assert ended_run.asked(f"/runs/{ID}/groups") == {"rules": ["ansi,numbers"]}


def test_a_run_names_the_files_that_it_carries(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    carried = {"taken": [{"source": "engine", "files": ["/srv/motd"]}], "to": "/etc/motd"}
    steps = [{"step": "bring", "carried": carried}, {"step": "say", "carried": None}]
    detail = {**run_detail(), "definition": {"hosts": "web[01-03]", "steps": steps}}
    ended_run.on("GET", f"/runs/{ID}", answer(detail))

    assert (
        "STEP   FILES OF      TO         FILES\nbring  this machine  /etc/motd  /srv/motd\n"
    ) in jobdeck("runs", "show", ID).out


def test_a_search_shows_all_that_was_found(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    def page(host: str, cursor: str | None) -> Any:
        match = {"host": host, "ordinal": 0, "step": "command", "line": 1, "text": "no space"}
        return answer({"items": [match], "next_cursor": cursor})

    ended_run.on("GET", f"/runs/{ID}/search", page("web01", "more"), page("web02", None))

    ended = jobdeck("runs", "search", ID, "space")

    assert [line.split()[0] for line in ended.out.splitlines()] == ["HOST", "web01", "web02"]


def test_a_search_without_a_find_ends_with_1(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    ended_run.on("GET", f"/runs/{ID}/search", answer({"items": []}))

    ended = jobdeck("runs", "search", ID, "no", "space")

    assert (ended.code, ended.out) == (1, "nothing found\n")
    assert ended_run.asked(f"/runs/{ID}/search")["q"] == ["no space"]


def test_what_is_missing_of_an_output_is_said(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    page = {"pieces": [], "size_bytes": 0, "dropped_bytes": 2_000_000, "removed_bytes": 5000}
    ended_run.on("GET", f"/runs/{ID}/output", answer(page))

    ended = jobdeck("runs", "output", ID, "web01")

    assert ended.err == (
        "2.0 MB over the cap on output were not kept\n5.0 KB were removed by retention\n"
    )


def test_all_runs_are_searched_for_words(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    match = {"host": "web01", "ordinal": 0, "step": "command", "line": 7, "text": "no space left"}
    pages = [
        answer({"items": [], "next_cursor": "later"}),
        answer({"items": [{**match, "run": ID}]}),
    ]
    ended_run.on("GET", "/search", *pages)

    ended = jobdeck("search", "no", "space", "--job", "backup", "--host", "web01", "--since", "2h")

    assert ended.code == 0
    assert [line.split() for line in ended.out.splitlines()] == [
        ["RUN", "HOST", "STEP", "LINE", "TEXT"],
        [short_id(ID), "web01", "command", "7", "no", "space", "left"],
    ]
    asked = ended_run.asked("/search")
    assert (asked["q"], asked["job"], asked["host"], asked["since"]) == (
        ["no space"], ["backup"], ["web01"], ["2h"],
    )  # fmt: skip


def test_words_that_no_run_has_end_with_1(jobdeck: Jobdeck, ended_run: FakeApi) -> None:
    ended_run.on("GET", "/search", answer({"items": []}))
    assert (jobdeck("search", "nowhere").code, jobdeck("search", "nowhere").out) == (
        1,
        "nothing found\n",
    )


def test_a_question_is_asked_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(" yes \n"))

    assert asking.ask("Really?") == "yes"
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Really? ")


def test_flags_of_batches_become_the_rules_of_the_request(
    api: FakeApi, ended_run: FakeApi, jobdeck: Jobdeck
) -> None:
    plans = [
        {"batch": 0, "count": 1, "folded": "web01", "offset_s": 0.0},
        {"batch": 1, "count": 2, "folded": "web[02-03]", "offset_s": 90.0},
    ]
    step = {"step": "command", "hosts": [], "count": 3, "folded": "", "batches": plans}
    api.on("POST", "/runs/preview", answer({"title": "x", "steps": [step], "seed": "s1"}))

    ended = jobdeck(
        "run", "--on", "all", "--batch", "1 +1", "--max-fail", "10%", "--scope", "total",
        "--min-success", "95%", "--order", "shuffle", "--health", "check", "--stagger", "90~2m",
        "--", "true",
    )  # fmt: skip

    (sent,) = api.sent("POST", "/runs")
    assert sent["rolling"] == {
        "batch": "1 +1", "max_fail": "10%", "scope": "total", "min_success": 95,
        "order": "shuffle", "health": "check", "stagger": {"min_s": 90.0, "max_s": 120.0},
    }  # fmt: skip
    assert sent["seed"] == "s1", "the batches that were shown are those that run"
    assert ended.err.startswith(
        "step command rolls in 2 batches:\n"
        "  batch 1/2  1  web01\n"
        "  batch 2/2  2  +1m 30s  web[02-03]\n"
    )


def test_continue_asks_for_the_next_batch(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("POST", f"/runs/{ID}/actions", answer(run_row("running"), 202))
    ended = jobdeck("runs", "continue", ID, "--step", "command", "--reason", "fine")
    assert (ended.code, ended.out) == (0, "")
    assert "goes on" in ended.err
    assert api.sent("POST", f"/runs/{ID}/actions") == [
        {"action": "continue", "step": "command", "reason": "fine"}
    ]


def test_runs_show_lists_the_batches_with_what_came_of_them(
    api: FakeApi, ended_run: FakeApi, jobdeck: Jobdeck
) -> None:
    batches = [
        {"step": "command", "batch": 0, "of": 2, "state": "failed", "reason": "1 of 2 failed",
         "count": 2, "folded": "web[01-02]", "started_at": AT, "finished_at": AT},
        {"step": "command", "batch": 1, "of": 2, "state": "stopped", "count": 1, "folded": "web03"},
    ]  # fmt: skip
    api.on("GET", f"/runs/{ID}", answer({**run_detail("failed"), "batches": batches}))
    shown = jobdeck("runs", "show", ID).out
    assert "1/2    ✗ failed" in shown
    assert "2  web[01-02]  (1 of 2 failed)" in shown
    assert "2/2    - stopped" in shown


def gone(_request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("the engine was killed")


def test_a_question_is_asked_again_when_the_engine_is_back(
    jobdeck: Jobdeck, ended_run: FakeApi
) -> None:
    path = ("GET", f"/runs/{ID}/groups")
    ended_run.on(*path, gone, answer(GROUPS))

    ended = jobdeck("run", "--on", "web", "--", "uptime")

    assert ended.code == 1
    assert ended.out.startswith("✓ success  exit 0  2 hosts  web[01-02]\n    up\n")


@pytest.mark.parametrize("typed", ["n", "s"])
def test_an_action_whose_answer_was_lost_is_not_sent_again(
    jobdeck: Jobdeck, ended_run: FakeApi, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    action = {"n": "continue", "s": "stop"}[typed]
    asks = stream(
        event(1, "run.state", state="waiting_user", reason="batch 1 of 2 has ended"),
        event(2, "run.state", state="succeeded"),
    )
    ended_run.on("GET", "/events", asks)
    waiting, ended_detail = run_detail("waiting_user"), run_detail("succeeded")
    ended_run.on("GET", f"/runs/{ID}", answer(waiting), answer(waiting), answer(ended_detail))
    ended_run.on("POST", f"/runs/{ID}/actions", gone)
    monkeypatch.setattr(watching, "may_ask", lambda: True)
    monkeypatch.setattr(watching, "ask", lambda _question: typed)

    ended = jobdeck("runs", "watch", ID)

    assert ended_run.sent("POST", f"/runs/{ID}/actions") == [{"action": action}]
    assert f"it is not known whether `{action}` arrived" in ended.err
    assert "the run is now: ✓ succeeded" in ended.err


def test_the_patience_with_an_engine_that_stays_away_ends(
    jobdeck: Jobdeck, ended_run: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returning, "PATIENCE_S", 0)
    ended_run.on("GET", "/events", stream(event(1, "run.created")))
    ended_run.on("GET", "/engine", gone)

    ended = jobdeck("runs", "watch", ID)

    assert ended.code == 3
    assert "the engine was stopped; the run goes on when it starts again" in ended.err
    assert f"hint: jobdeck runs watch {short_id(ID)}" in ended.err


def test_what_a_start_does_not_refuse_is_said_before_it_is_followed(
    api: FakeApi, jobdeck: Jobdeck
) -> None:
    warning = {"where": "account ops", "what": "its last day was 2020-02-29", "hint": "renew it"}
    api.on("POST", "/runs", answer({**run_row("running"), "warnings": [warning]}, 202))

    ended = jobdeck("run", "--hosts", "web01", "--detach", "--", "true")

    assert ended.err == "warning: account ops: its last day was 2020-02-29 (renew it)\n"
    assert ended.out == f"{run_row('running')['id']}\n"

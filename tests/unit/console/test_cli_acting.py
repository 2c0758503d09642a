"""What operators type about runs, against a fake API: what is sent, and what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem, stream

ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"
AT = "2026-01-31T11:00:00.000000Z"
ACTIONS = f"/runs/{ID}/actions"
ENGINE = {
    "version": "1", "state": "running", "pid": 1, "home": "/h", "started_at": AT, "uptime_s": 1.0,
}  # fmt: skip


def row(state: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": ID, "title": "deploy", "origin": "job/deploy@3", "state": state, "actor": "ann",
        "created_at": AT, "started_at": AT, "target_count": 3, "counts": {"success": 3}, **changes,
    }  # fmt: skip


def operation(**changes: Any) -> dict[str, Any]:
    return {
        "at": AT, "actor": "ben", "action": "retry", "step": "copy", "attempt": 2,
        "targets": ["web03"], "reason": "disk replaced", **changes,
    }  # fmt: skip


@pytest.fixture
def acted(api: FakeApi) -> FakeApi:
    """A run that takes what is asked of it and then ends."""
    ended = {**row("succeeded", finished_at=AT), "steps": [], "definition": {"hosts": "web[01-03]"}}
    api.on("POST", ACTIONS, answer(row("running"), 202))
    api.on("GET", f"/runs/{ID}", answer(ended))
    api.on("GET", f"/runs/{ID}/operations", answer({"items": [operation()]}))
    api.on("GET", f"/runs/{ID}/targets", answer({"items": []}))
    api.on("GET", f"/runs/{ID}/lost-lines", answer({}))
    api.on("GET", "/engine", answer(ENGINE))
    end = {"seq": 1, "at": AT, "actor": "x", "type": "run.state", "subject": ID,
           "data": {"state": "succeeded"}}  # fmt: skip
    api.on("GET", "/events", stream(("run.state", "1", end)))
    return api


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("stop", ID), {"action": "stop"}),
        (("cancel", ID), {"action": "stop"}),
        (("force-stop", ID, "--reason", "x"), {"action": "force_stop", "reason": "x"}),
        (("ignore", ID, "--step", "a"), {"action": "ignore", "step": "a"}),
        (
            ("ignore", ID, "--acknowledge", "a", "--acknowledge", "b"),
            {"action": "ignore", "acknowledge": ["a", "b"]},
        ),
        (("ignore", ID, "--change", "CHG-1"), {"action": "ignore", "change": "CHG-1"}),
        (("retry", ID, "-d", "--change", "CHG-1"), {"action": "retry", "change": "CHG-1"}),
        (
            ("resolve", ID, "--success", "--change", "CHG-1"),
            {"action": "resolve", "verdict": "success", "change": "CHG-1"},
        ),
        (("skip", ID, "--reason", "x"), {"action": "skip", "reason": "x"}),
        (("retry", ID, "-d"), {"action": "retry"}),
        (("retry", ID, "-d", "--failed"), {"action": "retry", "scope": "failed"}),
        (("retry", ID, "-d", "--not-started"), {"action": "retry", "scope": "not_started"}),
        (
            ("retry", ID, "-d", "--all", "--step", "a", "--confirm", "3"),
            {"action": "retry", "scope": "all", "step": "a", "confirm_hosts": 3},
        ),
        (
            ("retry", ID, "-d", "-e", "MIRROR=b", "-e", "TRIES=3"),
            {"action": "retry", "env": {"MIRROR": "b", "TRIES": "3"}},
        ),
        (
            ("retry", ID, "-d", "--hosts", "web[01-02]"),
            {"action": "retry", "hosts": ["web01", "web02"]},
        ),
    ],
)
def test_what_is_typed_is_what_is_asked(
    jobdeck: Jobdeck, acted: FakeApi, words: tuple[str, ...], sent: dict[str, Any]
) -> None:
    ended = jobdeck("runs", *words)

    assert ended.code == 0, ended.err
    assert acted.sent("POST", ACTIONS) == [sent]


def test_a_retry_says_which_hosts_run_again_and_follows_them(
    jobdeck: Jobdeck, acted: FakeApi
) -> None:
    lost = {"step": "copy", "attempt": 1, "ordinal": 1, "host": "web02", "state": "unknown"}
    acted.on("GET", f"/runs/{ID}/targets", answer({"items": [lost]}), answer({"items": []}))

    ended = jobdeck("runs", "retry", ID, "--reason", "disk replaced")

    assert ended.code == 0, ended.err
    assert "attempt 2 of step copy: 1 host  web03\n" in ended.err
    assert "left out, as how they ended is not known: web02\n" in ended.err
    assert "succeeded" in ended.err


@pytest.fixture
def retried(acted: FakeApi) -> FakeApi:
    """A run whose step copy failed on web03, and does not when it is tried again."""
    first = {"step": "copy", "attempt": 1, "state": "failed", "counts": {}}
    second = {"step": "copy", "attempt": 2, "state": "succeeded", "counts": {}}
    definition = {"hosts": "web[01-03]"}
    acted.on(
        "GET", f"/runs/{ID}",
        answer({**row("failed", finished_at=AT), "steps": [first], "definition": definition}),
        answer({**row("running"), "steps": [first, second], "definition": definition}),
        answer({**row("succeeded", finished_at=AT), "steps": [first, second],
                "definition": definition}),
    )  # fmt: skip
    hosts = [{"name": f"web0{n}"} for n in (1, 2, 3)]
    acted.on("GET", f"/runs/{ID}/definition", answer({"hosts": hosts}))
    events = [
        ("run.targets", {"step": "copy", "attempt": 1, "targets": [[0, "success"], [2, "failed"]]}),
        ("run.targets", {"step": "copy", "attempt": 2,
                         "targets": [[0, "last_success"], [2, "success"]]}),
        ("run.state", {"state": "succeeded"}),
    ]  # fmt: skip
    acted.on("GET", "/events", stream(*(
        (type_, str(seq), {"seq": seq, "at": AT, "actor": "x", "type": type_, "subject": ID,
                           "data": data})
        for seq, (type_, data) in enumerate(events, start=1)
    )))  # fmt: skip
    return acted


def test_a_retry_shows_each_host_of_the_new_attempt_only(
    jobdeck: Jobdeck, retried: FakeApi
) -> None:
    done = {"step": "copy", "attempt": 2, "ordinal": 2, "host": "web03", "state": "success",
            "exit_code": 0}  # fmt: skip
    retried.on("GET", f"/runs/{ID}/targets", answer({"items": []}), answer({"items": [done]}),
               answer({"items": []}))  # fmt: skip
    page = {"pieces": [{"offset": 0, "stream": "out", "text": "new\n"}], "next_offset": None}
    retried.on("GET", f"/runs/{ID}/output", answer(page))

    ended = jobdeck("runs", "retry", ID, "--per-host")

    assert ended.code == 0, ended.err
    assert ended.out == "✓ success  web03  exit 0\n    new\n"


def test_a_retry_shows_lines_of_the_new_attempt_only(jobdeck: Jobdeck, retried: FakeApi) -> None:
    pieces = [
        {"host": "web03", "step": "copy", "attempt": attempt, "ordinal": 2, "offset": 0,
         "stream": "out", "text": f"{attempt}\n"}
        for attempt in (1, 2)
    ]  # fmt: skip
    retried.on(
        "GET", f"/runs/{ID}/output/stream",
        stream(*(("output", str(n), each) for n, each in enumerate(pieces)), ("end", "", {})),
    )  # fmt: skip

    ended = jobdeck("runs", "retry", ID, "--stream")

    assert ended.code == 0, ended.err
    assert ended.out == "web03 | 2\n"


def test_a_run_that_failed_says_how_it_is_retried(jobdeck: Jobdeck, acted: FakeApi) -> None:
    failed = {
        **row("failed", finished_at=AT), "steps": [], "actions": ["retry", "ignore"],
        "definition": {"hosts": "web[01-03]"},
    }  # fmt: skip
    acted.on("GET", f"/runs/{ID}", answer(failed))

    assert (
        f"jobdeck runs retry {ID[:12]}  run it again where it failed"
        in jobdeck("runs", "watch", ID).err
    )


def test_a_secret_that_was_erased_is_typed_again_or_given_as_a_file(
    jobdeck: Jobdeck, acted: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refused = problem(
        422, "invalid", "the run needs the secrets that it was started with",
        problems=[{"where": "secrets.PIN", "what": "was erased when the run ended", "hint": ""}],
    )  # fmt: skip
    acted.on("POST", ACTIONS, refused, answer(row("running"), 202))
    monkeypatch.setattr("console.cli.answering.may_ask", lambda: True)
    monkeypatch.setattr("console.cli.answering.secret", lambda name: f"typed {name}")

    assert jobdeck("runs", "retry", ID, "-d").code == 0
    assert acted.sent("POST", ACTIONS)[1] == {"action": "retry", "secrets": {"PIN": "typed PIN"}}

    pin = tmp_path / "pin"
    pin.write_text("1234\n")
    assert jobdeck("runs", "ignore", ID, "-p", f"PIN=@{pin}").code == 0
    assert acted.sent("POST", ACTIONS)[2] == {"action": "ignore", "secrets": {"PIN": "1234"}}


def test_where_nobody_can_be_asked_a_missing_secret_names_its_flag(
    jobdeck: Jobdeck, acted: FakeApi
) -> None:
    refused = problem(
        422, "invalid", "the run needs the secrets that it was started with",
        problems=[{"where": "secrets.PIN", "what": "was erased when the run ended", "hint": "give it again"}],
    )  # fmt: skip
    acted.on("POST", ACTIONS, refused)

    ended = jobdeck("runs", "retry", ID, "--no-input")

    assert ended.code == 2
    assert "-p PIN: was erased when the run ended" in ended.err
    assert "-p PIN=@FILE" in ended.err


def test_a_secret_that_the_run_never_had_is_not_asked_for_as_a_file(
    jobdeck: Jobdeck, acted: FakeApi
) -> None:
    refused = problem(
        422, "invalid", "the run needs the secrets that it was started with",
        problems=[{"where": "secrets.x", "what": "the run was started without such a secret"}],
    )  # fmt: skip
    acted.on("POST", ACTIONS, refused)

    ended = jobdeck("runs", "resolve", ID, "--look", "-p", "x=y")

    assert ended.code == 2
    assert "  -p x: the run was started without such a secret\n" in ended.err


def test_a_guard_rail_that_asks_for_the_number_gets_it_from_a_person(
    jobdeck: Jobdeck, acted: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = problem(409, "confirmation-required", "how many?", hosts=1, touched={"prod": "web03"})
    acted.on("POST", ACTIONS, asked, answer(row("running"), 202))
    monkeypatch.setattr("console.cli.answering.may_ask", lambda: True)
    monkeypatch.setattr("console.cli.answering.ask", lambda _: "1")

    ended = jobdeck("runs", "retry", ID, "-d")

    assert ended.code == 0, ended.err
    assert acted.sent("POST", ACTIONS)[1] == {"action": "retry", "confirm_hosts": 1}


def test_a_refusal_is_one_clear_message(jobdeck: Jobdeck, acted: FakeApi) -> None:
    says = f"run {ID} is succeeded; retry is not possible"
    acted.on("POST", ACTIONS, problem(409, "illegal-transition", says))

    ended = jobdeck("runs", "retry", ID)

    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith(f"error: {says}\n")


# ------------------------------------------------------------------ again

BEFORE = {
    "request": {
        "job": "deploy", "targets": "env=prod", "parameters": {"version": "1", "zone": "a"},
        "env": {"A": "1"}, "concurrency": 5,
    },
    "secrets": ["token"], "origin": "job/deploy@3",
}  # fmt: skip
PREVIEW = {
    "title": "deploy",
    "steps": [{"step": "copy", "kind": "command", "count": 2, "folded": "web[01-02]"}],
}


@pytest.fixture
def earlier(acted: FakeApi, monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """An earlier run of a job that takes a secret."""
    job = {"kind": "job", "name": "deploy", "spec": {"parameters": [
        {"name": "version"}, {"name": "zone"}, {"name": "token", "type": "secret"},
    ]}}  # fmt: skip
    acted.on("GET", f"/runs/{ID}/request", answer(BEFORE))
    acted.on("GET", "/documents/job/deploy", answer({**job, "revision": 5}))
    acted.on("POST", "/runs/preview", answer(PREVIEW))
    acted.on("POST", "/runs", answer(row("running"), 202))
    monkeypatch.setattr("console.cli.starting.may_ask", lambda: True)
    monkeypatch.setattr("console.cli.starting.secret", lambda name: f"typed {name}")
    return acted


def test_again_asks_for_the_same_with_its_secrets_and_shows_what_would_run(
    jobdeck: Jobdeck, earlier: FakeApi
) -> None:
    ended = jobdeck("runs", "again", ID, "--detach")

    assert (ended.code, ended.out) == (0, f"{ID}\n")
    expected = {
        **BEFORE["request"],
        "parameters": {"version": "1", "zone": "a", "token": "typed token"},
    }  # type: ignore[dict-item]
    assert earlier.sent("POST", "/runs") == earlier.sent("POST", "/runs/preview") == [expected]
    assert "it has changed since: revision 3 then, 5 now\n" in ended.err
    assert "deploy\n  copy  2 hosts  web[01-02]\n" in ended.err


def test_again_takes_flags_instead_of_what_was_given_then(
    jobdeck: Jobdeck, earlier: FakeApi
) -> None:
    ended = jobdeck(
        "runs", "again", ID, "-d", "--hosts", "web01", "-p", "version=2", "-p", "token=t",
        "--env", "B=2", "--concurrency", "9",
    )  # fmt: skip

    assert ended.code == 0, ended.err
    assert earlier.sent("POST", "/runs") == [
        {
            "job": "deploy", "hosts": ["web01"], "concurrency": 9, "env": {"A": "1", "B": "2"},
            "parameters": {"version": "2", "zone": "a", "token": "t"},
        }
    ]  # fmt: skip


def test_again_lays_flags_of_batches_over_the_rules_of_then(
    jobdeck: Jobdeck, earlier: FakeApi
) -> None:
    rules = {"batch": "1 5", "max_fail": "1"}
    request = {**BEFORE["request"], "rolling": rules}  # type: ignore[dict-item]
    earlier.on("GET", f"/runs/{ID}/request", answer({**BEFORE, "request": request}))

    ended = jobdeck("runs", "again", ID, "-d", "--batch", "2", "--soak", "5m")

    assert ended.code == 0, ended.err
    [sent] = earlier.sent("POST", "/runs")
    assert sent["rolling"] == {"batch": "2", "max_fail": "1", "soak_s": 300}


def test_again_without_anybody_to_ask_names_the_secret(
    jobdeck: Jobdeck, earlier: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.cli.starting.may_ask", lambda: False)

    ended = jobdeck("runs", "again", ID)

    assert ended.code == 2
    assert "the secret token is needed, and nobody can be asked" in ended.err
    assert earlier.sent("POST", "/runs") == []


# ------------------------------------------------------------------ notes and history


def test_a_note_is_left_and_notes_are_listed(jobdeck: Jobdeck, acted: FakeApi) -> None:
    note = {"at": AT, "actor": "ann", "text": "handled, ticket 123"}
    acted.on("POST", f"/runs/{ID}/notes", answer(note, 201))
    acted.on("GET", f"/runs/{ID}/notes", answer({"items": [note]}))

    ended = jobdeck("runs", "note", ID, "handled,", "ticket", "123")
    assert (ended.code, ended.out, ended.err) == (0, "", "noted\n")
    assert acted.sent("POST", f"/runs/{ID}/notes") == [{"text": "handled, ticket 123"}]

    ended = jobdeck("runs", "note", ID)
    assert "ann  handled, ticket 123" in ended.out


def test_a_run_shows_who_asked_what_and_its_notes(jobdeck: Jobdeck, acted: FakeApi) -> None:
    hostile = {"at": AT, "actor": "ann", "text": "clear \x1b[2J it"}
    acted.on("GET", f"/runs/{ID}/notes", answer({"items": [hostile]}))

    ended = jobdeck("runs", "show", ID)

    assert "History:" in ended.out
    assert "ben  retry   copy        2  web03  disk replaced" in ended.out
    assert "Notes:" in ended.out
    assert "\x1b" not in ended.out


def test_runs_with_notes_are_marked_and_can_be_listed_alone(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/runs", answer({"items": [row("failed", notes=2), row("succeeded")]}))

    ended = jobdeck("runs", "list", "--noted")

    assert api.asked("/runs")["noted"] == ["true"]
    assert ended.out.splitlines()[1].endswith("2 notes  deploy")

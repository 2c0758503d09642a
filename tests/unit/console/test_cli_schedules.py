"""Schedules on the command line, against a fake API: what is sent, and what is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console.cli.exit_codes import ExitCode
from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem

ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"
AT = "2026-12-25T01:30:00.000000Z"


def fire(**changes: Any) -> dict[str, Any]:
    started = {"slot": AT, "last_slot": AT, "count": 1, "verdict": "started", "reason": "",
               "run_id": ID, "actor": "schedule/nightly", "at": AT, "cause": None}  # fmt: skip
    return {**started, **changes}


def schedule(**changes: Any) -> dict[str, Any]:
    known = {"name": "nightly", "work": "flow/backup", "trigger": "cron", "owner": "ann",
             "enabled": True, "paused_by": "", "pause_reason": "", "next_slot": AT,
             "last": fire()}  # fmt: skip
    return {**known, **changes}


def test_every_schedule_is_listed_with_its_next_slot_and_its_last(
    api: FakeApi, jobdeck: Jobdeck
) -> None:
    paused = schedule(name="weekly", paused_by="bob", pause_reason="the tape is full")
    api.on("GET", "/schedules", answer([schedule(), paused]))

    shown = jobdeck("schedules", "list")

    assert shown.code == 0
    nightly, weekly = (line for line in shown.out.splitlines() if "flow/backup" in line)
    assert nightly.startswith("nightly")
    assert "run started" in nightly
    assert weekly.startswith("weekly")
    assert "paused" in weekly


def test_a_schedule_whose_time_is_over_says_so(api: FakeApi, jobdeck: Jobdeck) -> None:
    over = schedule(name="over", trigger="once", next_slot=None)
    off = schedule(name="off", trigger="once", next_slot=None, enabled=False)
    api.on("GET", "/schedules", answer([over, off]))

    shown = jobdeck("schedules", "list").out.splitlines()

    assert ["no more" in line for line in shown[1:]] == [True, False]


def test_the_slot_of_an_event_names_it_also_where_nothing_was_started(
    api: FakeApi, jobdeck: Jobdeck
) -> None:
    skipped = fire(verdict="skipped", run_id=None, reason="paused by ann", cause="delivery m7")
    api.on("GET", "/schedules/s/fires", answer({"items": [skipped], "next_cursor": None}))

    assert "delivery m7: paused by ann" in jobdeck("schedules", "list", "s").out


def test_the_ledger_of_one_tells_runs_and_reasons(api: FakeApi, jobdeck: Jobdeck) -> None:
    missed = fire(verdict="missed", run_id=None, reason="a later slot took its place", count=12)
    api.on(
        "GET", "/schedules/nightly/fires", answer({"items": [fire(), missed], "next_cursor": None})
    )

    shown = jobdeck("schedules", "list", "nightly", "--limit", "2")

    assert shown.code == 0
    assert ID in shown.out
    assert "a later slot took its place" in shown.out
    assert "12" in shown.out
    assert api.asked("/schedules/nightly/fires")["limit"] == ["2"]


def test_a_limit_without_a_schedule_is_refused_before_anything_is_asked(jobdeck: Jobdeck) -> None:
    shown = jobdeck("schedules", "list", "--limit", "3")

    assert shown.code == ExitCode.REFUSED
    assert "--limit: it needs the name of a schedule" in shown.err


def test_the_next_slots_are_shown_in_the_time_of_the_schedule(
    api: FakeApi, jobdeck: Jobdeck
) -> None:
    slot = {"slot": AT, "due_at": AT, "local": "2026-12-25T02:30:00+01:00", "calendar": "days-off",
            "is_passed_over": False}  # fmt: skip
    api.on("GET", "/schedules/nightly/next", answer([slot]))

    shown = jobdeck("schedules", "next", "nightly", "--limit", "1")

    assert "2026-12-25 02:30:00+01:00" in shown.out
    assert "days-off" in shown.out
    assert api.asked("/schedules/nightly/next") == {"count": ["1"]}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (fire(), ID),
        (fire(verdict="skipped", run_id=None, reason="a day off in calendar x"), "a day off in"),
        (None, "there is no slot"),
    ],
)
def test_why_tells_the_run_of_a_slot_or_the_reason(
    api: FakeApi, jobdeck: Jobdeck, found: dict[str, Any] | None, said: str
) -> None:
    told = {"schedule": "nightly", "slot": AT, "answer": "there is no slot at this moment",
            "fire": found}  # fmt: skip
    api.on("GET", "/schedules/nightly/why", answer(told))

    shown = jobdeck("schedules", "why", "nightly", "2026-12-25T01:30+00:00")

    assert shown.code == 0
    assert said in shown.out
    assert api.asked("/schedules/nightly/why")["at"][0].startswith("2026-12-25T")


def test_why_speaks_chinese(api: FakeApi, jobdeck: Jobdeck) -> None:
    told = {"schedule": "nightly", "slot": AT, "fire": None,
            "answer": f"no slot falls on this minute; the next slot is {AT}"}  # fmt: skip
    api.on("GET", "/schedules/nightly/why", answer(told))

    shown = jobdeck("--lang", "zh_CN", "schedules", "why", "nightly", AT)

    assert f"这一分钟没有时刻；下一个时刻是 {AT}" in shown.out


def test_a_time_that_is_none_is_refused(jobdeck: Jobdeck) -> None:
    shown = jobdeck("schedules", "why", "nightly", "noonish")

    assert shown.code == ExitCode.REFUSED
    assert "'noonish' is no time" in shown.err


def test_one_is_paused_with_a_reason_resumed_and_started_by_hand(
    api: FakeApi, jobdeck: Jobdeck
) -> None:
    api.on("POST", "/schedules/nightly/pause", answer(schedule(paused_by="ann")))
    api.on("POST", "/schedules/nightly/resume", answer(schedule()))
    run = {"id": ID, "title": "backup", "origin": "flow/backup@1", "state": "running",
           "actor": "ann", "created_at": AT}  # fmt: skip
    api.on("POST", "/schedules/nightly/fire", answer(run))

    paused = jobdeck("schedules", "pause", "nightly", "--reason", "the tape is full")
    resumed = jobdeck("schedules", "resume", "nightly")
    fired = jobdeck("schedules", "fire", "nightly")

    assert [paused.code, resumed.code, fired.code] == [0, 0, 0]
    assert "nightly is paused" in paused.err
    assert "nightly goes on" in resumed.err
    assert fired.out.strip() == ID
    assert api.sent("POST", "/schedules/nightly/pause") == [{"reason": "the tape is full"}]


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        (("list",), "/schedules", [schedule()]),
        (("next", "nightly"), "/schedules/nightly/next", []),
    ],
)
def test_json_is_what_the_api_says(
    api: FakeApi, jobdeck: Jobdeck, words: tuple[str, ...], path: str, body: Any
) -> None:
    api.on("GET", path, answer(body))

    shown = jobdeck("schedules", *words, "--json")

    assert json.loads(shown.out) == body


def test_a_schedule_that_is_not_there_is_one_message(api: FakeApi, jobdeck: Jobdeck) -> None:
    missing = problem(
        404, "not-found", "there is no schedule nightli", hint="did you mean nightly?"
    )
    api.on("POST", "/schedules/nightli/pause", missing)

    shown = jobdeck("schedules", "pause", "nightli")

    assert shown.code == ExitCode.REFUSED
    assert shown.err.count("there is no schedule nightli") == 1

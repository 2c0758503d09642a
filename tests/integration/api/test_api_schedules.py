"""Schedules through the API: next slots, the ledger, pausing, starting by hand."""

from __future__ import annotations

from typing import Any

from tests.support.api import Api, host

JOB = {
    "kind": "job",
    "name": "j",
    "spec": {"targets": "h", "steps": [{"kind": "command", "name": "w", "command": "true"}]},
}


def schedule(**spec: Any) -> dict[str, Any]:
    trigger = {"cron": "30 2 * * *"}
    return {"kind": "schedule", "name": "s", "spec": {"job": "j", "trigger": trigger, **spec}}


async def test_the_next_slots_with_their_time_there_and_what_a_calendar_skips(api: Api) -> None:
    calendar = {"kind": "calendar", "name": "off", "spec": {"days": ["2026-03-30"]}}
    zoned = schedule(time_zone="Europe/Berlin", blackout=["off"])
    await api.apply(host("h"), JOB, calendar, zoned)

    path = "/schedules/s/next?count=2&after=2026-03-28T12:00:00Z"
    found = (await api.get(path)).json()

    assert found == [
        {
            "slot": "2026-03-29T01:00:00.000000Z",
            "due_at": "2026-03-29T01:00:00.000000Z",
            "local": "2026-03-29T03:00:00+02:00",
            "calendar": "",
            "is_passed_over": False,
        },
        {
            "slot": "2026-03-30T00:30:00.000000Z",
            "due_at": "2026-03-30T00:30:00.000000Z",
            "local": "2026-03-30T02:30:00+02:00",
            "calendar": "off",
            "is_passed_over": False,
        },
    ]


async def test_pausing_resuming_and_starting_by_hand(api: Api) -> None:
    await api.apply(host("h"), JOB, schedule())

    paused = await api.post("/schedules/s/pause", {"reason": "a move"})
    again = await api.post("/schedules/s/pause", {})
    fired = await api.post("/schedules/s/fire")
    status = (await api.get("/engine")).json()["schedules"]
    resumed = await api.post("/schedules/s/resume")
    not_paused = await api.post("/schedules/s/resume")
    await api.ended(fired.json()["id"])

    assert (paused.json()["paused_by"], paused.json()["pause_reason"]) == ("ada", "a move")
    assert (again.status_code, not_paused.status_code, fired.status_code) == (409, 409, 202)
    assert (status["count"], status["paused"]) == (1, 1)
    assert resumed.json()["paused_by"] == ""
    (listed,) = (await api.get("/schedules")).json()
    (fire,) = (await api.get("/schedules/s/fires")).json()["items"]
    assert listed["last"] == fire
    assert (fire["run_id"], fire["actor"], listed["owner"]) == (fired.json()["id"], "ada", "ada")
    why = (await api.get(f"/schedules/s/why?at={fire['slot']}")).json()
    assert why["answer"] == f"started: run {fire['run_id']}"


async def test_a_time_of_another_offset_names_the_same_slot(api: Api) -> None:
    await api.apply(host("h"), JOB, schedule())

    why = (await api.get("/schedules/s/why", params={"at": "2099-01-01T03:30:00+01:00"})).json()

    assert (why["slot"], why["answer"]) == (
        "2099-01-01T02:30:00.000000Z",
        "it is still to come",
    )


async def test_what_is_wrong_is_refused_and_changes_nothing(api: Api) -> None:
    await api.apply(host("h"), JOB, schedule())
    before = api.journal_end

    bad = schedule(trigger={"cron": "0 25 * * *"})
    saved = await api.post("/apply", {"documents": [bad]})
    used = await api.delete("/documents/job/j")
    answers = [
        await api.post("/schedules/x/pause", {}),
        await api.post("/schedules/x/fire"),
        await api.get("/schedules/x/fires"),
    ]

    (problem,) = saved.json()["problems"]
    assert problem["where"].endswith("spec.trigger.cron column 3 (hour)")
    assert problem["what"] == "hour 25 is out of range; try 0 to 23"
    assert "schedule/s" in used.json()["detail"]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert api.journal_end == before

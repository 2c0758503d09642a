"""The queue on the command line, against a fake API: what is sent, and what is said."""

from __future__ import annotations

from typing import Any

import pytest

from console.answers import WaitReason
from console.presenters.queue import locks_text, reason_text
from core.dispatch.items import Kind
from core.domain.priorities import Priority
from tests.unit.console.fake_api import FakeApi, Jobdeck, answer

ID, OTHER = "01JABCDEFGHJKMNPQRSTVWXYZ0", "01JABCDEFGHJKMNPQRSTVWXYZ9"
AT = "2026-01-31T11:00:00.000000Z"
OPEN = {"mode": "open", "reason": "", "actor": "", "at": ""}
FROZEN = {"mode": "frozen", "reason": "an audit", "actor": "ann", "at": AT}


def place(**changes: Any) -> dict[str, Any]:
    reasons = [
        {"kind": "host-lock", "names": "web1", "mode": "exclusive", "runs": [OTHER], "count": 1},
        {"kind": "job", "names": "deploy", "mode": "slot", "runs": [OTHER], "count": 1, "limit": 1},
    ]
    return {
        "run_id": ID, "title": "deploy", "owner": "ann", "position": 2, "since": AT, "aged_at": AT,
        "priority": "low", "level": "normal", "reasons": reasons, "unknown_loads": "web[2-3]",
        **changes,
    }  # fmt: skip


def why(**changes: Any) -> dict[str, Any]:
    known = {"run_id": ID, "title": "deploy", "state": "queued", "parent": None}
    return {**known, "place": place(), "holds": [], "answer": "…", **changes}


def test_the_list_shows_the_order_the_class_and_the_first_thing_in_the_way(
    api: FakeApi, jobdeck: Jobdeck
) -> None:
    api.on("GET", "/queue", answer({"waiting": 3, "admission": FROZEN, "places": [place()]}))
    shown = jobdeck("queue", "list", "--limit", "1")
    assert shown.code == 0
    assert "low → normal" in shown.out
    assert "waits for run 01JABCDEFGHJ on host web1 (and 1 more)" in shown.out
    assert "frozen by ann since" in shown.err
    assert "2 more runs wait" in shown.err
    assert api.asked("/queue") == {"limit": ["1"]}


def test_an_empty_queue_says_so(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("GET", "/queue", answer({"waiting": 0, "admission": OPEN, "places": []}))
    shown = jobdeck("queue", "list")
    assert "no run waits" in shown.out + shown.err


def test_why_names_everything_in_the_way_and_what_is_not_known(
    api: FakeApi, jobdeck: Jobdeck
) -> None:
    api.on("GET", f"/queue/{ID}", answer(why()))
    shown = jobdeck("queue", "why", ID).out
    assert "place 2, low → normal" in shown
    assert "waits for run 01JABCDEFGHJ on host web1" in shown
    assert "job deploy has 1 of at most 1 runs: 01JABCDEFGHJ" in shown
    assert "how busy web[2-3] are is not known" in shown
    assert "no other run overtakes it" in shown


def test_why_says_for_whom_a_run_is_suspended_and_who_gives_way_to_whom(
    api: FakeApi, jobdeck: Jobdeck
) -> None:
    gives = {"kind": "yield", "runs": [OTHER], "count": 1}
    api.on("GET", f"/queue/{ID}", answer(why(place=place(reasons=[gives], gave_way_to=OTHER))))
    shown = jobdeck("queue", "why", ID).out
    assert "suspended for run 01JABCDEFGHJ; it goes on in its turn" in shown
    assert "asked to give way to it, at the end of a step or batch: 01JABCDEFGHJ" in shown
    going = why(place=None, state="running", yields_to=OTHER)
    api.on("GET", f"/queue/{ID}", answer(going))
    shown = jobdeck("queue", "why", ID).out
    assert "gives way to run 01JABCDEFGHJ at the end of its step or batch" in shown


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"state": "succeeded"}, "does not wait: it is succeeded"),
        ({"state": "running"}, "does not wait: it has begun, and is running"),
        ({"state": "queued"}, "its turn has come: it begins"),
        ({"state": "running", "parent": OTHER}, "it belongs to run 01JABCDEFGHJ"),
        (
            {"state": "running", "holds": [{"kind": "lock", "name": "a", "mode": "shared"}]},
            "holds lock a, shared",
        ),
    ],
)
def test_of_a_run_that_does_not_wait_it_says_how_it_stands(
    api: FakeApi, jobdeck: Jobdeck, changes: dict[str, Any], text: str
) -> None:
    api.on("GET", f"/queue/{ID}", answer(why(place=None, **changes)))
    assert text in jobdeck("queue", "why", ID).out


def test_a_run_is_moved(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("POST", f"/queue/{ID}/move", answer(why(place=place(priority="urgent", level=None))))
    shown = jobdeck("queue", "move", ID, "urgent")
    assert "urgent → above all" in shown.out
    assert api.sent("POST", f"/queue/{ID}/move") == [{"priority": "urgent"}]


def test_the_engine_is_frozen_drained_and_opened_again(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("POST", "/engine/freeze", answer(FROZEN))
    api.on("POST", "/engine/drain", answer({**FROZEN, "mode": "draining"}))
    api.on("POST", "/engine/unfreeze", answer(OPEN))
    assert "the engine is frozen by ann" in jobdeck("engine", "freeze", "--reason", "an audit").err
    assert "the engine drains, says ann" in jobdeck("engine", "drain", "--reason", "an audit").err
    assert "lets them begin" in jobdeck("engine", "unfreeze").err
    assert api.sent("POST", "/engine/freeze") == [{"reason": "an audit"}]


def test_flags_of_a_start_say_how_it_waits(api: FakeApi, jobdeck: Jobdeck) -> None:
    run = {
        "id": ID, "title": "t", "origin": "adhoc", "state": "queued", "actor": "ann",
        "created_at": AT,
    }  # fmt: skip
    api.on("POST", "/runs", answer(run, 202))
    flags = ("--priority", "high", "--lock", "a", "--lock", "b:shared", "--lock-hosts", "shared")
    jobdeck("run", "--on", "all", *flags, "--override", "a fire", "-d", "--", "id")
    (sent,) = api.sent("POST", "/runs")
    assert {name: sent[name] for name in ("priority", "locks", "lock_hosts", "override")} == {
        "priority": "high",
        "locks": [{"name": "a", "mode": "exclusive"}, {"name": "b", "mode": "shared"}],
        "lock_hosts": "shared",
        "override": "a fire",
    }


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("older", ["", OTHER])
def test_every_kind_of_reason_has_words_in_both_languages(
    kind: Kind, older: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if older and kind in (Kind.LOAD, Kind.FREEZE, Kind.YIELD):
        return  # nobody is overtaken there
    reason = WaitReason(kind=kind, names="x", runs=[ID], count=1, limit=1, older=older, text="?")
    monkeypatch.setenv("JOBDECK_LANG", "en")
    english = reason_text(reason)
    monkeypatch.setenv("JOBDECK_LANG", "zh_CN")
    assert "?" not in (english, reason_text(reason))
    assert english != reason_text(reason)


def test_the_locks_that_a_run_asks_for_are_one_text() -> None:
    locks = {"a": "exclusive", "b": "shared"}
    assert locks_text({"lock_hosts": "exclusive", "locks": locks}) == "its hosts; a; b, shared"
    assert locks_text({"lock_hosts": "none", "locks": {}}) == ""


def test_a_reason_of_a_newer_engine_is_shown_in_its_own_words() -> None:
    assert reason_text(WaitReason(kind="tide", text="the tide is out")) == "the tide is out"


def test_chinese_has_a_word_for_every_class(monkeypatch: pytest.MonkeyPatch) -> None:
    from console.presenters.queue import priority_word

    monkeypatch.setenv("JOBDECK_LANG", "zh_CN")
    assert not {priority_word(each) for each in Priority} & set(Priority)

"""Every slot gets one verdict, whatever happens to the engine and its clock."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.schedule import CalendarSpec, ScheduleSpec
from core.scheduling import ledger
from core.scheduling.calendars import Calendar
from core.scheduling.ledger import Entry, Look, Settled, Verdict, overlap, settle
from core.scheduling.triggers import Trigger

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CALENDARS = {"holidays": Calendar.of(CalendarSpec(days=("2026-05-02",)))}


def look(cursor: datetime, now: datetime, **more: Any) -> Look:
    paused = more.pop("paused", "")
    started = more.pop("engine_started", None)
    counted = more.pop("counted", 0)
    spec = {"job": "j", "trigger": more.pop("trigger", {"cron": "0 * * * *"}), **more}
    trigger = Trigger.of(ScheduleSpec.model_validate(spec), CALENDARS)
    return Look(
        name="s",
        trigger=trigger,
        cursor=cursor,
        now=now,
        paused=paused,
        engine_started=started,
        counted=counted,
    )


def told(found: Settled) -> list[tuple[str, int, str]]:
    return [(f"{each.first:%H:%M}", each.count, each.verdict) for each in found.entries]


def test_a_slot_is_due_at_its_moment_and_not_before() -> None:
    early = settle(look(NOON, NOON + HOUR - timedelta(seconds=1)))
    due = settle(look(NOON, NOON + HOUR))

    assert early == Settled(cursor=NOON, next_due=NOON + HOUR)
    assert due.entries == (Entry(first=NOON + HOUR, last=NOON + HOUR, verdict=Verdict.DUE),)
    assert (due.cursor, due.next_due) == (NOON + HOUR, NOON + 2 * HOUR)


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ({"misfire": "skip"}, [("13:00", 6, "missed")]),
        ({"misfire": "last"}, [("13:00", 5, "missed"), ("18:00", 1, "due")]),
        (
            {"misfire": "all", "misfire_max": 2},
            [("13:00", 4, "missed"), ("17:00", 1, "due"), ("18:00", 1, "due")],
        ),
        ({"misfire": "last", "grace_s": 600}, [("13:00", 6, "missed")]),
        (
            {"misfire": "all", "grace_s": 5000},
            [("13:00", 5, "missed"), ("18:00", 1, "due")],
        ),
    ],
)
def test_what_was_missed_follows_the_schedule(
    policy: dict[str, Any], wanted: list[tuple[str, int, str]]
) -> None:
    back_at = NOON + timedelta(hours=6, minutes=30)

    assert told(settle(look(NOON, back_at, **policy))) == wanted


def test_a_pause_and_a_day_off_leave_their_reason() -> None:
    paused = settle(look(NOON, NOON + 2 * HOUR, paused="paused by ada: move"))
    off = settle(look(NOON, NOON + 13 * HOUR, blackout=["holidays"], misfire="last"))

    assert [(each.count, each.reason) for each in paused.entries] == [(2, "paused by ada: move")]
    assert told(off)[-2:] == [("23:00", 1, "due"), ("00:00", 2, "skipped")]
    assert off.entries[-1].reason == "a day off in calendar holidays"


def test_the_start_of_an_engine_is_a_slot_once() -> None:
    at_start = {"trigger": {"at_start": True}, "engine_started": NOON + HOUR}

    first = settle(look(NOON, NOON + 2 * HOUR, **at_start))
    again = settle(look(first.cursor, NOON + 3 * HOUR, **at_start))

    assert told(first) == [("13:00", 1, "due")]
    assert again.entries == ()


@pytest.mark.parametrize("bound", ["ends", "begins"])
def test_a_start_of_an_engine_outside_of_the_range_is_no_slot(bound: str) -> None:
    moment = NOON if bound == "ends" else NOON + 2 * HOUR
    found = settle(
        look(
            NOON,
            NOON + 3 * HOUR,
            trigger={"at_start": True},
            engine_started=NOON + HOUR,
            **{bound: moment},
        )
    )

    assert found.entries == ()


def test_slots_that_come_faster_than_they_are_late_start_in_turn_and_none_was_missed() -> None:
    spec: dict[str, Any] = {"trigger": {"every_s": 60}, "jitter_s": 3600}
    foreseen = ledger.forecast("s", look(NOON, NOON, **spec).trigger, NOON, 20)
    cursor, started = NOON, []
    moments = sorted({each.due_at for each in foreseen})

    for now in moments:
        found = settle(look(cursor, now, **spec))
        cursor = found.cursor
        started += [(each.first, now) for each in found.entries]
        assert {each.verdict for each in found.entries} == {Verdict.DUE}

    assert started[: len(foreseen)] == [(each.slot, each.due_at) for each in foreseen]


def test_a_look_goes_on_where_more_slots_are_on_time_than_it_settles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger, "MOST_SLOTS", 50)
    spec: dict[str, Any] = {"trigger": {"every_s": 1}, "jitter_s": 3600}
    foreseen = ledger.forecast("s", look(NOON, NOON, **spec).trigger, NOON, 1000)
    ((now, most),) = Counter(each.due_at for each in foreseen[:-1]).most_common(1)
    begins = min(each.slot for each in foreseen if each.due_at == now)

    found = settle(look(begins - timedelta(seconds=1), now, **spec))

    assert most > 50
    assert (found.more, found.next_due) == (True, now)
    assert {each.verdict for each in found.entries} == {Verdict.DUE}
    assert found.cursor == begins + timedelta(seconds=len(found.entries) - 1)


def test_a_clock_that_is_put_back_repeats_nothing() -> None:
    found = settle(look(NOON + 5 * HOUR, NOON))

    assert found == Settled(cursor=NOON + 5 * HOUR, next_due=NOON + 6 * HOUR)


def test_slots_of_the_last_minute_were_not_missed() -> None:
    found = settle(look(NOON, NOON + timedelta(minutes=3), trigger={"every_s": 30}))

    assert told(found) == [
        ("12:00", 3, "missed"),
        ("12:02", 1, "due"),
        ("12:02", 1, "due"),
        ("12:03", 1, "due"),
    ]


def test_a_long_absence_is_settled_in_parts_and_the_newest_slots_are_started() -> None:
    now = NOON + timedelta(seconds=25_000)
    cursor, entries, looks = NOON, list[Entry](), 0
    while True:
        found = settle(look(cursor, now, trigger={"every_s": 1}))
        cursor, looks = found.cursor, looks + 1
        entries += found.entries
        if not found.more:
            break

    assert looks == 3
    assert sum(each.count for each in entries) == 25_000
    due = [each.first for each in entries if each.verdict is Verdict.DUE]
    assert due == [now - timedelta(seconds=second) for second in range(60, -1, -1)]


def test_every_third_slot_is_started_also_across_looks_and_absences() -> None:
    more = {"trigger": {"cron": "0 * * * *"}, "every_nth": 3, "misfire": "all"}

    first = settle(look(NOON, NOON + 2 * HOUR, **more))
    away = settle(look(NOON + 2 * HOUR, NOON + 7 * HOUR, counted=2, **more))

    assert told(first) == [("13:00", 1, "due"), ("14:00", 1, "skipped")]
    assert told(away) == [
        ("15:00", 1, "skipped"),
        ("16:00", 1, "due"),
        ("17:00", 2, "skipped"),
        ("19:00", 1, "due"),
    ]
    forecast = ledger.forecast("s", look(NOON, NOON, **more).trigger, NOON + 2 * HOUR, 3, 2)
    assert [each.is_passed_over for each in forecast] == [True, False, True]


def test_what_was_missed_is_made_up_for_by_the_last_slot_that_counts() -> None:
    found = settle(look(NOON, NOON + timedelta(hours=5, minutes=30), every_nth=3))

    assert told(found) == [
        ("13:00", 1, "missed"),
        ("14:00", 2, "skipped"),
        ("16:00", 1, "due"),
        ("17:00", 1, "skipped"),
    ]


@pytest.mark.parametrize(
    ("policy", "live", "waiting", "wanted"),
    [
        ({"overlap": "skip"}, 0, 0, None),
        ({"overlap": "skip"}, 1, 0, "skipped"),
        ({"overlap": "queue"}, 0, 0, None),
        ({"overlap": "queue"}, 1, 0, "due"),
        ({"overlap": "queue"}, 1, 1, "skipped"),
        ({"overlap": "queue", "overlap_max": 2}, 1, 1, "due"),
        ({"overlap": "parallel", "overlap_max": 2}, 1, 0, None),
        ({"overlap": "parallel", "overlap_max": 2}, 2, 0, "skipped"),
        ({"overlap": "replace"}, 0, 0, None),
        ({"overlap": "replace"}, 1, 0, "due"),
    ],
)
def test_overlap(policy: dict[str, Any], live: int, waiting: int, wanted: str | None) -> None:
    found = overlap(look(NOON, NOON, **policy).spec, live, waiting)

    assert (found and found[0]) == wanted


@pytest.mark.parametrize(
    ("policy", "live", "why"),
    [
        ("skip", 0, "an earlier slot waited (overlap: skip)"),
        ("queue", 0, "waits for an earlier slot"),
        ("skip", 1, "a run of the schedule went on (overlap: skip)"),
        ("parallel", 2, "2 runs of the schedule went on (overlap: parallel)"),
    ],
)
def test_overlap_says_what_is_in_the_way_a_run_or_a_slot_that_waits(
    policy: str, live: int, why: str
) -> None:
    found = overlap(look(NOON, NOON, overlap=policy, overlap_max=2).spec, live, 1)

    assert found is not None
    assert found[1] == why


def test_of_slots_that_would_replace_a_run_the_last_does() -> None:
    spec = look(NOON, NOON, overlap="replace").spec

    assert overlap(spec, 1, 0, is_last=False) == (
        Verdict.SKIPPED,
        "a later slot took its place (overlap: replace)",
    )


@given(
    st.lists(st.integers(-7200, 200_000), min_size=1, max_size=12),
    st.sampled_from(["skip", "last", "all"]),
    st.sampled_from(["*/7 * * * *", "13 * * * *", "0 */5 * * *"]),
    st.integers(0, 1800),
)
def test_however_the_clock_jumps_every_slot_has_one_verdict(
    jumps: list[int], misfire: str, expression: str, jitter_s: int
) -> None:
    cursor, now, seen = NOON, NOON, Counter[datetime]()
    farthest = NOON
    for jump in [*jumps, 200_000]:
        now += timedelta(seconds=jump)
        farthest = max(farthest, now)
        at = look(cursor, now, misfire=misfire, trigger={"cron": expression}, jitter_s=jitter_s)
        found = settle(at)
        assert found.cursor >= cursor
        cursor = found.cursor
        for entry in found.entries:
            covered = _until(at.trigger, entry.first, entry.last)
            assert len(covered) == entry.count
            seen.update(covered)

    slots = _until(look(NOON, now, trigger={"cron": expression}).trigger, NOON, cursor)
    assert seen == Counter(slots[1:] if slots and slots[0] == NOON else slots)
    late = farthest - timedelta(seconds=jitter_s)
    assert not [slot for slot in _until(at.trigger, cursor, late) if slot > cursor]


def _until(trigger: Trigger, first: datetime, last: datetime) -> list[datetime]:
    found = []
    for slot in trigger.slots(first - timedelta(microseconds=1)):
        if slot > last:
            break
        found.append(slot)
    return found


def test_a_forecast_says_which_slots_are_days_off() -> None:
    trigger = look(NOON, NOON, trigger={"cron": "@daily"}, blackout=["holidays"]).trigger

    found = ledger.forecast("s", trigger, NOON, 2)

    assert [each.calendar for each in found] == ["holidays", ""]

"""What happens makes a schedule due once, and what was seen before not again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from core.domain.expressions import ExpressionFault
from core.domain.happenings import SAYS, AfterSpec, ConditionSpec, FileSpec, JournalSpec
from core.domain.run import RunState
from core.domain.schedule import ScheduleSpec
from core.scheduling import occurrences
from core.scheduling.ledger import Look, Verdict, settle_events
from core.scheduling.occurrences import EndedRun, Memory, Occurrence, Seen, Written
from core.scheduling.triggers import Trigger

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def ended(id_: str, job: str, second: float, state: str = "succeeded") -> EndedRun:
    return EndedRun(id=id_, work=f"job/{job}", state=RunState(state), ended_at=at(second))


def causes(spec: AfterSpec, *runs: EndedRun) -> list[str]:
    memory: Memory = {}
    found = []
    for run in runs:
        memory, occurrence = occurrences.after(spec, memory, run)
        memory = occurrences.as_memory(occurrences.as_text(memory))
        if occurrence is not None:
            found.append(occurrence.cause)
    return found


def test_after_any_run_that_ended_as_it_must() -> None:
    spec = AfterSpec(jobs=("a", "b"), need="any", states=("failed",))

    found = causes(
        spec, ended("1", "a", 0, "failed"), ended("2", "b", 1), ended("3", "c", 2, "failed")
    )

    assert found == ["run 1"]


def test_after_a_run_of_each_within_the_window_and_each_is_used_once() -> None:
    spec = AfterSpec(jobs=("a", "b"), within_s=60)

    found = causes(
        spec,
        ended("1", "a", 0),
        ended("2", "b", 61),  # the first was too long ago
        ended("3", "a", 70),
        ended("4", "b", 80),  # alone: the other was used
        ended("5", "a", 90),
    )

    assert found == ["run 3", "run 5"]


def entry(**more: Any) -> Written:
    fields = {"seq": 7, "at": NOON, "actor": "ada", "type": "host.noted", "subject": "host/h1"}
    return Written(**{**fields, "data": {"text": "disk swapped"}, **more})


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        (None, True),
        ("actor = 'ada' and contains(data.text, 'disk')", True),
        ("subject = 'host/h2'", False),
        ("data.reason = 'x'", False),  # this entry has none
    ],
)
def test_an_entry_of_the_journal_fits_its_filter(where: str | None, fits: bool) -> None:
    found = occurrences.written(JournalSpec(types=("host.noted",), where=where), entry())

    assert (found is not None) == fits
    assert occurrences.written(JournalSpec(types=("run.state",)), entry()) is None


def files(spec: FileSpec, *seen: tuple[float, str | None]) -> list[float]:
    memory: Memory = {}
    found = []
    for second, identity in seen:
        stands = None
        if identity is not None:
            stands = Seen(identity=identity, size_bytes=1, changed_at=NOON)
        memory, occurrence = occurrences.file(spec, memory, stands, at(second))
        memory = occurrences.as_memory(occurrences.as_text(memory))
        if occurrence is not None:
            found.append(second)
    return found


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        ([(0, "a"), (60, "a")], []),  # it was there before
        ([(0, None), (5, "a"), (10, "a"), (15, "a"), (20, "a")], [15]),
        ([(0, "a"), (5, "b"), (10, "c"), (15, "c"), (20, "c")], [20]),  # it was still written to
        ([(0, "a"), (5, "b"), (10, "a"), (20, "a")], []),  # it is again what it was
        ([(0, "a"), (5, None), (10, "a"), (20, "a")], [20]),  # it went and came back
        ([(0, None), (9000, "a"), (5, "a"), (10, "a"), (15, "a")], [15]),  # the clock was wrong
    ],
)
def test_a_file_counts_when_it_has_stayed_as_it_is(
    seen: list[tuple[float, str | None]], wanted: list[float]
) -> None:
    assert files(FileSpec(path="/in", stable_s=10), *seen) == wanted


def conditions(spec: ConditionSpec, *holds: tuple[float, int]) -> list[float]:
    memory: Memory = {}
    found = []
    for second, count in holds:
        hosts = [f"h{number}" for number in range(count)]
        memory, occurrence = occurrences.condition(spec, memory, hosts, at(second))
        memory = occurrences.as_memory(occurrences.as_text(memory))
        if occurrence is not None:
            found.append(second)
    return found


@pytest.mark.parametrize(
    ("spec", "holds", "wanted"),
    [
        ({"for_s": 10}, [(0, 1), (5, 1), (10, 1), (15, 1)], [10]),
        ({"for_s": 10}, [(0, 1), (5, 0), (10, 1), (15, 1), (20, 1)], [20]),
        ({"count": 2}, [(0, 1), (5, 2)], [5]),
        ({"cooldown_s": 20}, [(0, 1), (10, 1), (20, 1), (30, 1), (40, 1)], [0, 20, 40]),
        ({"cooldown_s": 20}, [(0, 1), (5, 0), (10, 1), (20, 1)], [0, 20]),
        ({"for_s": 10}, [(9000, 1), (5, 1), (10, 1), (15, 1)], [15]),  # the clock was wrong
        ({"cooldown_s": 20}, [(9000, 1), (5, 1), (10, 1), (25, 1)], [9000, 25]),
        ({"cooldown_s": 0}, [(9000, 1), (5, 1), (6, 0), (7, 1)], [9000, 7]),
        ({"cooldown_s": 0}, [(0, 1), (99, 1), (100, 0), (101, 1), (102, 1)], [0, 101]),
    ],
)
def test_a_condition_must_hold_for_a_while_and_cools_down(
    spec: Mapping[str, int], holds: list[tuple[float, int]], wanted: list[float]
) -> None:
    assert conditions(ConditionSpec(hosts="load>8", **spec), *holds) == wanted


CALLED = {"webhook": {"secret": "hush"}}


def look(now: datetime, **more: Any) -> Look:
    spec = {"job": "j", "trigger": {"after": {"jobs": ["a"]}}, **more}
    trigger = Trigger.of(ScheduleSpec.model_validate(spec))
    return Look(name="s", trigger=trigger, cursor=NOON, now=now)


def happened(second: float, cause: str, **event: Any) -> Occurrence:
    return Occurrence(at=at(second), cause=cause, event=event)


def test_two_events_of_one_moment_are_two_slots_and_give_their_parameters() -> None:
    given = {"WHO": "body.job", "SIZE": "body.size + 1"}
    bodies = {"b": {"job": "y", "size": 2}, "a": {"job": "x"}}

    found = settle_events(
        look(at(2), trigger=CALLED, given=given),
        [happened(1, cause, body=body) for cause, body in bodies.items()],
    ).entries

    assert [(each.first - at(1)).microseconds for each in found] == [0, 1]
    assert [each.verdict for each in found] == [Verdict.DUE, Verdict.REFUSED]
    assert found[0].given == {"WHO": "y", "SIZE": 3}
    assert "size" in found[1].reason


def test_an_event_that_is_nested_too_deep_is_one_reason() -> None:
    body: object = "deep"
    for _ in range(120):
        body = [body]
    [found] = settle_events(
        look(at(2), trigger=CALLED, given={"REF": "body"}), [happened(1, "a", body=body)]
    ).entries
    assert found.verdict is Verdict.REFUSED
    assert "nested more than 100 levels deep" in found.reason


def test_what_happened_while_nobody_looked_follows_misfire_and_begins_and_ends_hold() -> None:
    events = [happened(second, str(second)) for second in (1, 2, 3)]

    missed = settle_events(look(at(600)), events).entries
    late = settle_events(look(at(4), begins=at(2).isoformat(), ends=at(3).isoformat()), events)

    assert [each.verdict for each in missed] == [Verdict.MISSED, Verdict.MISSED, Verdict.DUE]
    assert [each.cause for each in late.entries] == ["2"]


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"trigger": {"after": {"jobs": ["j"]}}}, "job/j would start itself for ever"),
        ({"trigger": {"after": {"jobs": ["a"], "states": ["running"]}}}, "no run ends as running"),
        ({"trigger": {"after": {"need": "any"}}}, "give `jobs` or `flows`"),
        ({"trigger": {"cron": "@daily"}, "flow": "f"}, "give one of `job`, `flow`"),
        ({"trigger": {"cron": "@daily"}, "given": {"A": "x"}}, "`given` belongs to triggers by"),
        ({"trigger": {"after": {"jobs": ["a"]}}, "jitter_s": 5}, "`jitter_s` belongs to"),
        ({"trigger": {"after": {"jobs": ["a"]}}, "given": {"A": "x +"}}, "column"),
        (
            {"trigger": {"journal": {"types": ["run.state"], "where": "dta.state = 'failed'"}}},
            "column 1: nothing is called 'dta' here .did you mean data",
        ),
        (
            {"trigger": {"journal": {"types": ["run.state"], "where": "subject"}}},
            "column 1: a condition is true or false, and this is a string",
        ),
        (
            {"trigger": {"webhook": {"secret": "hush"}}, "given": {"A": "path"}},
            "`given.A`: column 1: nothing is called 'path' here",
        ),
        ({"trigger": {"file": {"path": "in"}}}, "pattern"),
        ({"trigger": {"journal": {"types": ["run"]}}}, "pattern"),
        ({"trigger": {"after": {"jobs": ["a"]}, "once": "2026-05-01T12:00:00Z"}}, "give one of"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(spec: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        ScheduleSpec.model_validate({"job": "j", **spec})


def test_what_events_say_is_what_given_may_name() -> None:
    entry = Written(seq=1, at=NOON, actor="ann", type="run.state", subject="x", data={})
    seen = Seen(identity="a", size_bytes=1, changed_at=NOON)
    found = {
        "after": occurrences.after(AfterSpec(jobs=("a",)), {}, ended("1", "a", 0))[1],
        "journal": occurrences.written(JournalSpec(types=("run.state",)), entry),
        "file": occurrences.file(FileSpec(path="/in", stable_s=0), {"known": None}, seen, NOON)[1],
        "condition": occurrences.condition(ConditionSpec(hosts="x"), {}, ["h1"], NOON)[1],
    }

    said = {kind: {*each.event} for kind, each in found.items() if each is not None}
    assert {**said, "webhook": {"body"}} == {kind: {*words} for kind, words in SAYS.items()}


def test_an_event_that_says_too_little_names_the_word() -> None:
    with pytest.raises(ExpressionFault, match="body"):
        occurrences.given({"REF": "body.ref"}, {"size": 1})

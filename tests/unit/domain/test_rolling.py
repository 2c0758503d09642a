"""Batches: sizes, order, ranks, planned times, and when a batch is good."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from core.domain.documents import problems_of
from core.domain.rolling import Candidate, Mode, Rolling, Stagger, planned_offsets, resolve
from core.domain.rolling_expression import parse
from core.domain.run import RunState, TargetState
from core.domain.threshold import is_exceeded, is_good, step_state
from core.errors import Invalid

HOSTS = tuple(Candidate(number, f"web{number}") for number in range(100))
GOOD, BAD, WAITS = TargetState.SUCCESS, TargetState.FAILED, TargetState.WAITING
SKIPPED, UNKNOWN = TargetState.SKIPPED_BY_THRESHOLD, TargetState.UNKNOWN


def sizes(expression: str, total: int = 100) -> list[int]:
    return [len(batch) for batch in resolve(HOSTS[:total], Rolling(batch=expression))]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30%", [30, 30, 30, 10]),
        ("5 *2", [5, 10, 20, 40, 25]),
        ("5 +10", [5, 15, 25, 35, 20]),
        ("10 20 20 20 100%", [10, 20, 20, 20, 30]),
        ("100%", [100]),
        ("200", [100]),
        ("1 99", [1, 99]),
        ("40", [40, 40, 20]),
        ("+30", [30, 60, 10]),
        ("*3", [3, 9, 27, 61]),
        ("1 1%  50%", [1, 1, 50, 48]),
        ("１０％ ＊２", [10, 20, 40, 30]),
    ],
)
def test_an_expression_gives_these_batches_of_a_hundred(
    expression: str, expected: list[int]
) -> None:
    assert sizes(expression) == expected


def test_a_percentage_is_of_all_targets_and_rounded_up() -> None:
    assert sizes("10%", total=15) == [2] * 7 + [1]
    assert sizes("1%", total=3) == [1, 1, 1]


def test_nothing_makes_no_batch() -> None:
    assert resolve((), Rolling(batch="1")) == ()


@pytest.mark.parametrize(
    ("text", "where", "what", "hint"),
    [
        ("", "column 1", "it has no part", "a part is n, n%, +n or *n"),
        ("  ", "column 1", "it has no part", "a part is n, n%, +n or *n"),
        ("10 x 20", "column 4", "'x' is no part of it", "a part is"),
        ("-5", "column 1", "'-5' is no part of it", "a part is"),
        ("1.5", "column 1", "'1.5' is no part of it", "a part is"),
        ("1,2", "column 1", "'1,2' is no part of it", "a part is"),
        ("+5%", "column 1", "'+5%' is no part of it", "a part is"),
        ("9999999", "column 1", "'9999999' is no part of it", "a part is"),
        ("5 0", "column 3", "0 makes no batch", "the smallest number is 1"),
        ("0%", "column 1", "0% makes no batch", "the smallest number is 1"),
        ("*0", "column 1", "*0 makes no batch", "the smallest number is 1"),
        ("101%", "column 1", "101% is more than all targets", "at most 100%"),
        ("+5 10", "column 1", "+5 repeats until the end; nothing can follow it", ""),
        ("1 *2 3", "column 3", "*2 repeats until the end; nothing can follow it", ""),
        ("100% 5", "column 1", "100% is all the rest; nothing can follow it", ""),
        ("1 " * 600, "column 1001", "an expression has at most 1,000 characters", ""),
    ],
)
def test_what_breaks_the_grammar_is_pointed_at(text: str, where: str, what: str, hint: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse(text)
    (problem,) = raised.value.problems
    assert (problem.where, problem.what) == (where, what)
    assert hint in problem.hint


def test_too_many_batches_are_refused_before_anything_starts() -> None:
    many = [Candidate(number, f"h{number}") for number in range(501)]
    assert len(resolve(many[:500], Rolling(batch="1"))) == 500
    with pytest.raises(Invalid) as raised:
        resolve(many, Rolling(batch="1"))
    (problem,) = raised.value.problems
    assert str(problem) == (
        "rolling.batch: '1' makes more than 500 batches of 501 targets (larger parts, such as '1%')"
    )


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("inventory", "web10 web2 web1"),
        ("reverse", "web1 web2 web10"),
        ("sorted", "web1 web2 web10"),
        ("reverse_sorted", "web10 web2 web1"),
    ],
)
def test_the_order_is_the_one_that_was_asked_for(order: str, expected: str) -> None:
    given = [Candidate(0, "web10"), Candidate(1, "web2"), Candidate(2, "web1")]
    ((*batch,),) = resolve(given, Rolling.model_validate({"order": order}))
    assert " ".join(given[ordinal].name for ordinal in batch) == expected


def test_a_shuffle_follows_from_its_seed() -> None:
    rolling = Rolling.model_validate({"order": "shuffle", "batch": "10"})
    assert resolve(HOSTS, rolling, "a") == resolve(HOSTS, rolling, "a")
    assert resolve(HOSTS, rolling, "a") != resolve(HOSTS, rolling, "b")


def test_a_batch_never_mixes_ranks_and_hosts_without_one_come_last() -> None:
    ranks = ["10", "2", None, "2", "10", "2"]
    given = [Candidate(number, f"h{number}", rank) for number, rank in enumerate(ranks)]
    assert resolve(given, Rolling(batch="2", rank="tier")) == ((1, 3), (5,), (0, 4), (2,))


def test_batches_are_planned_one_after_the_other_and_never_coincide() -> None:
    stagger = Stagger(fixed_s=60, min_s=10, max_s=20)
    assert planned_offsets(stagger, [0.9, 0.0, 0.5]) == (0.0, 70.0, 145.0)
    assert planned_offsets(stagger, []) == ()


@pytest.mark.parametrize(
    ("raw", "where", "what"),
    [
        ({"batch": "5 x"}, "batch column 3", "'x' is no part of it"),
        ({"mode": "manuel"}, "mode", "must be 'pause_on_fail', 'ignore_and_roll' or 'manual'"),
        ({"max_fail": "many"}, "max_fail", "must be a number of hosts, or a share of them"),
        ({"max_fail": "101%"}, "max_fail", "must be a number of hosts, or a share of them"),
        ({"max_fail": -1}, "max_fail", "must be a number of hosts, or a share of them"),
        ({"min_success": 0}, "min_success", "must be greater than or equal to 1"),
        ({"soak_s": -1}, "soak_s", "must be greater than or equal to 0"),
        ({"stagger": {}}, "stagger", "two batches would start at once"),
        ({"stagger": {"min_s": 5, "max_s": 4}}, "stagger", "`max_s` is below `min_s`"),
        ({"stagger": {"fixed_s": 5}, "mode": "manual"}, "", "mode manual waits for a person"),
        ({"stagger": {"fixed_s": 5}, "soak_s": 1}, "", "belong to batches that do not overlap"),
        ({"stagger": {"fixed_s": 5}, "rank": "x"}, "", "belong to batches that do not overlap"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_sentence(
    raw: dict[str, object], where: str, what: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        Rolling.model_validate(raw)
    (problem,) = problems_of(raised.value, Rolling)
    assert problem.where == where
    assert what in problem.what


def test_what_a_start_says_is_laid_over_what_the_step_says() -> None:
    step = Rolling(batch="10%", max_fail="5", soak_s=60)
    assert Rolling(batch="1", mode=Mode.MANUAL).over(step) == Rolling(
        batch="1", mode=Mode.MANUAL, max_fail="5", soak_s=60
    )
    assert Rolling(mode=Mode.PAUSE_ON_FAIL).over(Rolling(mode=Mode.MANUAL)).mode == (
        Mode.PAUSE_ON_FAIL
    ), "a default that is said counts"


@pytest.mark.parametrize(
    ("max_fail", "scope", "batch", "step", "expected"),
    [
        (None, "batch", {BAD: 10}, {BAD: 10}, False),
        ("0", "batch", {GOOD: 9}, {BAD: 5, GOOD: 9}, False),
        ("0", "batch", {BAD: 1, WAITS: 9}, {BAD: 1, WAITS: 9}, True),
        ("1", "batch", {BAD: 1, WAITS: 9}, {BAD: 5, WAITS: 9}, False),
        ("1", "batch", {UNKNOWN: 2, WAITS: 8}, {UNKNOWN: 2, WAITS: 98}, True),
        ("1", "total", {BAD: 1, WAITS: 9}, {BAD: 2, WAITS: 98}, True),
        ("10%", "batch", {BAD: 1, WAITS: 9}, {BAD: 1, WAITS: 99}, False),
        ("10%", "batch", {BAD: 2, WAITS: 8}, {BAD: 2, WAITS: 98}, True),
        ("10%", "total", {BAD: 5, WAITS: 5}, {BAD: 10, WAITS: 90}, False),
        ("10%", "total", {BAD: 5, WAITS: 5}, {BAD: 11, WAITS: 89}, True),
        ("1", "batch", {SKIPPED: 5, BAD: 1}, {SKIPPED: 5, BAD: 1}, False),
    ],
)
def test_more_failures_than_are_borne(
    max_fail: str | None,
    scope: str,
    batch: dict[TargetState, int],
    step: dict[TargetState, int],
    expected: bool,
) -> None:
    rolling = Rolling.model_validate({"max_fail": max_fail, "scope": scope})
    assert is_exceeded(rolling, batch, step) is expected


@pytest.mark.parametrize(
    ("rule", "batch", "expected"),
    [
        ({}, {GOOD: 3, TargetState.LAST_SUCCESS: 1}, True),
        ({}, {GOOD: 3, BAD: 1}, False),
        ({"max_fail": 1}, {GOOD: 3, BAD: 1}, True),
        ({"max_fail": 1}, {GOOD: 2, BAD: 2}, False),
        ({"max_fail": 1}, {GOOD: 2, BAD: 1, SKIPPED: 1}, False),
        ({"min_success": 75}, {GOOD: 3, BAD: 1}, True),
        ({"min_success": 76}, {GOOD: 3, BAD: 1}, False),
        ({"max_fail": 2, "min_success": 75}, {GOOD: 2, BAD: 2}, False),
        ({"max_fail": 2}, {GOOD: 2, WAITS: 2}, False),
    ],
)
def test_a_batch_is_judged_by_its_rule(
    rule: dict[str, object], batch: dict[TargetState, int], expected: bool
) -> None:
    assert is_good(Rolling.model_validate(rule), batch, batch) is expected


@pytest.mark.parametrize(
    ("rule", "counts", "batch_failed", "stopping", "expected"),
    [
        ({}, {GOOD: 4}, False, False, RunState.SUCCEEDED),
        ({}, {GOOD: 2, BAD: 2}, True, False, RunState.FAILED),
        ({}, {GOOD: 4}, True, False, RunState.FAILED),
        ({"max_fail": 1}, {GOOD: 3, BAD: 1}, False, False, RunState.PARTIALLY_SUCCEEDED),
        ({"min_success": 75}, {GOOD: 3, BAD: 1}, False, False, RunState.SUCCEEDED),
        ({"mode": "ignore_and_roll"}, {GOOD: 4}, True, False, RunState.PARTIALLY_SUCCEEDED),
        ({"mode": "ignore_and_roll"}, {BAD: 4}, True, False, RunState.FAILED),
        ({}, {GOOD: 3, UNKNOWN: 1}, True, False, RunState.ABNORMAL),
        ({}, {GOOD: 3, WAITS: 1}, False, True, RunState.STOPPED),
        ({}, {TargetState.TIMED_OUT: 2}, True, False, RunState.TIMED_OUT),
    ],
)
def test_a_step_ends_as_its_targets_and_its_batches_say(
    rule: dict[str, object],
    counts: dict[TargetState, int],
    batch_failed: bool,
    stopping: bool,
    expected: RunState,
) -> None:
    rolling = Rolling.model_validate(rule)
    found = step_state(rolling, counts, batch_failed=batch_failed, stopping=stopping)
    assert found is expected

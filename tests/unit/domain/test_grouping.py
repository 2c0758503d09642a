"""Hosts with the same answer stand together, in the order they are read."""

from __future__ import annotations

from dataclasses import replace

from core.domain.grouping import Group, Row, group
from core.domain.run import TargetState as T


def row(ordinal: int, state: T = T.SUCCESS, exit_code: int | None = 0, digest: str = "a") -> Row:
    return Row(
        host=f"web{ordinal:02}", state=state, exit_code=exit_code, digest=digest, ordinal=ordinal
    )


def test_hosts_are_together_when_state_exit_status_and_output_agree() -> None:
    rows = [row(1), row(2, digest="b"), row(3, T.FAILED, 1), row(4, T.FAILED, 2), row(5)]

    assert [(g.state, g.exit_code, g.digest, g.hosts) for g in group(rows)] == [
        (T.FAILED, 1, "a", ("web03",)),
        (T.FAILED, 2, "a", ("web04",)),
        (T.SUCCESS, 0, "a", ("web01", "web05")),
        (T.SUCCESS, 0, "b", ("web02",)),
    ]


def test_what_a_person_said_stands_apart_from_what_hosts_answered() -> None:
    said = replace(row(2), resolved_by="ann")

    assert [(g.resolved_by, g.hosts) for g in group([row(1), said])] == [
        ("", ("web01",)),
        ("ann", ("web02",)),
    ]


def test_without_an_exit_status_the_reason_is_a_part_of_the_answer() -> None:
    rows = [
        replace(row(1, T.UNREACHABLE, None), message="web01: no answer from 10.0.0.1"),
        replace(row(2, T.UNREACHABLE, None), message="web02: no answer from 10.0.0.2"),
        replace(row(3, T.UNREACHABLE, None), message="web03: connection refused"),
        replace(row(4, T.FAILED, 3), message="exit status 3"),
    ]

    assert [(g.reason, g.hosts) for g in group(rows)] == [
        ("", ("web04",)),
        ("web01: no answer from 10.0.0.1", ("web01", "web02")),
        ("web03: connection refused", ("web03",)),
    ]


def test_what_an_exit_status_means_stands_beside_it() -> None:
    rows = [
        replace(row(1, T.FAILED, -1073741819), message="exit status -1073741819 (0xC0000005): bad"),
        replace(row(2, T.FAILED, 137), message="exit status 137, which is how a shell says KILL"),
        replace(row(3, T.FAILED, 137), message="exit status 137"),
    ]

    assert {g.hosts: g.reason for g in group(rows)} == {
        ("web01",): "(0xC0000005): bad",
        ("web02",): "which is how a shell says KILL",
        ("web03",): "",
    }


def test_hosts_and_the_sample_follow_the_order_of_the_targets() -> None:
    (only,) = group([row(7), row(2), row(5)])

    assert only == Group(
        state=T.SUCCESS,
        exit_code=0,
        digest="a",
        hosts=("web02", "web05", "web07"),
        ordinals=(2, 5, 7),
    )
    assert only.sample == 2
    assert only.count == 3


def test_what_went_wrong_comes_before_what_runs_and_what_went_well() -> None:
    states = [T.LAST_SUCCESS, T.SUCCESS, T.WAITING, T.UNKNOWN, T.RUNNING, T.UNREACHABLE, T.FAILED]
    rows = [row(place, state) for place, state in enumerate(states)]

    assert [g.state for g in group(rows)] == [
        T.FAILED,
        T.UNREACHABLE,
        T.UNKNOWN,
        T.WAITING,
        T.RUNNING,
        T.SUCCESS,
        T.LAST_SUCCESS,
    ]


def test_within_a_state_the_largest_group_leads_and_equals_stand_by_their_first_host() -> None:
    rows = [row(1, digest="z"), row(2, digest="y"), row(3, digest="x"), row(4, digest="x")]

    assert [g.digest for g in group(rows)] == ["x", "z", "y"]


def test_no_rows_are_no_groups() -> None:
    assert group([]) == ()

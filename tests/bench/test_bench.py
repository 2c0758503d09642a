"""The bench at a small size: that it measures, not what. `pytest -m bench tests/bench`."""

from __future__ import annotations

import sys

import pytest

from tests.bench import (
    connections,
    files,
    flow,
    latency,
    logs,
    output,
    queue,
    results,
    run_list,
    schedules,
    start_up,
    tui,
)
from tests.bench.table import Row, markdown

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(sys.platform != "linux", reason="reads the counters of Linux"),
]


@pytest.mark.needs("sshd", "ssh-keygen")
def test_connections_are_measured_against_raw_ones() -> None:
    rows = connections.rows(rounds=1, hosts=5, warm_rounds=2, many=8)
    ratios = [row for row in rows if row.yardstick is not None]
    assert len(ratios) == 13
    assert all(row.ours > 0 for row in rows)


@pytest.mark.needs("sshd")
def test_the_way_of_output_to_a_console_is_timed() -> None:
    rows = latency.rows(lines=5)
    assert {row.unit for row in rows} == {"ms"}
    assert all(0 < row.ours < 10_000 for row in rows)


@pytest.mark.needs("sshd", "scp")
def test_files_are_measured_against_openssh() -> None:
    rows = files.rows(rounds=1, big_mb=2, small_mb=1, hosts=3)
    assert len(rows) == 4
    assert all(row.yardstick for row in rows)


def test_results_and_recovery_are_timed() -> None:
    assert all(row.ours > 0 for row in results.rows(targets=50, intents=20))


@pytest.mark.needs("sshd", "ssh-keygen")
def test_output_is_measured_against_a_bare_loop() -> None:
    rows = output.rows(rounds=1, lines=20_000, results=100)
    assert len([row for row in rows if row.yardstick is not None]) == 5
    assert all(row.ours > 0 for row in rows)


def test_a_long_output_is_opened_and_searched() -> None:
    rows = logs.rows(lines=20_000)
    assert all(row.ours > 0 for row in rows)


def test_every_question_to_the_list_of_runs_is_timed() -> None:
    rows = run_list.rows(runs=3000, calls=3)
    assert all(row.ours > 0 for row in rows)
    assert {row.unit for row in rows} == {"ms"}


def test_nodes_of_a_flow_are_timed() -> None:
    rows = flow.rows(nodes=20, rounds=1)
    assert all(row.ours > 0 for row in rows)
    assert all(row.yardstick for row in rows)


def test_decisions_of_the_queue_are_timed() -> None:
    rows = queue.rows(items=300, decisions=20)
    assert all(row.ours > 0 for row in rows)
    assert {row.unit for row in rows} == {"ms"}


@pytest.mark.timeout(300)
def test_the_terminal_ui_is_timed_and_weighed() -> None:
    rows = tui.rows(runs=40, starts=1, keys=6)
    assert {row.unit for row in rows} == {"ms", "B", "B/s"}
    assert all(row.ours > 0 for row in rows if row.unit == "ms" and "CPU" not in row.title)


def test_starts_are_timed() -> None:
    assert all(row.ours > 0 for row in start_up.rows(rounds=1))


def test_the_table_lines_up() -> None:
    table = markdown([Row("cold", 2.7, "ms", 2.0, "1.35 x raw"), Row("memory", 131.4, "MiB")])
    assert table == (
        "| Measured | Jobdeck | yardstick | ratio |       goal |\n"
        "| -------- | ------: | --------: | ----: | ---------: |\n"
        "| cold     | 2.70 ms |   2.00 ms |  1.35 | 1.35 x raw |\n"
        "| memory   | 131 MiB |           |       |            |"
    )


def test_schedules_are_timed_and_weighed() -> None:
    rows = schedules.rows(schedules=20, seconds=2)
    assert len(rows) == 8
    assert all(row.ours > 0 for row in rows)

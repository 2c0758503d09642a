"""A run's head, its hosts and groups as rows, and what really ran."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from console.answers import Executed, Group, Lost, RunDetail, Sample, ScriptText, Target, Way
from console.cells import width
from console.presenters.executed import executed_parts
from console.presenters.run import head_lines
from console.presenters.run_hosts import groups_table, hosts_table, sample_lines, states_line
from console.presenters.text import Table, Tone, plain
from console.tables import lay_out

NOW = datetime(2026, 1, 31, 12, 0, 30, tzinfo=UTC)


def run(**fields: Any) -> RunDetail:
    base = {
        "id": "01KAAAAAAAAAAAAAAAAAAAAAAA",
        "title": "deploy\nshop",
        "origin": "job/deploy@3",
        "state": "running",
        "actor": "ada",
        "created_at": "2026-01-31T12:00:00Z",
        "started_at": "2026-01-31T12:00:00Z",
        "target_count": 40,
        "counts": {"failed": 1, "success": 11, "waiting": 28},
    }
    return RunDetail(**{**base, **fields})


def head(detail: RunDetail, lost: Lost | None = None) -> list[str]:
    lines = head_lines(detail, NOW, lost or Lost(), None)
    return [f"{plain(each.left)} | {plain(each.right)}" for each in lines]


def test_a_head_says_what_how_far_by_whom_and_where() -> None:
    first, second = head(run(environments=["prod"], change="CHG-1", priority="high"))

    assert first.startswith("▸ running  deploy shop | ")
    assert first.endswith("prod")
    assert "CHG-1" in first
    assert second.startswith("12/40  ✗ 1 failed")
    assert "by ada" in second
    assert second.endswith("30s")


def test_a_head_says_why_only_where_there_is_something_to_say() -> None:
    lost = Lost(count=1, hosts="web3", longest_s=12)

    assert len(head(run())) == 2
    assert "1 line lost" in head(run(), lost)[2]
    assert "gave up" in head(run(state="failed", reason="gave up"))[2]


def target(**fields: Any) -> Target:
    base = {"step": "main", "attempt": 2, "ordinal": 0, "host": "web1", "state": "failed"}
    return Target(**{**base, **fields})


def test_a_host_has_its_code_its_attempt_and_its_reason_in_one_line() -> None:
    row = hosts_table([target(code="NonZeroResultCode", exit_code=3, message="a\nb")], NOW).rows[0]

    assert [cell.text for cell in row] == [
        "web1", "✗ failed", "2", "3", "", "", "NonZeroResultCode", "a b",
    ]  # fmt: skip


def test_counts_stand_by_what_needs_a_person_and_those_left_out_are_quiet() -> None:
    counts = {"success": 39, "failed": 1, "waiting": 0}

    assert plain(states_line(counts)) == "all 40  ✗ 1 failed  ✓ 39 success"
    tones = {span.text: span.tone for span in states_line(counts, ["failed"])}
    assert tones["✓ 39 success"] is Tone.QUIET
    assert tones["✗ 1 failed"] is Tone.BAD


def test_a_group_shows_the_first_line_of_its_answer_else_its_reason() -> None:
    printed = Group(
        state="failed", count=2, hosts="web[1-2]", exit_code=3,
        sample=Sample(host="web1", ordinal=0, text="\n  disk full\nmore\n"),
    )  # fmt: skip
    silent = Group(state="unreachable", count=1, hosts="web3", reason="no route")
    rows = groups_table([printed, silent]).rows

    assert [row[-1].text for row in rows] == ["disk full", "no route"]
    assert [plain(line) for line in sample_lines(printed)] == [
        "web1 printed:", "", "  disk full", "more",
    ]  # fmt: skip
    assert [plain(line) for line in sample_lines(silent)] == ["no route"]


def executed_text(found: Executed, cells: int = 80) -> list[str]:
    parts = [*executed_parts(found)]
    assert any(isinstance(part, Table) for part in parts)
    return [plain(line) for line in lay_out(parts, cells)]


def test_what_ran_is_told_with_names_of_secrets_only() -> None:
    found = Executed(
        step="main",
        attempt=2,
        kind="command",
        settings={"command": "echo $A\ndate", "env": {"A": "1"}, "cwd": "/srv"},
        ways=[Way(protocol="ssh", account="ops", user="deploy", become="root (sudo)",
                  count=2, hosts="web[1-2]")],
        env={"A": "1", "EMPTY": ""},
        differing=["JOBDECK_HOST"],
        secrets=["TOKEN"],
    )  # fmt: skip
    lines = executed_text(found)

    assert "  echo $A" in lines
    assert "  date" in lines
    assert any("deploy, then root (sudo)" in line and "web[1-2]" in line for line in lines)
    assert any("cwd" in line and "/srv" in line for line in lines)
    assert any("EMPTY" in line and '""' in line for line in lines)
    assert any("TOKEN" in line and "secret" in line for line in lines)
    assert max(map(width, lines)) <= 80


def test_a_script_is_shown_with_its_revision() -> None:
    script = ScriptText(name="clean", revision=4, language="bash", text="rm x\n")
    found = Executed(step="main", attempt=1, kind="script", settings={"script": {"name": "clean"}},
                     script=script)  # fmt: skip
    lines = executed_text(found)

    assert "script clean@4, read by bash" in lines
    assert "  rm x" in lines

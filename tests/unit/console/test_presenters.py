"""Presenters: values in, words and rows out."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from console.answers import (
    Change,
    DiffLine,
    Engine,
    FieldChange,
    Group,
    HookDoor,
    RunDetail,
    Sample,
    Step,
    Target,
)
from console.presenters import changes, durations, progress, results, states
from console.presenters.engine import status_table
from console.presenters.lists import documents_table, keys_table, runs_table
from console.presenters.progress import Meter
from console.presenters.text import Table, Tone, pairs, plain
from core.domain.run import BatchState, RunState, TargetState

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
BERLIN = timezone(timedelta(hours=1))


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "en")


def test_every_state_has_a_sign() -> None:
    assert set(states.RUN_SIGNS) == set(RunState)
    assert set(states.TARGET_SIGNS) == set(TargetState)
    assert set(states.BATCH_SIGNS) == set(BatchState)


def test_symbols_take_one_cell_on_every_terminal() -> None:
    symbols = {
        symbol for symbol, _tone in [*states.RUN_SIGNS.values(), *states.TARGET_SIGNS.values()]
    }

    assert {unicodedata.east_asian_width(symbol) for symbol in symbols} <= {"N", "Na"}


def test_a_state_that_is_new_is_shown_by_its_own_name() -> None:
    assert states.run_state("hibernating").text == "? hibernating"


def test_chinese_has_a_word_for_every_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "zh_CN")

    assert [
        state for state in [*RunState, *BatchState, *TargetState] if states.word(state) == state
    ] == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0.00s"),
        (0.994, "0.99s"),
        (0.996, "1.0s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (185, "3m 05s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (7500, "2h 05m"),
        (86400 * 3 + 3600 * 4, "3d 04h"),
    ],
)
def test_durations_are_short(seconds: float | None, text: str) -> None:
    assert durations.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (12_345, "12 KB"), (2_500_000_000, "2.5 GB")],
)
def test_sizes_are_short(count: int, text: str) -> None:
    assert durations.size(count) == text


def test_a_moment_of_today_is_a_clock_time_in_the_local_zone() -> None:
    assert durations.clock_time("2026-01-31T09:05:07.000000Z", NOW, BERLIN) == "10:05:07"


def test_a_moment_of_another_day_has_its_date() -> None:
    # 23:30 UTC is already the next day in Berlin.
    assert durations.clock_time("2026-01-29T23:30:00Z", NOW, BERLIN) == "01-30 00:30"
    assert durations.clock_time("2025-12-29T23:30:00Z", NOW, BERLIN) == "2025-12-30"


def test_a_full_time_names_its_offset() -> None:
    text = durations.full_time("2026-01-31T09:05:07Z", BERLIN)

    assert text == "2026-01-31 10:05:07 +01:00"


def test_a_run_that_goes_on_takes_until_now() -> None:
    assert durations.span_of("2026-01-31T11:59:00Z", None, NOW) == 60


def test_the_rate_is_that_of_the_last_seconds() -> None:
    meter = Meter()
    for second in range(30):
        meter.feed(float(second), second if second < 15 else 15 + (second - 15) * 10)

    assert meter.rate == pytest.approx(10, rel=0.1)
    assert meter.time_left_s(50) == pytest.approx(5, rel=0.1)


def test_nothing_is_estimated_before_there_is_something_to_say() -> None:
    meter = Meter()
    meter.feed(0.0, 0)
    meter.feed(0.5, 10)

    assert meter.rate is None
    assert meter.time_left_s(10) is None


def test_the_next_attempt_counts_from_the_beginning() -> None:
    meter = Meter()
    meter.feed(0.0, 100)
    meter.feed(5.0, 0)

    assert meter.rate is None


def test_progress_says_what_needs_a_person_first() -> None:
    meter = Meter()
    meter.feed(0.0, 0)
    meter.feed(2.0, 12)
    counts = {"running": 8, "success": 10, "waiting": 20, "failed": 1, "unreachable": 1}

    line = progress.progress_line(counts, 40, meter)

    assert plain(line) == (
        "12/40  ✗ 1 failed  ! 1 unreachable  ▸ 8 running  ✓ 10 success  6.0 hosts/s  4.7s left"
    )


def run(**changes: Any) -> RunDetail:
    values = {
        "id": "01JABCDEFGHJKMNPQRSTVWXYZ0", "title": "uptime", "origin": "adhoc",
        "state": "succeeded", "actor": "ann", "created_at": "2026-01-31T11:00:00Z",
        "started_at": "2026-01-31T11:00:00Z", "finished_at": "2026-01-31T11:00:03Z",
        "target_count": 40, "counts": {"success": 40},
    }  # fmt: skip
    return RunDetail(**{**values, **changes})


def target(host: str, **changes: Any) -> Target:
    values = {"step": "command", "attempt": 1, "ordinal": 0, "host": host, "state": "success"}
    return Target(**{**values, **changes})


def test_a_group_shows_state_exit_code_hosts_and_a_sample() -> None:
    sample = Sample(host="web01", ordinal=0, text="up 3 days\r\nload 0.1\n")
    group = Group(state="failed", exit_code=3, count=2, hosts="web[01-02]", sample=sample)

    assert [plain(line) for line in results.group_lines(group)] == [
        "✗ failed  exit 3  2 hosts  web[01-02]",
        "    up 3 days",
        "    load 0.1",
    ]


def test_a_long_sample_says_where_the_rest_is() -> None:
    text = "".join(f"line {number}\n" for number in range(100))
    group = Group(
        state="success", count=1, hosts="db1", sample=Sample(host="db1", ordinal=0, text=text)
    )

    *_, last = results.group_lines(group, 5)

    assert plain(last) == "    ... 95 more lines; all of it: `jobdeck runs output RUN db1`"


def test_hosts_that_failed_for_the_same_reason_stand_together() -> None:
    targets = [
        target(
            "web01", state="unreachable", code="ConnectionFailure", message="10.0.0.1:22 refused"
        ),
        target(
            "web02", state="unreachable", code="ConnectionFailure", message="10.0.0.2:22 refused"
        ),
        target("web03", state="auth_failed", code="AuthenticationFailure", message="no key fits"),
        target("web04"),
    ]

    lines = [plain(line) for line in results.failure_lines(results.failures(targets))]

    assert lines == [
        "! auth_failed  1 host  web03",
        "    no key fits",
        "! unreachable  2 hosts  web[01-02]",
        "    10.0.0.1:22 refused",
    ]


def test_exit_codes_are_no_particulars_of_a_host() -> None:
    ran = {"state": "failed", "code": "NonZeroResultCode"}
    targets = [
        target(f"web{place}", exit_code=code, message=f"exit status {code}", **ran)
        for place, code in enumerate([1, 2, 1])
    ]

    lines = [plain(line) for line in results.failure_lines(results.failures(targets))]

    assert lines == [
        "✗ failed  2 hosts  web[0,2]",
        "    exit status 1",
        "✗ failed  1 host  web1",
        "    exit status 2",
    ]


@pytest.mark.parametrize(
    ("code", "command"),
    [
        ("HostKeyPending", "jobdeck hosts keys list"),
        ("ConnectionTimeout", "jobdeck hosts list"),
        ("AuthenticationFailure", "jobdeck get account"),
        ("NonZeroResultCode", "jobdeck runs output 01JABCDEFGHJ web01"),
    ],
)
def test_each_reason_has_a_next_step(code: str, command: str) -> None:
    failed = results.failures([target("web01", state="failed", code=code)])

    *_heading, steps = results.next_steps(run(), failed)

    assert isinstance(steps, Table)
    commands = [row[0].text.strip() for row in steps.rows]
    assert command in commands
    assert commands[-1] == "jobdeck runs show 01JABCDEFGHJ"


@pytest.mark.parametrize("code", ["LineLost", "CancelUnverified", "DispatchFailure"])
def test_what_is_unknown_for_any_reason_can_be_resolved(code: str) -> None:
    lost = results.failures([target("web01", state="unknown", code=code)])

    *_heading, steps = results.next_steps(run(), lost)

    assert isinstance(steps, Table)
    assert "jobdeck runs resolve 01JABCDEFGHJ" in [row[0].text.strip() for row in steps.rows]


@pytest.mark.parametrize(
    ("states_", "command"),
    [
        (["not_started", "skipped_by_threshold"], "jobdeck runs retry 01JABCDEFGHJ --not-started"),
        (["not_started", "failed"], "jobdeck runs retry 01JABCDEFGHJ"),
    ],
)
def test_the_retry_that_is_advised_finds_hosts(states_: list[str], command: str) -> None:
    left = results.failures([target(f"web{n}", state=each) for n, each in enumerate(states_)])

    *_heading, steps = results.next_steps(run(actions=["retry"]), left)

    assert isinstance(steps, Table)
    assert steps.rows[-1][0].text.strip() == command


def test_success_needs_no_next_step() -> None:
    assert list(results.next_steps(run(), [])) == []


def test_a_gateway_that_found_no_way_is_told_one_and_not_tried_again() -> None:
    lost = Step(step="size", attempt=1, state="failed")
    definition = {"steps": [{"step": "size", "kind": "exclusive"}]}
    at = run(actions=["retry", "choose_way"], steps=[lost], definition=definition)

    *_heading, steps = results.next_steps(at, [], shown=True)

    assert isinstance(steps, Table)
    commands = [row[0].text.strip() for row in steps.rows]
    assert commands == ["jobdeck runs choose-way 01JABCDEFGHJ size --to NODE"]


def test_runs_are_listed_with_what_is_done_of_live_ones() -> None:
    live = run(
        state="running", finished_at=None, started_at="2026-01-31T11:59:50Z",
        counts={"success": 3, "running": 37},
    )  # fmt: skip

    table = runs_table([run(), live], NOW)

    assert [[cell.text for cell in row][1:3] for row in table.rows] == [
        ["✓ succeeded", "40"],
        ["▸ running", "3/40"],
    ]
    assert [row[4].text for row in table.rows] == ["3.0s", "10s"]


def test_every_kind_has_as_many_cells_as_columns() -> None:
    from console.answers import Document

    for kind in ("host", "group", "account", "environment", "script", "job", "novelty"):
        document = Document(
            kind=kind, name="x", spec={"become": {"user": "root"}}, labels={"a": "b"}
        )
        table = documents_table(kind, [document], NOW, wide=True)
        assert len(table.rows[0]) == len(table.columns)
        assert sum(column.elastic for column in table.columns) == 1


def test_keys_that_wait_are_marked() -> None:
    from console.answers import HostKey

    key = HostKey(
        id="1", key_type="ssh-ed25519", fingerprint="SHA256:x", status="pending", host="web01"
    )

    row = keys_table([key], NOW).rows[0]

    assert [cell.text for cell in row][:3] == ["web01", "? pending", "ssh-ed25519"]
    assert row[-1].text == "SHA256:x"


def test_a_plan_shows_changes_with_their_fields_and_ends_with_sums() -> None:
    plan = [
        Change(kind="host", name="web01", action="create"),
        Change(
            kind="job", name="deploy", action="change",
            diff=[FieldChange(path="spec.timeout_s", before=30, after=None)],
        ),
        Change(kind="host", name="web02", action="unchanged"),
        Change(kind="host", name="old", action="delete"),
    ]  # fmt: skip

    assert [plain(line) for line in changes.plan_lines(plan)] == [
        "+ create  host web01",
        "~ change  job deploy",
        "    spec.timeout_s: 30 -> (none)",
        "- delete  host old",
        "1 to create, 1 to change, 1 to delete, 1 unchanged",
    ]


def test_long_texts_differ_line_by_line() -> None:
    change = FieldChange(path="spec.text", before="a\nb\nc\n", after="a\nB\nc\n")

    assert [plain(line) for line in changes.field_lines([change])] == [
        "spec.text:",
        "  @@ -1,3 +1,3 @@",
        "   a",
        "  -b",
        "  +B",
        "   c",
    ]


def test_diff_lines_have_their_sign_first() -> None:
    lines = [DiffLine(kind="removed", text="old"), DiffLine(kind="added", text="new")]

    assert [plain(line) for line in changes.diff_lines(lines)] == ["-old", "+new"]


def test_empty_values_are_left_out_of_pairs() -> None:
    table = pairs(("version", "1"), ("writes waiting", ""))

    assert [row[0].text for row in table.rows] == ["version"]
    assert table.rows[0][0].tone is Tone.QUIET


@pytest.mark.parametrize(
    ("door", "shown"),
    [
        (HookDoor(), []),
        (HookDoor(url="https://[::]:8443"), ["https://[::]:8443"]),
        (HookDoor(url="https://[::]:8443", fault="in use"), ["not taken: in use"]),
    ],
)
def test_the_engine_says_where_it_is_called_from_outside(door: HookDoor, shown: list[str]) -> None:
    engine = Engine(
        version="1",
        state="running",
        pid=1,
        home="/h",
        started_at="2026-05-01T12:00:00Z",
        uptime_s=0,
        hooks=door,
    )

    rows = status_table(engine).rows

    assert [value.text for name, value in rows if name.text == "calls"] == shown

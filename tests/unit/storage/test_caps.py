"""Caps on output: how they are written and what they keep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.storage.caps import Caps, Limit, TargetBudget


def budget(*, run: str = "none", target: str = "none", over: str = "truncate") -> TargetBudget:
    return Caps.parse(run, target, over).run_budget().target()


@pytest.mark.parametrize(
    ("text", "size_bytes", "lines", "per_node"),
    [
        ("20MB", 20_000_000, None, False),
        ("20 mb", 20_000_000, None, False),
        ("64KiB", 65536, None, False),
        ("1.5GB", 1_500_000_000, None, False),
        ("1TiB", 1 << 40, None, False),
        ("100B", 100, None, False),
        ("5000", None, 5000, False),
        ("5000 lines", None, 5000, False),
        ("500/node", None, 500, True),
        ("2MB/node", 2_000_000, None, True),
        ("none", None, None, False),
    ],
)
def test_a_limit_is_read_from_its_text(
    text: str, size_bytes: int | None, lines: int | None, per_node: bool
) -> None:
    assert Limit.parse(text) == Limit(size_bytes, lines, per_node)


@pytest.mark.parametrize(
    "text", ["", "MB", "-5", "20XB", "5.5", "1e3", "20MB/host", "ten", "/node"]
)
def test_a_limit_that_cannot_be_read_says_how_to_write_one(text: str) -> None:
    with pytest.raises(Invalid, match=r"is not a limit of output \(write `20MB`"):
        Limit.parse(text)


@pytest.mark.parametrize("text", ["0", "0MB", "0.0001KB", "0/node"])
def test_a_limit_that_keeps_nothing_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="would keep nothing"):
        Limit.parse(text)


def test_all_settings_that_are_wrong_are_named_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        Caps.parse("500/node", "much", "explode")
    assert [problem.where for problem in caught.value.problems] == [
        "output_per_target",
        "output_over_cap",
        "output_per_run",
    ]


def test_bytes_beyond_the_limit_are_dropped_and_counted() -> None:
    account = budget(target="10B")
    assert account.take(b"12345678") == b"12345678"
    assert account.take(b"90AB") == b"90"
    assert account.take(b"C") == b""
    assert (account.kept, account.dropped, account.halted) == (10, 3, False)


def test_lines_are_kept_whole() -> None:
    account = budget(target="2")
    assert account.take(b"one\ntw") == b"one\ntw"
    assert account.take(b"o\nthree\n") == b"o\n"
    assert account.dropped == len(b"three\n")


def test_a_line_without_its_end_counts_once_it_ends() -> None:
    account = budget(target="1")
    assert account.take(b"no end yet") == b"no end yet"
    assert account.take(b"\n") == b"\n"
    assert account.take(b"x") == b""


def test_targets_share_their_run() -> None:
    run = Caps.parse("10B", "8B", "halt").run_budget()
    first, second = run.target(), run.target()
    assert first.take(b"123456789") == b"12345678"
    assert second.take(b"abc") == b"ab"
    assert (first.halted, second.halted) == (True, True)


def test_halting_begins_with_the_first_byte_too_many() -> None:
    account = budget(target="4B", over="halt")
    account.take(b"1234")
    assert not account.halted
    account.take(b"5")
    assert account.halted


@given(
    writes=st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\x01", b"\n")), max_size=20),
    amount=st.integers(1, 30),
    unit=st.sampled_from(["B", ""]),
)
def test_what_is_kept_is_a_prefix_within_the_limit(
    writes: list[bytes], amount: int, unit: str
) -> None:
    account = budget(target=f"{amount}{unit}")
    kept = b"".join(account.take(write) for write in writes)
    whole = b"".join(writes)
    assert whole.startswith(kept)
    assert (account.kept, account.dropped) == (len(kept), len(whole) - len(kept))
    if unit:
        assert kept == whole[:amount]
    else:
        lines = whole.split(b"\n")
        assert kept == (whole if len(lines) <= amount else b"\n".join(lines[:amount]) + b"\n")

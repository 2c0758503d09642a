"""Exit statuses of Windows: 32 bits, told as its shells tell them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.executors.winrm.statuses import meaning, signed


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_a_status_is_the_same_with_and_without_its_sign(status: int) -> None:
    assert signed(status) == signed(status % (1 << 32)) == status
    assert meaning(status) == meaning(status % (1 << 32)) or abs(status) < 1 << 16


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (1, ""),
        (137, ""),
        (-1, ""),
        (3010, ": what it did takes effect with a restart"),
        (-1073741510, " (0xC000013A): it was ended by Ctrl-C"),
        (-2147024894, " (0x80070002)"),
    ],
)
def test_what_a_status_says_stands_behind_it(status: int, said: str) -> None:
    assert meaning(status) == said

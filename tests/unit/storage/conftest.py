"""What every storage test gets: a store in this test's own home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.ids import SequentialIds
from core.storage.store import Store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ids() -> SequentialIds:
    return SequentialIds()


@pytest.fixture
def store(home: Path, clock: ManualClock, ids: SequentialIds) -> Iterator[Store]:
    opened = Store.open(home / "j", clock, ids, busy_timeout_s=0.2)
    yield opened
    opened.close()

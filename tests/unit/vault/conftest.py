"""What every vault test gets: a store, and a vault whose key is in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.ids import SequentialIds
from core.storage.store import Store
from core.vault.vault import Vault


@pytest.fixture
def ids() -> SequentialIds:
    return SequentialIds()


@pytest.fixture
def store(home: Path, ids: SequentialIds) -> Iterator[Store]:
    opened = Store.open(home / "j", ManualClock(), ids)
    yield opened
    opened.close()


@pytest.fixture
def vault(home: Path, store: Store, ids: SequentialIds) -> Vault:
    return Vault.open(home / "j" / "master.key", store, ids)

"""Opening a home: what is made, with which modes, and what it keeps."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.errors import StorageFault
from core.ids import SequentialIds
from core.storage.journal import last_seq
from core.storage.store import Store


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_nobody_else_can_read_what_is_made(home: Path) -> None:
    before = os.umask(0)
    try:
        store = Store.open(home / "deep" / "j", ManualClock(), SequentialIds())
        store.writer.submit(lambda tx: tx.journal("me", "x", "y", {})).result(5)
        made = {path.name: mode(path) for path in (home / "deep" / "j").iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert mode(home / "deep" / "j") == 0o700
    assert made == {"jobdeck.db": 0o600, "jobdeck.db-wal": 0o600, "jobdeck.db-shm": 0o600}


def test_a_home_keeps_its_identity_and_its_entries(home: Path) -> None:
    ids = SequentialIds()
    first = Store.open(home / "j", ManualClock(), ids)
    first.writer.submit(lambda tx: tx.journal("me", "x", "y", {})).result(5)
    first.close()
    second = Store.open(home / "j", ManualClock(), ids)
    assert second.home_id == first.home_id
    assert second.feed.latest() == second.reader.read_now(last_seq) == 1
    second.close()


def test_closing_leaves_one_file(home: Path) -> None:
    store = Store.open(home / "j", ManualClock(), SequentialIds())
    store.writer.submit(lambda tx: tx.journal("me", "x", "y", {})).result(5)
    store.close()
    assert [path.name for path in (home / "j").iterdir()] == ["jobdeck.db"]


@pytest.mark.parametrize("name", ["50% off?", "a#b;c", "空 格", "it's"])
def test_a_home_may_have_any_name(home: Path, name: str) -> None:
    Store.open(home / name, ManualClock(), SequentialIds()).close()
    assert (home / name / "jobdeck.db").stat().st_size > 0


def test_a_file_in_the_place_of_the_home_is_a_fault(home: Path) -> None:
    (home / "j").write_text("not a folder")
    with pytest.raises(StorageFault, match="cannot be made"):
        Store.open(home / "j", ManualClock(), SequentialIds())

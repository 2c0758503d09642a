"""Faults of the machine: each is one clear message, loses nothing, and ends when its cause ends."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.errors import StorageFault
from core.ids import SequentialIds
from core.storage.journal import last_seq, read_after
from core.storage.store import Store

ROOT = Path(__file__).parents[2]


def open_store(path: Path, busy_timeout_s: float = 0.2) -> Store:
    return Store.open(path, ManualClock(), SequentialIds(), busy_timeout_s=busy_timeout_s)


def note(store: Store, subject: str, size_bytes: int = 0) -> int:
    data = {"text": "x" * size_bytes}
    return store.writer.submit(lambda tx: tx.journal("me", "x", subject, data)).result(20)


def read_once(path: Path) -> list[str]:
    store = open_store(path)
    try:
        return subjects(store)
    finally:
        store.close()


def subjects(store: Store) -> list[str]:
    entries = store.reader.read_now(lambda c: read_after(c, 0, 100_000))
    return [entry.subject for entry in entries]


@pytest.fixture
def mount(home: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    place = home / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def remount(place: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", place], check=True)


# --- full disk --------------------------------------------------------------------------------


@pytest.mark.needs_root
@pytest.mark.needs("mount")
def test_a_full_disk_refuses_writes_until_there_is_room_again(mount: Path) -> None:
    store = open_store(mount / "j")
    kept = []
    said = ""
    while not said:
        try:
            note(store, str(len(kept)), 64 * 1024)
            kept.append(str(len(kept)))
        except StorageFault as fault:
            said = str(fault)
    assert "the disk is full" in said
    assert "nothing unacknowledged was kept" in said
    assert len(kept) > 10
    assert subjects(store) == kept
    with pytest.raises(StorageFault, match="the disk is full"):
        note(store, "still full", 64 * 1024)
    remount(mount, "size=32m")
    note(store, "room again", 64 * 1024)
    assert subjects(store) == [*kept, "room again"]
    store.close()
    again = open_store(mount / "j")
    assert subjects(again) == [*kept, "room again"]
    again.close()


@pytest.mark.needs_root
@pytest.mark.needs("mount")
def test_a_group_on_a_full_disk_fails_as_a_whole_and_each_is_told(mount: Path) -> None:
    store = open_store(mount / "j")
    note(store, "before")
    writes = [
        store.writer.submit(
            lambda tx, n=n: tx.journal("me", "x", str(n), {"text": "x" * 64 * 1024})
        )
        for n in range(200)
    ]
    kept = []
    for n, write in enumerate(writes):
        try:
            write.result(20)
            kept.append(str(n))
        except StorageFault as fault:
            assert "the disk is full" in str(fault)  # noqa: PT017 - one of many outcomes
    assert len(kept) < 200
    assert subjects(store) == ["before", *kept]
    store.close()


LIMITED = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.path.insert(0, {root!r})
from core.clock import ManualClock
from core.errors import StorageFault
from core.ids import SequentialIds
from core.storage.store import Store
store = Store.open(Path(sys.argv[1]), ManualClock(), SequentialIds())
resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, resource.RLIM_INFINITY))
n = 0
try:
    while True:
        text = {{"text": "x" * 50_000}}
        store.writer.submit(lambda tx: tx.journal("me", "x", str(n), text)).result(20)
        n += 1
except StorageFault as fault:
    print(n, fault)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.writer.submit(lambda tx: tx.journal("me", "x", "after", {{}})).result(20)
store.close()
"""


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX")
def test_a_file_that_may_not_grow_is_a_fault_and_then_is_not(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED.format(root=str(ROOT)), str(home / "j")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    count, _, said = done.stdout.partition(" ")
    assert "disk" in said
    store = open_store(home / "j")
    assert subjects(store) == [*(str(n) for n in range(int(count))), "after"]
    store.close()


# --- read-only --------------------------------------------------------------------------------


@pytest.mark.needs_root
@pytest.mark.needs("mount")
@pytest.mark.parametrize("made", [True, False], ids=["with a database", "empty"])
def test_a_read_only_home_cannot_be_opened_and_says_so(mount: Path, made: bool) -> None:
    if made:
        open_store(mount / "j").close()
    remount(mount, "ro")
    with pytest.raises(StorageFault, match=r"read-only|Read-only|cannot be opened") as caught:
        open_store(mount / "j")
    assert caught.value.hint
    remount(mount, "rw")
    open_store(mount / "j").close()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_leave_to_write_says_so(home: Path) -> None:
    (home / "j").mkdir()
    (home / "j").chmod(0o500)
    with pytest.raises(StorageFault, match="cannot be created: Permission denied"):
        open_store(home / "j")
    (home / "j").chmod(0o700)


# --- locked -----------------------------------------------------------------------------------

HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()
held.execute("ROLLBACK")
print("free", flush=True)
"""


class Holder:
    """Another process that holds the database."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "held\n"

    def let_go(self) -> None:
        out, _ = self._process.communicate("\n")
        assert out == "free\n"


def test_another_program_that_holds_the_database_is_named_and_outlasted(home: Path) -> None:
    store = open_store(home / "j")
    note(store, "before")
    holder = Holder(store.path)
    with pytest.raises(StorageFault, match="another program holds the database"):
        note(store, "refused")
    assert subjects(store) == ["before"]
    holder.let_go()
    note(store, "after")
    assert subjects(store) == ["before", "after"]
    store.close()


def test_a_held_database_cannot_be_opened_until_it_is_free(home: Path) -> None:
    open_store(home / "j").close()
    holder = Holder(home / "j" / "jobdeck.db")
    with pytest.raises(StorageFault, match="another program holds the database"):
        open_store(home / "j")
    holder.let_go()
    open_store(home / "j").close()


def test_a_short_hold_is_waited_for(home: Path) -> None:
    store = open_store(home / "j", busy_timeout_s=20)
    holder = Holder(store.path)
    write = store.writer.submit(lambda tx: tx.journal("me", "x", "waited", {}))
    holder.let_go()
    write.result(20)
    assert store.reader.read_now(last_seq) == 1
    store.close()


# --- damaged ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 500, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_file_that_is_no_database_says_how_to_go_on(home: Path, content: bytes) -> None:
    (home / "j").mkdir(mode=0o700)
    (home / "j" / "jobdeck.db").write_bytes(content)
    with pytest.raises(StorageFault, match=r"the database is damaged.*jobdeck restore"):
        open_store(home / "j")
    assert (home / "j" / "jobdeck.db").read_bytes() == content


def test_a_database_that_is_cut_short_is_damaged(home: Path) -> None:
    store = open_store(home / "j")
    for n in range(50):
        note(store, str(n), 10_000)
    store.close()
    with store.path.open("r+b") as file:
        file.truncate(10_000)
    with pytest.raises(StorageFault, match="the database is damaged"):
        read_once(home / "j")


def test_damage_in_one_table_stops_neither_the_writer_nor_the_others(home: Path) -> None:
    store = open_store(home / "j")
    for n in range(50):
        note(store, str(n))
    store.close()
    connection = sqlite3.connect(store.path)
    page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'run'").fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    with store.path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    again = open_store(home / "j")
    with pytest.raises(StorageFault, match=r"the database is damaged.*restore"):
        again.reader.read_now(lambda c: c.exec_driver_sql("SELECT * FROM run").all())
    with pytest.raises(StorageFault, match="the database is damaged"):
        again.writer.submit(
            lambda tx: tx.connection.exec_driver_sql("SELECT * FROM run").all()
        ).result(20)
    note(again, "goes on")
    assert len(subjects(again)) == 51
    again.close()

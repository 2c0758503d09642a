"""Backup and restore on real files: under load, of damaged files, with and without the key."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock
from core.domain.documents import parse
from core.errors import AlreadyExists, Conflict, NotFound, StorageFault
from core.ids import SequentialIds
from core.storage import backup, contents, schema
from core.storage.blobs import Blobs
from core.storage.documents import Documents, get
from core.storage.journal import last_seq, read_after
from core.storage.store import Store
from core.vault.vault import Vault


def open_store(home: Path) -> Store:
    return Store.open(home / "j", ManualClock(), SequentialIds())


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = open_store(home)
    yield opened
    opened.close()


def note(store: Store, subject: str) -> int:
    return store.writer.submit(lambda tx: tx.journal("me", "x", subject, {})).result(20)


def subjects(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT subject FROM journal ORDER BY seq")]
    finally:
        connection.close()


def unchanged(path: Path, do: Callable[[], Any]) -> Any:
    """The error of `do`, which left the folder of `path` as it was."""
    before = {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    with pytest.raises(StorageFault) as caught:
        do()
    after = {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    assert after == before
    return caught.value


# --- backup -----------------------------------------------------------------------------------


def test_a_backup_is_one_private_file_with_everything_committed(home: Path, store: Store) -> None:
    for n in range(10):
        note(store, str(n))
    before = os.umask(0)
    try:
        done = backup.backup(store.path, home / "b.db")
    finally:
        os.umask(before)
    assert stat.S_IMODE((home / "b.db").stat().st_mode) == 0o600
    assert subjects(home / "b.db") == [str(n) for n in range(10)]
    assert (done.last_seq, done.secrets, done.revision, done.key_path) == (10, 0, schema.HEAD, None)
    assert done.size_bytes == (home / "b.db").stat().st_size
    assert sorted(path.name for path in home.iterdir()) == ["b.db", "j"]


def test_a_backup_under_load_is_one_moment_and_ends(home: Path, store: Store) -> None:
    filler = "x" * 2000
    for n in range(3000):
        store.writer.submit(lambda tx, n=n: tx.journal("me", "x", str(n), {"text": filler}))
    note(store, "3000")
    stop = threading.Event()
    written: list[int] = []

    def load() -> None:
        while not stop.is_set():
            # Two entries a commit: a copy that is not of one moment could hold the first alone.
            def pair(tx: Any) -> None:
                tx.journal("me", "x", "first", {"text": filler})
                tx.journal("me", "x", "second", {"text": filler})

            store.writer.submit(pair).result(20)
            written.append(1)

    steps: list[tuple[int, int]] = []
    thread = threading.Thread(target=load)
    thread.start()
    try:
        while not written:
            stop.wait(0.001)
        at_start = len(written)
        done = backup.backup(
            store.path, home / "b.db", progress=lambda done, total: steps.append((done, total))
        )
        during = len(written) - at_start
    finally:
        stop.set()
        thread.join()
    assert during > 0
    assert len(steps) > 3
    assert len({total for _, total in steps}) == 1, "the copy began again"
    names = subjects(home / "b.db")
    assert names[:3001] == [str(n) for n in range(3001)]
    assert names.count("first") == names.count("second")
    assert done.last_seq == len(names)


def test_a_backup_never_replaces_a_file(home: Path, store: Store) -> None:
    (home / "b.db").write_text("mine")
    with pytest.raises(AlreadyExists):
        backup.backup(store.path, home / "b.db")
    assert (home / "b.db").read_text() == "mine"


@pytest.mark.parametrize("place", ["missing/b.db", "j/jobdeck.db/b.db"])
def test_a_backup_that_cannot_be_written_is_a_fault(home: Path, store: Store, place: str) -> None:
    with pytest.raises(StorageFault, match="cannot be written"):
        backup.backup(store.path, home / place)


def test_a_backup_of_a_damaged_database_is_refused_and_leaves_nothing(home: Path) -> None:
    store = open_store(home)
    for n in range(2000):
        store.writer.submit(lambda tx, n=n: tx.journal("me", "x", str(n), {}))
    note(store, "last")
    store.close()
    spoil(store.path)
    with pytest.raises(StorageFault, match="damaged"):
        backup.backup(store.path, home / "b.db")
    assert [path.name for path in home.iterdir()] == ["j"]


def test_secrets_stay_sealed_and_the_key_is_copied_only_when_asked(
    home: Path, store: Store
) -> None:
    key = home / "j" / "master.key"
    vault = Vault.open(key, store, SequentialIds())
    account = parse({"kind": "account", "name": "a", "spec": {"user": "u", "password": "hunter2"}})
    store.writer.submit(lambda tx: Documents(vault).create(tx, account, "me")).result(20)
    without = backup.backup(store.path, home / "without.db")
    assert (without.secrets, without.key_path) == (1, None)
    with_key = backup.backup(store.path, home / "with.db", key_file=key)
    assert with_key.key_path == str(home / "with.db.key")
    assert (home / "with.db.key").read_bytes() == key.read_bytes()
    assert stat.S_IMODE((home / "with.db.key").stat().st_mode) == 0o600
    for path in (home / "without.db", home / "with.db"):
        data = path.read_bytes()
        assert b"hunter2" not in data
        assert key.read_bytes().strip().removeprefix(b"jobdeck-key-1:") not in data


def test_contents_lie_beside_a_backup_and_come_back_with_it(home: Path, store: Store) -> None:
    def keep(data: bytes) -> str:
        draft = blobs.draft("d")
        draft.write(data)
        sha256 = draft.finish()
        blobs.keep(draft, sha256)
        store.writer.submit(lambda tx: contents.add(tx, sha256, len(data), "me")).result(20)
        return sha256

    blobs = Blobs(home / "j" / "content")
    named = keep(b"in it")
    done = backup.backup(store.path, home / "b.db")
    later = keep(b"after it")
    (home / "new").mkdir()
    restored = backup.restore(home / "b.db", home / "new" / "jobdeck.db")

    assert (done.contents, restored.contents) == (1, 1)
    new = Blobs(home / "new" / "content")
    assert list(new.names()) == [named]
    assert new.check(named).read_bytes() == b"in it"
    assert not new.path(later).exists()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (home / "b.db.contents").rglob("*")}
    assert modes == {0o700, 0o600}


# --- restore ----------------------------------------------------------------------------------


def test_a_restored_home_has_the_old_state_and_keeps_the_replaced_one(home: Path) -> None:
    store = open_store(home)
    note(store, "early")
    backup.backup(store.path, home / "b.db")
    note(store, "late")
    store.close()
    done = backup.restore(home / "b.db", store.path)
    assert (done.last_seq, done.path) == (1, str(store.path))
    aside = store.path.with_name("jobdeck.db.before-restore")
    assert done.aside == str(aside)
    assert subjects(aside) == ["early", "late"]
    again = open_store(home)
    found = again.reader.read_now(lambda c: read_after(c, 0, 10))
    assert [entry.subject for entry in found] == ["early"]
    assert again.home_id == store.home_id
    again.close()
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_secrets_open_after_a_restore_elsewhere_with_the_key(home: Path) -> None:
    store = open_store(home)
    vault = Vault.open(home / "j" / "master.key", store, SequentialIds())
    account = parse({"kind": "account", "name": "a", "spec": {"user": "u", "password": "hunter2"}})
    store.writer.submit(lambda tx: Documents(vault).create(tx, account, "me")).result(20)
    done = backup.backup(store.path, home / "b.db", key_file=home / "j" / "master.key")
    store.close()
    shutil.rmtree(home / "j")
    (home / "new").mkdir(mode=0o700)
    restored = backup.restore(home / "b.db", home / "new" / "jobdeck.db")
    assert (restored.aside, restored.secrets) == (None, 1)
    assert done.key_path is not None
    shutil.copy(done.key_path, home / "new" / "master.key")
    other = Store.open(home / "new", ManualClock(), SequentialIds())
    its_vault = Vault.open(home / "new" / "master.key", other, SequentialIds())
    ref = other.reader.read_now(lambda c: get(c, "account", "a")).document.spec.password
    assert other.reader.read_now(lambda c: its_vault.open_secret(c, ref)) == "hunter2"
    other.close()


def test_each_restore_keeps_what_it_replaces(home: Path) -> None:
    store = open_store(home)
    backup.backup(store.path, home / "b.db")
    note(store, "one")
    store.close()
    backup.restore(home / "b.db", store.path)
    second = backup.restore(home / "b.db", store.path)
    assert second.aside == str(store.path) + ".before-restore-2"
    assert subjects(store.path.with_name("jobdeck.db.before-restore")) == ["one"]


def test_a_database_that_was_not_closed_is_kept_with_its_log(home: Path) -> None:
    store = open_store(home)
    backup.backup(store.path, home / "b.db")
    note(store, "in the log")
    crashed = home / "crashed"
    shutil.copytree(home / "j", crashed)
    store.close()
    assert (crashed / "jobdeck.db-wal").stat().st_size > 0
    done = backup.restore(home / "b.db", crashed / "jobdeck.db")
    assert done.aside is not None
    assert subjects(Path(done.aside)) == ["in the log"]
    assert subjects(crashed / "jobdeck.db") == []


def test_the_log_of_a_damaged_database_is_kept_and_never_merged_into_the_new_one(
    home: Path,
) -> None:
    store = open_store(home)
    note(store, "good")
    backup.backup(store.path, home / "b.db")
    store.close()
    (home / "j" / "jobdeck.db").write_bytes(b"not a database" * 100)
    (home / "j" / "jobdeck.db-wal").write_bytes(b"an old log")
    done = backup.restore(home / "b.db", store.path)
    assert done.aside is not None
    assert Path(done.aside + "-wal").read_bytes() == b"an old log"
    again = open_store(home)
    assert again.reader.read_now(last_seq) == 1
    again.close()


def test_a_running_engine_forbids_a_restore(home: Path, store: Store) -> None:
    backup.backup(store.path, home / "b.db")
    with pytest.raises(Conflict, match="an engine is running"):
        backup.restore(home / "b.db", store.path, engine_running=True)


def spoil(path: Path) -> None:
    """Overwrite the middle of a file."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xa5" * 8192)


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9000'")
    connection.commit()
    connection.close()


def foreign(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (spoil, "is damaged"),
        (cut, "is damaged"),
        (newer, r"newer version of Jobdeck \(schema 9000"),
        (foreign, "is not a database of Jobdeck"),
        (lambda path: path.write_bytes(b""), "is not a database of Jobdeck"),
        (lambda path: path.write_text("hello" * 1000), "is damaged or not a database"),
    ],
    ids=["spoilt", "cut", "newer", "foreign", "empty", "text"],
)
def test_a_file_that_is_no_good_backup_changes_nothing(
    home: Path, change: Callable[[Path], Any], said: str
) -> None:
    store = open_store(home)
    for n in range(2000):
        store.writer.submit(lambda tx, n=n: tx.journal("me", "x", str(n), {}))
    note(store, "last")
    backup.backup(store.path, home / "b.db")
    store.close()
    change(home / "b.db")
    error = unchanged(store.path, lambda: backup.restore(home / "b.db", store.path))
    assert re.search(said, str(error)), str(error)
    # The file that a person named, not our copy of it. A schema is newer in any file.
    assert change is newer or str(error).startswith(f"{home}/b.db ")


def test_a_backup_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(NotFound, match=r"backup .*none\.db"):
        backup.restore(home / "none.db", home / "j" / "jobdeck.db")

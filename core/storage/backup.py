"""Copies of the database: made while the engine works, checked, and put back.

A backup is one file that is a database in itself, and beside it a folder
`NAME.contents` where files belong to jobs. The master key is not part of it: without the key its secrets stay sealed, so whoever keeps the backup
keeps the key too, in another place.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import msgspec

from core import failpoints
from core.errors import AlreadyExists, Conflict, NotFound, StorageFault
from core.home import Home
from core.storage import schema, search_index
from core.storage.blobs import Blobs
from core.storage.writer import storage_fault

ASIDE = ".before-restore"
"""Ending of the name under which a replaced database is kept."""

_PAGES = 512
"""Pages (of 4 KiB) copied at once; between two steps others get the disk and the processor."""
_PAUSE_S = 0.005
_COMPANIONS = ("-wal", "-shm")
_MACHINES_FAULT = ("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_NOMEM")
"""Beginnings of SQLite's codes that say nothing against the file itself."""
_FIRST_WITH_CONTENTS = "0008"
"""The schema's revision."""
_MAGIC = b"SQLite format 3\0"
_WITH_LOG = b"\2\2"
"""Bytes 18 and 19 of a database in WAL mode (sqlite.org/fileformat2.html, section 1.3)."""


class BackedUp(msgspec.Struct, frozen=True, kw_only=True):
    """A finished backup."""

    path: str
    size_bytes: int
    revision: str
    """Of the schema."""
    last_seq: int
    """Number of the last journal entry in it."""
    secrets: int
    """Sealed secrets in it, which only the master key opens."""
    contents: int
    """Files of jobs beside it."""
    key_path: str | None = None
    """The copy of the key file, where one was asked for and there is one."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """A finished restoration."""

    path: str
    aside: str | None
    """Where the replaced database is kept; None when there was none."""
    last_seq: int
    contents: int
    """Files of jobs that came with it."""
    secrets: int
    """Sealed secrets in it: the home's master key must be the one they were sealed with."""


class _Facts(msgspec.Struct, frozen=True):
    revision: str
    last_seq: int
    secrets: int
    contents: frozenset[str]


def backup(
    database: Path,
    target: Path,
    *,
    key_file: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BackedUp:
    """Copy the database to a new file `target` (mode 0600) while it is in use, and check the copy.

    The copy is the state at one moment; writes go on meanwhile. With `key_file` the key
    is copied beside it: whoever holds both files can read every secret. `progress(pages
    copied, pages in all)` is called between steps. Blocks; call it in a thread.
    """
    draft = target.with_name(f"{target.name}.partial")
    with faults(f"the backup {target} cannot be written"), _removed_after(draft):
        if target.exists():
            raise AlreadyExists(f"{target} already exists", hint="name a file that does not")
        _create_private(draft)
        failpoints.reach("backup.begun")
        _copy(database, draft, progress)
        failpoints.reach("backup.copied")
        facts = check(draft)
        _sync(draft)
        failpoints.reach("backup.synced")
        # First: a backup that has its name is complete. What nobody refers to may be gone by now.
        contents = Blobs(_contents(target)).take(
            Blobs(Home(database.parent).contents), facts.contents
        )
        draft.rename(target)
        _sync(target.parent)
        failpoints.reach("backup.named")
        key_path = _copy_key(key_file, target)
    return BackedUp(
        path=str(target),
        size_bytes=target.stat().st_size,
        revision=facts.revision,
        last_seq=facts.last_seq,
        secrets=facts.secrets,
        contents=contents,
        key_path=key_path,
    )


def restore(source: Path, database: Path, *, engine_running: bool = False) -> Restored:
    """Put a backup in the place of `database`; the caller holds the home's lock.

    The replaced database is kept beside it as `NAME.before-restore` (with a number when
    there is one already). Nothing is touched before the backup was checked: Conflict
    while an engine runs, NotFound, or StorageFault for a file that is damaged, none of
    ours, or of a newer version.
    """
    if engine_running:
        raise Conflict("an engine is running on this home", hint="`jobdeck engine stop` first")
    if not source.is_file():
        raise NotFound("backup", str(source))
    draft = database.with_name(f"{database.name}.restoring")
    with faults(f"the database {database} cannot be replaced"), _removed_after(draft):
        _create_private(draft)
        with source.open("rb") as given, draft.open("r+b") as copy:
            shutil.copyfileobj(given, copy, 1 << 20)
        facts = check(draft, source)
        _sync(draft)
        beside, home = Blobs(_contents(source)), Home(database.parent)
        contents = Blobs(home.contents).take(beside, beside.names())
        aside = _set_aside(database)
        # It follows the numbers of the database that goes.
        search_index.remove(home.search_index)
        draft.replace(database)
        _sync(database.parent)
    return Restored(
        path=str(database),
        aside=None if aside is None else str(aside),
        last_seq=facts.last_seq,
        secrets=facts.secrets,
        contents=contents,
    )


def check(path: Path, original: Path | None = None) -> _Facts:
    """Read the whole file and verify it; StorageFault says what is wrong with it.

    `original`: what the file is a copy of, which is what a person knows.
    """
    name = original or path
    try:
        with closing(_open(path)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            if found != ["ok"]:
                raise StorageFault(
                    f"{name} is damaged: {'; '.join(found)}", hint="use another backup"
                )
            if connection.execute("PRAGMA foreign_key_check").fetchone():
                raise StorageFault(
                    f"{name} is damaged: rows are missing", hint="use another backup"
                )
            tables = {
                row[0]
                for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            if not {"alembic_version", "journal", "secret"} <= tables:
                raise StorageFault(f"{name} is not a database of Jobdeck")
            revision = _scalar(connection, "SELECT version_num FROM alembic_version")
            schema.check_known(str(revision))
            return _Facts(
                revision=str(revision),
                last_seq=int(_scalar(connection, "SELECT coalesce(max(seq), 0) FROM journal")),
                secrets=int(_scalar(connection, "SELECT count(*) FROM secret")),
                contents=_contents_in(connection, str(revision)),
            )
    except sqlite3.Error as error:
        if str(getattr(error, "sqlite_errorname", "")).startswith(_MACHINES_FAULT):
            raise StorageFault(
                f"{name} cannot be read: {error}",
                hint="look at its disk, its mode and the number of open files, then try again",
            ) from error
        raise StorageFault(
            f"{name} is damaged or not a database of Jobdeck: {error}", hint="use another backup"
        ) from error


def _contents(backup: Path) -> Path:
    """The folder with a backup's contents."""
    return backup.with_name(f"{backup.name}.contents")


def _contents_in(connection: sqlite3.Connection, revision: str) -> frozenset[str]:
    if revision < _FIRST_WITH_CONTENTS:
        return frozenset()
    return frozenset(row[0] for row in connection.execute("SELECT sha256 FROM content"))


def _copy(database: Path, target: Path, progress: Callable[[int, int], None] | None) -> None:
    def report(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    try:
        with closing(_open(database)) as source, closing(_open(target)) as copy:
            # A read transaction of its own keeps the copy at one moment. Without it SQLite
            # begins again at each write by another connection, under load for ever.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(copy, pages=_PAGES, progress=report, sleep=_PAUSE_S)
            source.execute("COMMIT")
            # The log belongs to the living database; the copy is one file.
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise storage_fault(error) from error


def _set_aside(database: Path) -> Path | None:
    """Keep the old database under another name, its log merged or beside it.

    It stays under its own name too until the new one takes that over, so that a
    crash never leaves a home without a database.
    """
    if not database.exists():
        return None
    _merge_log(database)
    aside = _free_name(database)
    try:
        os.link(database, aside)
    except OSError:  # a file system without hard links
        shutil.copy2(database, aside)
    for companion in _COMPANIONS:
        log = database.with_name(database.name + companion)
        if log.exists():
            # A log of the old database beside the new one would be merged into it.
            log.replace(aside.with_name(aside.name + companion))
    _sync(database.parent)
    return aside


def _merge_log(database: Path) -> None:
    """Bring what only the log holds into the database, so that one file is all of it."""
    with database.open("rb") as file:
        head = file.read(20)
    if not head.startswith(_MAGIC) or head[18:20] != _WITH_LOG:
        return  # SQLite would take the log for a stray file and delete it
    with suppress(sqlite3.Error), closing(_open(database)) as old:
        # Damage may be why it is replaced; then its log is kept beside it.
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _free_name(database: Path) -> Path:
    plain = database.with_name(database.name + ASIDE)
    names = (plain, *(plain.with_name(f"{plain.name}-{n}") for n in range(2, 10_000)))
    return next(name for name in names if not name.exists())


def _copy_key(key_file: Path | None, target: Path) -> str | None:
    if key_file is None or not key_file.exists():
        return None
    copy = target.with_name(f"{target.name}.key")
    _create_private(copy)
    copy.write_bytes(key_file.read_bytes())
    _sync(copy)
    return str(copy)


def _open(path: Path) -> sqlite3.Connection:
    # Never made anew by opening it; reading needs "rw" too, for the log's companion files.
    uri = f"file:{quote(str(path.absolute()))}?mode=rw"
    return sqlite3.connect(uri, uri=True, isolation_level=None)


def _scalar(connection: sqlite3.Connection, query: str) -> int | str:
    found: int | str = connection.execute(query).fetchone()[0]
    return found


def _create_private(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _sync(path: Path) -> None:
    """Bring a file, or a folder's list of names, onto the disk."""
    if os.name != "posix" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _removed_after(draft: Path) -> Iterator[None]:
    """Leave no half file behind, whatever happens; a finished one has its own name by then."""
    try:
        yield
    finally:
        for suffix in ("", "-journal", *_COMPANIONS):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


@contextmanager
def faults(what: str) -> Iterator[None]:
    """Files that cannot be used end in a StorageFault that begins with `what`."""
    try:
        yield
    except OSError as error:
        raise StorageFault(
            f"{what}: {error.strerror}", hint="look at its folder's owner, mode and free space"
        ) from error

"""Contents on the disk: one file each, under its SHA-256, whole or not there.

A file comes by a rename when all of it is on the disk and its digest is right, so what has its
name is what the name says; `check` finds what the disk has damaged since. Everything here
blocks: call it in a thread. Who refers to a content is in the database (`contents.py`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core import failpoints
from core.domain.files.contents import place_of
from core.errors import Conflict, NotFound, StorageFault

_DRAFTS = "incoming"
_BLOCK_BYTES = 1 << 20
_DIGITS = 64


class Draft:
    """A content that is being received."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._digest = hashlib.sha256()
        self._file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")

    def write(self, data: bytes) -> None:
        with _faults():
            self._file.write(data)
        self._digest.update(data)
        self.size_bytes += len(data)

    def finish(self) -> str:
        """Bring all of it onto the disk; its SHA-256."""
        with _faults():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return self._digest.hexdigest()

    def drop(self) -> None:
        """Leave nothing of what was not kept."""
        self._file.close()
        self.path.unlink(missing_ok=True)


class Blobs:
    """The folder of contents, for its owner alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        return Path(place_of(str(self.folder), sha256))

    def draft(self, name: str) -> Draft:
        """A new file for what comes; `name` tells it from others."""
        with _faults():
            folder = self.folder / _DRAFTS
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Draft(folder / name)

    def keep(self, draft: Draft, sha256: str) -> None:
        """Give a finished draft its place; a file that is there, damaged or not, is replaced."""
        path = self.path(sha256)
        with _faults():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            draft.path.replace(path)
            _sync(path.parent)
            _sync(self.folder)
        failpoints.reach("content.kept")

    def check(self, sha256: str) -> Path:
        """Where a content lies, all of it read and found right; NotFound or StorageFault."""
        path, digest = self.path(sha256), hashlib.sha256()
        try:
            with path.open("rb", buffering=0) as file:
                while data := file.read(_BLOCK_BYTES):
                    digest.update(data)
        except FileNotFoundError as error:
            raise NotFound("content", sha256) from error
        except OSError as error:
            raise StorageFault(f"{path} cannot be read: {error.strerror}") from error
        if digest.hexdigest() != sha256:
            raise StorageFault(
                f"the content {sha256} is damaged on the disk ({path}); it is given to nobody",
                hint="`jobdeck contents add` of the same file mends it",
            )
        return path

    def take(self, other: Blobs, wanted: Iterable[str]) -> int:
        """Have those of `wanted` that `other` has; how many files these are.

        On one file system both share the bytes, which nobody ever changes: a file that is mended
        is another one. What is damaged there is damaged here, and found when it is used.
        """
        taken = 0
        for sha256 in wanted:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            source, target = other.path(sha256), self.path(sha256)
            if not source.exists():
                continue
            taken += 1
            if target.exists():
                continue
            target.parent.mkdir(mode=0o700, exist_ok=True)
            draft = target.with_name(f"{target.name}.partial")
            draft.unlink(missing_ok=True)
            try:
                os.link(source, draft)
            except OSError:  # another file system, or one without hard links
                shutil.copyfile(source, draft)
                draft.chmod(0o600)
                _sync(draft)
            draft.replace(target)
            _sync(target.parent)
        return taken

    def names(self) -> Iterator[str]:
        """Every SHA-256 that has a file."""
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            if len(name := path.parent.name + path.name) == _DIGITS:
                yield name

    def remove(self, sha256: str) -> None:
        """Remove a content's file; one that is not there is no matter."""
        with _faults():
            self.path(sha256).unlink(missing_ok=True)

    def strays(self, known: frozenset[str], before_s: float) -> Iterator[Path]:
        """Files that no row knows: drafts, and contents that came before `before_s` (of 1970).

        Younger ones stay: a restored database may know nothing of them, and the one that it
        has replaced does.
        """
        for path in self.folder.glob("*/*"):
            if path.parent.name == _DRAFTS or (
                path.parent.name + path.name not in known and path.stat().st_mtime < before_s
            ):
                yield path


def refuse_other(found: str, named: str) -> None:
    """Conflict where what came is not what it was announced as."""
    if found != named:
        raise Conflict(
            f"what came has the SHA-256 {found}, and not {named}; nothing was kept",
            hint="send it again: the file changed meanwhile, or was damaged on its way",
        )


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
def _faults() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFault(
            f"the content cannot be kept: {error.strerror}",
            hint="look at the home's disk: its free space, owner and mode",
        ) from error

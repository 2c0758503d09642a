"""Files that come to the engine's machine: below one folder, whole or not at all.

Each part of a name is opened from the one before it, and no link is followed: what a host
calls its files cannot lead out of the folder. Content goes into an unfinished copy, which
becomes the file by a rename when its SHA-256 is right.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.domain.files.paths import check_below, joined
from core.domain.files.resuming import Found, temp_name
from core.executors.files.failures import refused

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_BLOCK_BYTES = 1 << 20


class Landing:
    """One file on its way to its place. Blocks: for threads. Raises TransferFailed."""

    def __init__(self, folder: str, name: str, key: str, digest: str) -> None:
        """`folder`: declared by a person; `name`: from anywhere, checked here."""
        try:
            check_below(name)
        except ValueError as error:
            raise refused("kind", str(error), name) from error
        *self._parts, self._name = name.split("/")
        self._folder = folder
        self.shown = joined(folder, name)
        self._temp = temp_name(key, name, digest)
        self._digest = digest
        self._at = -1
        self._part = -1

    def enter(self, *, makes_folders: bool) -> bool:
        """Open the folder that the file goes to, made where it may be; False where there is none."""
        try:
            if makes_folders:
                Path(self._folder).mkdir(parents=True, exist_ok=True, mode=0o700)
            self._at = os.open(self._folder, _FOLDER)
            for part in self._parts:
                if makes_folders:
                    _make(part, self._at)
                inner = os.open(part, _FOLDER | _NO_LINK, dir_fd=self._at)
                os.close(self._at)
                self._at = inner
        except FileNotFoundError:
            return False
        except OSError as error:
            raise refused("folder", _words(error), self.shown) from error
        return True

    def close(self) -> None:
        for each in (self._part, self._at):
            if each >= 0:
                os.close(each)
        self._part = self._at = -1

    def found(self, size: int) -> Found:
        """What lies there already."""
        with self._troubles():
            existing = self._look(self._name)
            part = self._look(self._temp)
            return Found(
                exists=existing is not None,
                digest=self._digest_of(self._name) if existing == size else None,
                part_bytes=part or 0,
                part_digest=self._digest_of(self._temp) if part else None,
            )

    def begin(self, offset: int) -> None:
        """Take content in from `offset` on."""
        with self._troubles():
            if offset == 0:
                self._remove_part()
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NO_LINK
            flags |= os.O_EXCL if offset == 0 else 0
            self._part = os.open(self._temp, flags, 0o600, dir_fd=self._at)

    def write(self, data: bytes) -> None:
        with self._troubles():
            view = memoryview(data)
            while view:
                view = view[os.write(self._part, view) :]

    def finish(self, *, mode: int, replaces: bool) -> None:
        """Put the file in its place, where its content is right."""
        with self._troubles():
            os.fsync(self._part)
            if self._digest_of(self._temp) != self._digest:
                self._remove_part()
                raise refused("damaged", "", self.shown)
            os.fchmod(self._part, mode)
            if replaces:
                os.replace(self._temp, self._name, src_dir_fd=self._at, dst_dir_fd=self._at)
            else:
                os.link(self._temp, self._name, src_dir_fd=self._at, dst_dir_fd=self._at)
                self._remove_part()
            os.fsync(self._at)

    def _look(self, name: str) -> int | None:
        """The size of the plain file `name`; None where there is nothing."""
        try:
            seen = os.stat(name, dir_fd=self._at, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(seen.st_mode):
            raise refused("kind", f"{self.shown} is a link, a folder or no plain file", self.shown)
        return seen.st_size

    def _digest_of(self, name: str) -> str:
        digest = hashlib.sha256()
        with os.fdopen(os.open(name, os.O_RDONLY | _NO_LINK, dir_fd=self._at), "rb", 0) as file:
            while data := file.read(_BLOCK_BYTES):
                digest.update(data)
        return digest.hexdigest()

    def _remove_part(self) -> None:
        try:
            os.unlink(self._temp, dir_fd=self._at)
        except FileNotFoundError:
            return

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise refused("write", _words(error), self.shown) from error


def _make(name: str, at: int) -> None:
    try:
        os.mkdir(name, 0o700, dir_fd=at)
    except FileExistsError:
        return


def _words(error: OSError) -> str:
    if error.strerror in ("Not a directory", "Too many levels of symbolic links"):
        return "a part of it is a link or no folder, which is not followed"
    return error.strerror or type(error).__name__

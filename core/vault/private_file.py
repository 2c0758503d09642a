"""A small file that only its owner can read, and that is never half written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from core.errors import EnvironmentFault

_MOST_BYTES = 1 << 16


class PrivateFile:
    """A text of mode 0600; `what` names it in messages."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what

    def read(self) -> str | None:
        """The text; None without a file, EnvironmentFault when others could have read it."""
        try:
            with self._path.open("rb") as file:
                self._refuse_readable(os.fstat(file.fileno()))
                return file.read(_MOST_BYTES).decode("ascii", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EnvironmentFault(
                f"the {self._what} {self._path} cannot be read: {error.strerror}",
                hint="it must belong to the user who runs the engine",
            ) from error

    def write(self, text: str) -> None:
        """Put `text` in the place of what was there, on disk when this returns."""
        # A half written file never has the final name.
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise EnvironmentFault(
                f"the {self._what} {self._path} cannot be written: {error.strerror}",
                hint="look at the home folder's owner, mode and free space",
            ) from error

    def remove(self) -> None:
        """No error where there is none."""
        try:
            self._path.unlink(missing_ok=True)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise EnvironmentFault(
                f"the {self._what} {self._path} cannot be removed: {error.strerror}"
            ) from error

    def _refuse_readable(self, status: os.stat_result) -> None:
        if os.name != "posix":
            return  # the folder's access list guards it there; modes say nothing
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise EnvironmentFault(
                f"others can read the {self._what} {self._path} "
                f"(mode {stat.S_IMODE(status.st_mode):04o})",
                hint=f"chmod 600 {self._path}, and change the secrets if others had access",
            )


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

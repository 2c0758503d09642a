"""The home folder: one folder with everything of one engine.

Database, socket, lock, log, key file, settings. Its place: `--home`, else
JOBDECK_HOME, else the platform's folder for user data. Apart from `config`,
because every console looks here first and must not wait for anything heavy.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from core.errors import EnvironmentFault

_MAX_SOCKET_PATH = 100
"""Bytes that every system allows in the path of a Unix socket (Linux 107, macOS 103)."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one engine and the places in it."""

    root: Path

    @classmethod
    def locate(cls, given: str | None, environ: Mapping[str, str]) -> Home:
        """The home that was asked for, in words or by the environment; else the user's own."""
        chosen = given or environ.get("JOBDECK_HOME")
        root = Path(chosen) if chosen else Path(platformdirs.user_data_dir("jobdeck"))
        return cls(root.expanduser().absolute())

    @property
    def database(self) -> Path:
        return self.root / "jobdeck.db"

    @property
    def search_index(self) -> Path:
        """A cache: it may be deleted, and is made anew."""
        return self.root / "search.db"

    @property
    def lock(self) -> Path:
        return self.root / "engine.lock"

    @property
    def log(self) -> Path:
        return self.root / "engine.log"

    @property
    def key_file(self) -> Path:
        return self.root / "master.key"

    @property
    def claims(self) -> Path:
        """Claims of work on the engine's own machine."""
        return self.root / "claims"

    @property
    def staging(self) -> Path:
        """What lasts as long as a step: files on their way from host to host."""
        return self.root / "staging"

    @property
    def contents(self) -> Path:
        """Files that belong to jobs, each under its SHA-256."""
        return self.root / "content"

    @property
    def drafts(self) -> Path:
        """What people have begun to write in a console, and not saved."""
        return self.root / "drafts"

    @property
    def settings(self) -> Path:
        return self.root / "settings.toml"

    @property
    def preferences(self) -> Path:
        """How its person wants the consoles; the engine never reads it."""
        return self.root / "preferences.toml"

    @property
    def socket(self) -> Path:
        """The engine's socket; in a private folder of the temporary files where the path is long."""
        direct = self.root / "engine.sock"
        if len(os.fsencode(direct)) <= _MAX_SOCKET_PATH:
            return direct
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"jobdeck-{_user_id()}" / f"{digest}.sock"

    def create(self) -> None:
        """Make the folder, for its owner alone; EnvironmentFault says what stands in the way.

        Only a folder that is empty or was a home before is closed to others: a slip of the
        hand such as `--home /tmp` must not take a folder away from those who use it.
        """
        try:
            for folder in (self.root, self.socket.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                status = folder.stat()
                if hasattr(os, "getuid") and status.st_uid != os.getuid():
                    raise EnvironmentFault(
                        f"{folder} belongs to another user", hint="choose another with --home"
                    )
                if status.st_mode & 0o077:
                    self._close(folder)
        except OSError as error:
            raise EnvironmentFault(
                f"the home folder {self.root} cannot be used: {error.strerror}",
                hint="choose another with --home or JOBDECK_HOME",
            ) from error

    def _close(self, folder: Path) -> None:
        """Let nobody but its owner into a folder that is ours."""
        if not self.lock.exists() and any(folder.iterdir()):
            raise EnvironmentFault(
                f"{folder} holds other files, and others can look into it",
                hint=f"choose another with --home, or close it: chmod 700 {folder}",
            )
        folder.chmod(0o700)


def _user_id() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")

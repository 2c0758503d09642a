"""Where the master key is kept: the system's keyring, or a key file in the home.

A headless Linux has no keyring; the key file is the stated alternative, never
a silent fall to plain text: secrets stay encrypted, and `engine status` names
the unlocker. `JOBDECK_KEYRING=off` chooses the key file.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import keyring
import keyring.backends.fail
import keyring.errors

from core.errors import EnvironmentFault
from core.vault.cipher import KEY_BYTES, MasterKey

SERVICE = "jobdeck"


class Unlocker(Protocol):
    """Keeps one home's master key."""

    name: str

    def load(self) -> MasterKey | None:
        """The key; None when none was ever kept here."""

    def keep(self, key: MasterKey) -> None:
        """Keep a new key; it is readable again before this returns."""


class KeyFile:
    """A file that only its owner can read."""

    name = "key file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> MasterKey | None:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EnvironmentFault(
                f"the key file {self._path} cannot be read: {error.strerror}",
                hint="it must be a plain file of its owner",
            ) from error
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
                raise EnvironmentFault(
                    f"the key file {self._path} can be read by others",
                    hint=f"chmod 600 {self._path}; then think about who has read it",
                )
            return _decoded(file.read(1024), str(self._path))

    def keep(self, key: MasterKey) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            descriptor = os.open(self._path, flags, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(_encoded(key))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise EnvironmentFault(
                f"the key file {self._path} cannot be made: {error.strerror}",
                hint="check the home folder's owner, mode and space",
            ) from error


class SystemKeyring:
    """The keyring of the desktop or of the system."""

    name = "keyring"

    def __init__(self, home_id: str) -> None:
        self._home_id = home_id

    def load(self) -> MasterKey | None:
        try:
            text = keyring.get_password(SERVICE, self._home_id)
        except keyring.errors.KeyringError as error:
            raise EnvironmentFault(
                f"the system's keyring does not answer: {error}",
                hint="unlock it, or set JOBDECK_KEYRING=off and use the key file",
            ) from error
        return None if text is None else _decoded(text.encode(), "the keyring")

    def keep(self, key: MasterKey) -> None:
        try:
            keyring.set_password(SERVICE, self._home_id, _encoded(key).decode().strip())
        except keyring.errors.KeyringError as error:
            raise EnvironmentFault(
                f"the system's keyring does not keep the master key: {error}",
                hint="unlock it, or set JOBDECK_KEYRING=off and use the key file",
            ) from error


def unlock(
    file: KeyFile,
    ring: SystemKeyring | None,
    *,
    is_new: bool,
    randbytes: Callable[[int], bytes] = os.urandom,
) -> tuple[MasterKey, Unlocker]:
    """The home's master key and what keeps it.

    A key file that is there wins. `is_new` says that nothing was ever sealed in
    this home: only then is a key made, as a new one would open nothing old.
    """
    unlockers: list[Unlocker] = [file, *([ring] if ring is not None else [])]
    for unlocker in unlockers:
        key = unlocker.load()
        if key is not None:
            return key, unlocker
    if not is_new:
        raise EnvironmentFault(
            "this home has secrets, but their master key is gone",
            hint="put the key file back, or unlock the keyring that holds it",
        )
    chosen = unlockers[-1]
    key = MasterKey(randbytes(KEY_BYTES))
    chosen.keep(key)
    return key, chosen


def usable_keyring(home_id: str, setting: str) -> SystemKeyring | None:
    """The system's keyring, when there is a real one and `setting` is not `off`."""
    if setting == "off":
        return None
    backend = keyring.get_keyring()
    absent = isinstance(backend, keyring.backends.fail.Keyring) or backend.priority <= 0
    return None if absent else SystemKeyring(home_id)


def _encoded(key: MasterKey) -> bytes:
    return base64.b64encode(key.material) + b"\n"


def _decoded(text: bytes, where: str) -> MasterKey:
    try:
        material = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        material = b""
    if len(material) != KEY_BYTES:
        raise EnvironmentFault(
            f"what {where} holds is no master key", hint="put the right one back from its copy"
        )
    return MasterKey(material)

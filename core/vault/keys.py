"""Where the master key is kept: the system keyring, or a key file that only its owner reads.

An unlocker answers with the key, with None when it keeps none for this home, or
with an EnvironmentFault that says what to do. Plain text in a readable file is
never accepted, and a keyring that refuses is never replaced in silence.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from core.errors import EnvironmentFault
from core.vault.cipher import KEY_BYTES

T = TypeVar("T")

KEYRING_VARIABLE = "JOBDECK_KEYRING"
"""Environment variable: `off` keeps the key in the key file, whatever the system offers."""

_SERVICE = "jobdeck"
_KEYRING_TIMEOUT_S = 5.0
"""A locked keyring may ask its user in a window that nobody sees; then we go on without it."""
_REAL_BACKEND_PRIORITY = 1
"""keyring's own mark for back ends it recommends (`keyring.core.recommended`)."""
_PREFIX = "jobdeck-key-1:"
_OFF_HINT = f"unlock the keyring, or set {KEYRING_VARIABLE}=off to keep the key in a file"


class Unlocker(Protocol):
    """A place for one master key."""

    @property
    def name(self) -> str:
        """As people read it: `keyring` or `key file`."""

    @property
    def place(self) -> str:
        """Where exactly, for messages."""

    def load(self) -> bytes | None:
        """The key, or None when there is none here."""

    def create(self) -> bytes | None:
        """A new key, kept before it is returned; None when nothing can be kept here."""


def unlockers(key_file: Path, home_id: str, environ: Mapping[str, str]) -> list[Unlocker]:
    """The places to ask, the best first for a new key."""
    in_file = KeyFile(key_file)
    if environ.get(KEYRING_VARIABLE, "").lower() == "off":
        return [in_file]
    return [SystemKeyring(home_id), in_file]


class KeyFile:
    """A file of mode 0600 in the home folder."""

    name = "key file"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.place = str(path)

    def load(self) -> bytes | None:
        """The key in the file; EnvironmentFault when others could have read it."""
        try:
            with self._path.open("rb") as file:
                self._refuse_readable(os.fstat(file.fileno()))
                text = file.read(1000)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EnvironmentFault(
                f"the key file {self._path} cannot be read: {error.strerror}",
                hint="it must belong to the user who runs the engine",
            ) from error
        return _decoded(text.decode("ascii", "replace"), f"the key file {self._path}")

    def create(self) -> bytes:
        """A new key in a new file, on disk before anything is sealed with it."""
        key = secrets.token_bytes(KEY_BYTES)
        # A half written file never has the final name.
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(_encoded(key) + "\n")
                file.flush()
                os.fsync(file.fileno())
            if self._path.exists():
                raise FileExistsError(None, "there is one already", str(self._path))
            draft.rename(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise EnvironmentFault(
                f"the key file {self._path} cannot be written: {error.strerror}",
                hint="look at the home folder's owner, mode and free space",
            ) from error
        return key

    def _refuse_readable(self, status: os.stat_result) -> None:
        if os.name != "posix":
            return  # the folder's access list guards it there; modes say nothing
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise EnvironmentFault(
                f"others can read the key file {self._path} "
                f"(mode {stat.S_IMODE(status.st_mode):04o})",
                hint=f"chmod 600 {self._path}, and change the secrets if others had access",
            )


class SystemKeyring:
    """The user's keyring (Keychain, Credential Manager, Secret Service, KWallet)."""

    name = "keyring"

    def __init__(self, home_id: str, timeout_s: float = _KEYRING_TIMEOUT_S) -> None:
        self._home_id = home_id
        self._timeout_s = timeout_s
        self._left_behind: threading.Thread | None = None
        self.place = f"system keyring, service {_SERVICE}, user {home_id}"

    def load(self) -> bytes | None:
        """The key in the keyring; None without a keyring, or without a key in it."""

        def ask() -> str | None:
            import keyring

            if not _has_backend():
                return None
            return keyring.get_password(_SERVICE, self._home_id)

        text = self._in_time(ask)
        return None if text is None else _decoded(text, f"the key in the {self.place}")

    def create(self) -> bytes | None:
        """A new key in the keyring, read back; None without a keyring."""
        key = secrets.token_bytes(KEY_BYTES)

        def keep() -> bytes | None:
            import keyring

            if not _has_backend():
                return None
            keyring.set_password(_SERVICE, self._home_id, _encoded(key))
            if keyring.get_password(_SERVICE, self._home_id) != _encoded(key):
                raise EnvironmentFault("the system keyring forgot the key at once", hint=_OFF_HINT)
            return key

        return self._in_time(keep)

    def _in_time(self, ask: Callable[[], T]) -> T:
        """`ask` in a thread that may be left behind: a keyring can wait for a person for ever.

        While one is left behind no other is sent, so a hanging keyring is waited for once.
        """
        answers: list[T] = []
        faults: list[Exception] = []

        def run() -> None:
            try:
                answers.append(ask())
            except Exception as error:  # noqa: BLE001 - back ends raise what their platform raises
                faults.append(error)

        if self._left_behind is None or not self._left_behind.is_alive():
            thread = threading.Thread(target=run, name="keyring", daemon=True)
            thread.start()
            thread.join(self._timeout_s)
            self._left_behind = thread
        if answers:
            return answers[0]
        if not faults:
            raise EnvironmentFault("the system keyring does not answer", hint=_OFF_HINT)
        if isinstance(faults[0], EnvironmentFault):
            raise faults[0]
        what = type(faults[0]).__name__
        raise EnvironmentFault(f"the system keyring refused: {what}", hint=_OFF_HINT) from faults[0]


def _has_backend() -> bool:
    import keyring

    backend = keyring.get_keyring()
    return float(backend.priority) >= _REAL_BACKEND_PRIORITY


def _encoded(key: bytes) -> str:
    return _PREFIX + base64.b64encode(key).decode("ascii")


def _decoded(text: str, what: str) -> bytes:
    with contextlib.suppress(binascii.Error, ValueError):
        key = base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True)
        if text.startswith(_PREFIX) and len(key) == KEY_BYTES:
            return key
    raise EnvironmentFault(
        f"{what} is not a key of Jobdeck", hint="put back a copy of the right one"
    )


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

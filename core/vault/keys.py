"""Where the master key is kept: the system keyring, or a key file that only its owner reads.

An unlocker answers with its keys, with none when it keeps none for this home, or
with an EnvironmentFault that says what to do. Plain text in a readable file is
never accepted, and a keyring that refuses is never replaced in silence.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from core.errors import EnvironmentFault
from core.vault.cipher import KEY_BYTES
from core.vault.private_file import PrivateFile

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
    """A place for the master key of one home; for two of them, while one follows the other."""

    @property
    def name(self) -> str:
        """As people read and choose it: see `core.vault.unlockers`."""

    @property
    def place(self) -> str:
        """Where exactly, for messages."""

    def load(self) -> Sequence[bytes]:
        """The keys that are kept here, newest first; VaultLocked when a person has to help."""

    def keep(self, keys: Sequence[bytes]) -> bool:
        """Keep these and no others, on disk when it returns; False when none can be kept here."""

    def forget(self) -> None:
        """Keep none any more."""


class KeyFile:
    """A file of mode 0600 in the home folder."""

    name = "key file"

    def __init__(self, path: Path) -> None:
        self._file = PrivateFile(path, "key file")
        self.place = str(path)

    def load(self) -> Sequence[bytes]:
        """The keys in the file; EnvironmentFault when others could have read it."""
        text = self._file.read()
        return () if text is None else _decoded(text, f"the key file {self.place}")

    def keep(self, keys: Sequence[bytes]) -> bool:
        self._file.write(_encoded(keys) + "\n")
        return True

    def forget(self) -> None:
        self._file.remove()


class SystemKeyring:
    """The user's keyring (Keychain, Credential Manager, Secret Service, KWallet)."""

    name = "keyring"

    def __init__(self, home_id: str, timeout_s: float = _KEYRING_TIMEOUT_S) -> None:
        self._home_id = home_id
        self._timeout_s = timeout_s
        self._left_behind: threading.Thread | None = None
        self.place = f"system keyring, service {_SERVICE}, user {home_id}"

    def load(self) -> Sequence[bytes]:
        """The keys in the keyring; none without a keyring."""

        def ask() -> str | None:
            import keyring

            if not _has_backend():
                return None
            return keyring.get_password(_SERVICE, self._home_id)

        text = self._in_time(ask)
        return () if text is None else _decoded(text, f"the key in the {self.place}")

    def keep(self, keys: Sequence[bytes]) -> bool:
        """Keep them and read them back; False without a keyring."""
        text = _encoded(keys)

        def keep() -> bool:
            import keyring

            if not _has_backend():
                return False
            keyring.set_password(_SERVICE, self._home_id, text)
            if keyring.get_password(_SERVICE, self._home_id) != text:
                raise EnvironmentFault("the system keyring forgot the key at once", hint=_OFF_HINT)
            return True

        return self._in_time(keep)

    def forget(self) -> None:
        def forget() -> None:
            import keyring

            if _has_backend() and keyring.get_password(_SERVICE, self._home_id) is not None:
                keyring.delete_password(_SERVICE, self._home_id)

        self._in_time(forget)

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


def _encoded(keys: Sequence[bytes]) -> str:
    return "\n".join(_PREFIX + base64.b64encode(key).decode("ascii") for key in keys)


def _decoded(text: str, what: str) -> Sequence[bytes]:
    lines = text.split()
    keys = []
    for line in lines:
        with contextlib.suppress(binascii.Error, ValueError):
            key = base64.b64decode(line.removeprefix(_PREFIX), validate=True)
            if line.startswith(_PREFIX) and len(key) == KEY_BYTES:
                keys.append(key)
    if not keys or len(keys) != len(lines):
        raise EnvironmentFault(
            f"{what} is not a key of Jobdeck", hint="put back a copy of the right one"
        )
    return tuple(keys)

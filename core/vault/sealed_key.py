"""Master keys that lie in the home under a passphrase: a person's, or one that systemd hands over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import EnvironmentFault, VaultLocked
from core.vault.passphrase import Wrapping
from core.vault.private_file import PrivateFile

CREDENTIAL = "jobdeck.passphrase"
"""Name of the credential in a unit: `LoadCredentialEncrypted=jobdeck.passphrase`."""
_CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
"""systemd's own: the folder with the credentials of a unit (systemd.exec(5))."""


class SealedKey:
    """A file that a passphrase opens; the stretched passphrase is kept until `close`."""

    name = "passphrase"

    def __init__(self, path: Path) -> None:
        self._file = PrivateFile(path, "sealed key")
        self._wrapping: Wrapping | None = None
        self.place = str(path)

    @property
    def is_in_use(self) -> bool:
        """Whether it keeps keys, opened or not."""
        return self._file.read() is not None

    def give(self, passphrase: str) -> None:
        """Open what is kept here; Forbidden when it is another passphrase."""
        text = self._file.read()
        if text is not None:
            wrapping = Wrapping.of(text, passphrase)
            wrapping.open(text)
            self._wrapping = wrapping

    def choose(self, passphrase: str) -> None:
        """The passphrase of what is kept next; Invalid when it is too short."""
        self._wrapping = Wrapping.new(passphrase)

    def close(self) -> None:
        """Forget the passphrase."""
        self._wrapping = None

    def load(self) -> Sequence[bytes]:
        text = self._file.read()
        if text is None:
            return ()
        return self._opened().open(text)

    def keep(self, keys: Sequence[bytes]) -> bool:
        """False while no passphrase was given."""
        if self._wrapping is None:
            return False
        self._file.write(self._wrapping.seal(keys) + "\n")
        return True

    def forget(self) -> None:
        self._file.remove()
        self.close()

    def _opened(self) -> Wrapping:
        if self._wrapping is None:
            raise VaultLocked(
                "the vault is locked: its key lies under a passphrase",
                hint="`jobdeck vault unlock` asks for it",
            )
        return self._wrapping


class Credential(SealedKey):
    """The same, with a passphrase that systemd hands to the engine's unit."""

    name = "systemd credential"

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        super().__init__(path)
        folder = environ.get(_CREDENTIALS_VARIABLE)
        self._credential = None if folder is None else Path(folder, CREDENTIAL)

    def keep(self, keys: Sequence[bytes]) -> bool:
        """False where systemd hands over no such credential."""
        if self._wrapping is None:
            passphrase = self._passphrase()
            if passphrase is None:
                return False
            self.choose(passphrase)
        return super().keep(keys)

    def _opened(self) -> Wrapping:
        if self._wrapping is None:
            passphrase = self._passphrase()
            if passphrase is None:
                raise EnvironmentFault(
                    f"the vault's key lies under the systemd credential {CREDENTIAL}, which the"
                    " engine was not given",
                    hint=f"start it from a unit with LoadCredentialEncrypted={CREDENTIAL}",
                )
            self.give(passphrase)
        assert self._wrapping is not None
        return self._wrapping

    def _passphrase(self) -> str | None:
        if self._credential is None:
            return None
        try:
            return self._credential.read_text(encoding="utf-8").rstrip("\n")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise EnvironmentFault(
                f"the systemd credential {self._credential} cannot be read: {error}"
            ) from error

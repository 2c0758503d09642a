"""The vault as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from console import answers
from console.client.calls import ENDLESS, Calls


class VaultCalls(Calls):
    """The vault as a whole."""

    def vault(self) -> answers.Vault:
        return self._get(answers.Vault, "/vault")

    def init_vault(self, unlocker: str, passphrase: str | None) -> answers.Vault:
        """Keep the master key by this unlocker."""
        body = {"unlocker": unlocker, **_given(passphrase)}
        return self._decode(answers.Vault, self._call("POST", "/vault/init", body=body))

    def unlock_vault(self, passphrase: str | None) -> answers.Vault:
        body = _given(passphrase)
        return self._decode(answers.Vault, self._call("POST", "/vault/unlock", body=body))

    def lock_vault(self) -> answers.Vault:
        return self._decode(answers.Vault, self._call("POST", "/vault/lock"))

    def rotate_vault(self) -> answers.Vault:
        done = self._call("POST", "/vault/rotate", timeout=ENDLESS)
        return self._decode(answers.Vault, done)

    def export_vault(self, passphrase: str) -> str:
        """The master key, as a text that the passphrase opens."""
        done = self._call("POST", "/vault/export", body=_given(passphrase))
        return self._decode(answers.SealedKey, done).text

    def import_vault(self, text: str, passphrase: str) -> answers.Vault:
        """Take in what `export_vault` gave."""
        body = {"text": text, **_given(passphrase)}
        return self._decode(answers.Vault, self._call("POST", "/vault/import", body=body))

    def secrets(self) -> Iterator[answers.KeptSecret]:
        """Whose secrets are kept, by owner."""
        return self._all(answers.KeptSecret, "/vault/secrets", {})

    def verify_vault(self) -> answers.Verdict:
        done = self._call("GET", "/vault/verify", timeout=ENDLESS)
        return self._decode(answers.Verdict, done)


def _given(passphrase: str | None) -> dict[str, Any]:
    return {} if passphrase is None else {"passphrase": passphrase}

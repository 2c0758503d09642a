"""The table of places that may keep a home's master key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from core.vault.keys import KEYRING_VARIABLE, KeyFile, SystemKeyring, Unlocker
from core.vault.sealed_key import Credential, SealedKey


def unlockers(key_file: Path, home_id: str, environ: Mapping[str, str]) -> Sequence[Unlocker]:
    """All of them, the best first for a new key; sealed keys lie beside `key_file`."""
    credential = Credential(key_file.with_name("master.credential"), environ)
    passphrase = SealedKey(key_file.with_name("master.sealed"))
    file = KeyFile(key_file)
    if environ.get(KEYRING_VARIABLE, "").lower() == "off":
        return [credential, passphrase, file]
    return [credential, passphrase, SystemKeyring(home_id), file]

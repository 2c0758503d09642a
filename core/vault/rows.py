"""Sealed texts as rows, and rows as sealed texts."""

from __future__ import annotations

import msgspec

from core.storage.secrets import SealedRow
from core.vault.cipher import Cipher, Sealed


def place_of(id_: str, owner: str) -> str:
    """What a sealed text is bound to."""
    return f"{id_} {owner}"


def sealed_of(row: SealedRow) -> Sealed:
    """What is in a row."""
    return Sealed(row.nonce, row.ciphertext, row.wrapped_key)


def rewrapped(row: SealedRow, cipher: Cipher, new: Cipher) -> SealedRow:
    """The row under another master key; Damaged when it does not open now."""
    sealed = cipher.rewrap(sealed_of(row), place_of(row.id, row.owner), new)
    return msgspec.structs.replace(
        row,
        nonce=sealed.nonce,
        ciphertext=sealed.ciphertext,
        wrapped_key=sealed.wrapped_key,
        key_id=new.key_id,
    )

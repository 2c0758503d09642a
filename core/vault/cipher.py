"""Sealing texts under a master key: AES-256-GCM, keyed fingerprints, the key's own name.

The master key itself is used for nothing; each purpose has a key derived from
it (HKDF, RFC 5869). A sealed text is bound to its place: moved to another id or
owner, it does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12
_KEY_ID_BYTES = 8
_VERSION = b"jobdeck/1 "
"""Part of every derivation, so that another scheme can live beside this one."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A text that only its master key opens, and only at its place."""

    nonce: bytes
    ciphertext: bytes


class Damaged(Exception):
    """The bytes are not what was sealed at this place under this key."""


class Cipher:
    """Seals and opens under one master key of 32 bytes."""

    def __init__(
        self, master: bytes, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        if len(master) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        self._aes = AESGCM(_derive(master, b"secrets"))
        self._fingerprint_key = _derive(master, b"fingerprints")
        self._random_bytes = random_bytes
        self.key_id = _derive(master, b"key id", _KEY_ID_BYTES).hex()
        """Names the master key without telling anything about it."""

    def seal(self, text: str, place: str) -> Sealed:
        """Encrypt `text` for `place`, with a nonce of its own."""
        nonce = self._random_bytes(_NONCE_BYTES)
        return Sealed(nonce, self._aes.encrypt(nonce, text.encode(), place.encode()))

    def open(self, sealed: Sealed, place: str) -> str:
        """The text; Damaged when a bit of it, of its place or of the key is another."""
        try:
            return self._aes.decrypt(sealed.nonce, sealed.ciphertext, place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise Damaged(place) from error

    def fingerprint(self, purpose: str, text: str) -> bytes:
        """32 bytes that are equal for equal texts of one purpose, and useless without the key."""
        name = purpose.encode()
        message = len(name).to_bytes(4, "big") + name + text.encode()
        return hmac.digest(self._fingerprint_key, message, hashlib.sha256)


def _derive(master: bytes, purpose: bytes, length: int = KEY_BYTES) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=_VERSION + purpose).derive(
        master
    )

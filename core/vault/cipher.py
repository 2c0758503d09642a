"""Sealing texts in envelopes: AES-256-GCM, keyed fingerprints, the key's own name.

Every text has a data key of its own, and the master key wraps that: another master
key means wrapping data keys anew, and leaves the texts as they lie. The master key
itself is used for nothing; each purpose has a key derived from it (HKDF, RFC 5869).
A sealed text is bound to its place: moved to another id or owner, it does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12
_KEY_ID_BYTES = 8
_VERSION = b"jobdeck/1 "
"""Part of every derivation, so that another scheme can live beside this one."""
_DATA_KEY = "jobdeck/2 data key of "
_FINGERPRINT_KEY = "jobdeck/2 fingerprint key"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A text that only its data key opens, and only at its place."""

    nonce: bytes
    ciphertext: bytes
    wrapped_key: bytes | None
    """The data key; None: a text of the first scheme, whose key is derived from the master key."""


class Damaged(Exception):
    """The bytes are not what was sealed at this place under this key."""


class Cipher:
    """Seals and opens under one master key of 32 bytes."""

    def __init__(
        self,
        master: bytes,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        *,
        fingerprints: bytes | None = None,
    ) -> None:
        """`fingerprints`: a wrapped key for them, from `wrapped_fingerprints`; Damaged when it is
        not this master key's. None: theirs is derived from the master key.
        """
        if len(master) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        self._wrapping = AESGCM(_derive(master, b"data keys"))
        self._first_scheme = AESGCM(_derive(master, b"secrets"))
        self._random_bytes = random_bytes
        self.key_id = _derive(master, b"key id", _KEY_ID_BYTES).hex()
        """Names the master key without telling anything about it."""
        self._fingerprint_key = (
            _derive(master, b"fingerprints")
            if fingerprints is None
            else self._unwrap(fingerprints, _FINGERPRINT_KEY)
        )

    def seal(self, text: str, place: str) -> Sealed:
        """Encrypt `text` for `place`, with a data key and a nonce of its own."""
        key, nonce = self._random_bytes(KEY_BYTES), self._random_bytes(_NONCE_BYTES)
        ciphertext = AESGCM(key).encrypt(nonce, text.encode(), place.encode())
        return Sealed(nonce, ciphertext, self._wrap(key, _DATA_KEY + place))

    def open(self, sealed: Sealed, place: str) -> str:
        """The text; Damaged when a bit of it, of its place or of a key is another."""
        if sealed.wrapped_key is None:
            aes = self._first_scheme
        else:
            aes = AESGCM(self._unwrap(sealed.wrapped_key, _DATA_KEY + place))
        return _decrypt(aes, sealed.nonce, sealed.ciphertext, place).decode()

    def rewrap(self, sealed: Sealed, place: str, master: Cipher) -> Sealed:
        """The same text for another `master` key, without being opened where it has a data key.

        Damaged when its data key, or a text of the first scheme, does not open.
        """
        if sealed.wrapped_key is None:
            return master.seal(self.open(sealed, place), place)
        key = self._unwrap(sealed.wrapped_key, _DATA_KEY + place)
        return replace(sealed, wrapped_key=master._wrap(key, _DATA_KEY + place))

    def fingerprint(self, purpose: str, text: str) -> bytes:
        """32 bytes that are equal for equal texts of one purpose, and useless without the key."""
        name = purpose.encode()
        message = len(name).to_bytes(4, "big") + name + text.encode()
        return hmac.digest(self._fingerprint_key, message, hashlib.sha256)

    def wrapped_fingerprints(self, master: Cipher) -> bytes:
        """The key of fingerprints for another `master` key, so that they stay as they are."""
        return master._wrap(self._fingerprint_key, _FINGERPRINT_KEY)

    def _wrap(self, key: bytes, place: str) -> bytes:
        nonce = self._random_bytes(_NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, key, place.encode())

    def _unwrap(self, wrapped: bytes, place: str) -> bytes:
        return _decrypt(self._wrapping, wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], place)


def _decrypt(aes: AESGCM, nonce: bytes, ciphertext: bytes, place: str) -> bytes:
    try:
        return aes.decrypt(nonce, ciphertext, place.encode())
    except (InvalidTag, ValueError) as error:
        raise Damaged(place) from error


def _derive(master: bytes, purpose: bytes, length: int = KEY_BYTES) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=_VERSION + purpose).derive(
        master
    )

"""Master keys under a passphrase: Argon2id (RFC 9106), then AES-256-GCM, as one text.

The text may lie in a database or a file: what it holds is as safe as the passphrase
is long. It names its own cost, so a later version may ask for more. Slow on purpose:
call it in a thread.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from core.errors import Forbidden, Invalid, Problem
from core.vault.cipher import KEY_BYTES

MIN_CHARACTERS = 8
"""Of a passphrase; Argon2id makes each guess dear, and cannot make a short one good."""

_NONCE_BYTES = 12
_SALT_BYTES = 16
_MEMORY_KIB = 64 << 10
_PASSES = 3
_LANES = 4
"""RFC 9106, section 4, the second recommended choice: about half a second."""
_MOST_MEMORY_KIB = 1 << 20
_MOST_PASSES = 100
_MOST_LANES = 64
"""What a text may ask for that somebody brings: it must not take the machine's memory."""


class SealedKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Master keys as they lie under a passphrase; binary fields in Base64."""

    format: Literal["jobdeck-sealed-keys-1"] = "jobdeck-sealed-keys-1"
    salt: bytes
    memory_kib: int
    passes: int
    lanes: int
    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class Wrapping:
    """A passphrase that was stretched once: wraps further keys without being asked for again."""

    salt: bytes
    memory_kib: int
    passes: int
    lanes: int
    _key: bytes = field(repr=False)

    @classmethod
    def new(
        cls, passphrase: str, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> Wrapping:
        """Invalid when the passphrase is too short."""
        if len(passphrase) < MIN_CHARACTERS:
            what = f"must have at least {MIN_CHARACTERS} characters"
            raise Invalid("the passphrase is too short", [Problem(where="passphrase", what=what)])
        return cls._stretched(passphrase, random_bytes(_SALT_BYTES), _MEMORY_KIB, _PASSES, _LANES)

    @classmethod
    def of(cls, text: str, passphrase: str) -> Wrapping:
        """The wrapping with the salt and the cost of `text`; Invalid when that is none of ours."""
        sealed = _read(text)
        return cls._stretched(
            passphrase, sealed.salt, sealed.memory_kib, sealed.passes, sealed.lanes
        )

    @classmethod
    def _stretched(
        cls, passphrase: str, salt: bytes, memory_kib: int, passes: int, lanes: int
    ) -> Wrapping:
        argon = Argon2id(
            salt=salt, length=KEY_BYTES, iterations=passes, lanes=lanes, memory_cost=memory_kib
        )
        return cls(salt, memory_kib, passes, lanes, argon.derive(passphrase.encode()))

    def open(self, text: str) -> list[bytes]:
        """The master keys in `text`; Forbidden when another passphrase sealed it."""
        sealed = _read(text)
        try:
            joined = AESGCM(self._key).decrypt(
                sealed.nonce, sealed.ciphertext, sealed.format.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise Forbidden("that is not the passphrase", hint="try again") from error
        return [joined[at : at + KEY_BYTES] for at in range(0, len(joined), KEY_BYTES)]

    def seal(
        self, keys: Sequence[bytes], random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> str:
        """Master keys as a text that only the passphrase opens."""
        nonce = random_bytes(_NONCE_BYTES)
        form: Literal["jobdeck-sealed-keys-1"] = "jobdeck-sealed-keys-1"
        sealed = SealedKeys(
            salt=self.salt,
            memory_kib=self.memory_kib,
            passes=self.passes,
            lanes=self.lanes,
            nonce=nonce,
            ciphertext=AESGCM(self._key).encrypt(nonce, b"".join(keys), form.encode()),
        )
        return msgspec.json.encode(sealed).decode("ascii")


def _read(text: str) -> SealedKeys:
    try:
        sealed = msgspec.json.decode(text, type=SealedKeys)
    except (msgspec.MsgspecError, UnicodeError):
        sealed = None
    if sealed is None or not (
        len(sealed.salt) >= _SALT_BYTES
        and 1 <= sealed.passes <= _MOST_PASSES
        and 1 <= sealed.lanes <= _MOST_LANES
        and 8 * sealed.lanes <= sealed.memory_kib <= _MOST_MEMORY_KIB
    ):
        raise Invalid(
            "this is no sealed key of Jobdeck", hint="give what `jobdeck vault export` wrote"
        )
    return sealed

"""Sealing and opening with one master key. Pure but for the nonce, which is passed in.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce a secret. The
associated data binds a ciphertext to its id and its owner, so a row that is
copied to another place cannot be opened there. The keys for sealing and for
fingerprints are derived from the master key by HKDF-SHA256 (RFC 5869), each
with a name of its own.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import EnvironmentFault

KEY_BYTES = 32
NONCE_BYTES = 12
FINGERPRINT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret at rest."""

    nonce: bytes
    ciphertext: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The key that everything is sealed under; its bytes are never shown."""

    material: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Names the key without telling anything about it."""
        return self._derived(b"jobdeck key id")[:8].hex()

    def seal(self, text: str, *, nonce: bytes, context: str) -> Sealed:
        """`text` sealed; `context` must be given again to open it."""
        sealing = AESGCM(self._derived(b"jobdeck sealing"))
        ciphertext = sealing.encrypt(nonce, text.encode(), context.encode())
        return Sealed(nonce=nonce, ciphertext=ciphertext, key_id=self.id)

    def open(self, sealed: Sealed, *, context: str) -> str:
        """The text; EnvironmentFault when the key is another or a bit was changed."""
        if sealed.key_id != self.id:
            raise EnvironmentFault(
                f"a secret was sealed under key {sealed.key_id}, but this home has key {self.id}",
                hint="put the master key back that belongs to this database",
            )
        opening = AESGCM(self._derived(b"jobdeck sealing"))
        try:
            return opening.decrypt(sealed.nonce, sealed.ciphertext, context.encode()).decode()
        except InvalidTag:
            raise EnvironmentFault(
                "a secret in the vault is damaged or not where it was put",
                hint="restore a backup, or give the secret again",
            ) from None

    def fingerprint(self, text: str) -> bytes:
        """Equal for equal texts; says nothing without the key."""
        key = self._derived(b"jobdeck fingerprint")
        return hmac.new(key, text.encode(), hashlib.sha256).digest()[:FINGERPRINT_BYTES]

    def _derived(self, name: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=name).derive(
            self.material
        )

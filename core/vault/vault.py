"""The vault of a home: secrets in, references out; opened at the last moment.

A secret belongs to an owner, such as `account/deploy/spec.password` or
`run/01J…/TOKEN`, and can only be opened as that owner's. Writes are part of the
caller's transaction, so a document and its secrets are stored together or not
at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select

from core.domain.values import SecretRef
from core.errors import NotFound
from core.ids import Ids
from core.storage.store import Store
from core.storage.tables import secret
from core.storage.writer import Transaction
from core.vault.cipher import NONCE_BYTES, MasterKey, Sealed
from core.vault.unlockers import KeyFile, unlock, usable_keyring


class Vault:
    """Seals, opens, forgets."""

    def __init__(
        self,
        key: MasterKey,
        unlocker: str,
        ids: Ids,
        randbytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._key = key
        self._ids = ids
        self._randbytes = randbytes
        self.unlocker = unlocker
        """What keeps the master key: `keyring` or `key file`."""

    @classmethod
    def open(cls, key_file: Path, store: Store, ids: Ids) -> Vault:
        """Unlock a home's vault; EnvironmentFault when its key is missing or not private."""
        is_new = store.reader.read_now(_count) == 0
        ring = usable_keyring(store.home_id, os.environ.get("JOBDECK_KEYRING", ""))
        key, unlocker = unlock(KeyFile(key_file), ring, is_new=is_new)
        return cls(key, unlocker.name, ids)

    def put(
        self, tx: Transaction, owner: str, text: str, reuse: SecretRef | None = None
    ) -> SecretRef:
        """Seal `text`; `reuse` is kept when it is the owner's and holds the same text."""
        fingerprint = self._key.fingerprint(text)
        if reuse is not None and self._is(tx.connection, reuse, owner, fingerprint):
            return reuse
        id_ = self._ids.new()
        nonce = self._randbytes(NONCE_BYTES)
        sealed = self._key.seal(text, nonce=nonce, context=_context(id_, owner))
        tx.connection.execute(
            insert(secret),
            {
                "id": id_,
                "owner": owner,
                "nonce": sealed.nonce,
                "ciphertext": sealed.ciphertext,
                "key_id": sealed.key_id,
                "fingerprint": fingerprint,
                "created_at": tx.at,
            },
        )
        return SecretRef(secret=id_)

    def open_secret(self, connection: Connection, ref: SecretRef) -> str:
        """The text of a secret. Only executors' logins and environments may hold it."""
        row = connection.execute(select(secret).where(secret.c.id == ref.secret)).first()
        if row is None:
            raise NotFound("secret", ref.secret)
        sealed = Sealed(nonce=row.nonce, ciphertext=row.ciphertext, key_id=row.key_id)
        return self._key.open(sealed, context=_context(row.id, row.owner))

    def owner_of(self, connection: Connection, ref: SecretRef) -> str | None:
        """Whose secret it is; None when there is no such secret."""
        return connection.execute(select(secret.c.owner).where(secret.c.id == ref.secret)).scalar()

    def delete_owner(self, tx: Transaction, prefix: str) -> None:
        """Forget every secret whose owner begins with `prefix`."""
        tx.connection.execute(
            delete(secret).where(secret.c.owner.startswith(prefix, autoescape=True))
        )

    def fingerprint(self, text: str) -> bytes:
        """Equal for equal texts; says nothing without the master key."""
        return self._key.fingerprint(text)

    def _is(self, connection: Connection, ref: SecretRef, owner: str, fingerprint: bytes) -> bool:
        row = connection.execute(
            select(secret.c.owner, secret.c.fingerprint).where(secret.c.id == ref.secret)
        ).first()
        return row is not None and row.owner == owner and row.fingerprint == fingerprint


def _context(id_: str, owner: str) -> str:
    return f"{id_} {owner}"


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(secret)).scalar_one()

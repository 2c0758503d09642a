"""The vault: secrets at rest, one row each, opened at the last moment.

Callers keep a `SecretRef`; the text leaves only through `open_secret`. The key is
looked for when it is first needed. While secrets are stored, only the key that
sealed them is taken: a home never gets a second key because the first is away.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from core.domain.documents import Document
from core.domain.values import SecretRef
from core.errors import EnvironmentFault, Invalid, Problem
from core.ids import Ids
from core.storage import secrets
from core.storage.reading import Connection
from core.storage.secrets import SealedRow
from core.storage.store import Store
from core.storage.writer import Transaction
from core.vault import sealing
from core.vault.cipher import Cipher, Damaged, Sealed
from core.vault.keys import Unlocker, unlockers

_GIVE_AGAIN = "give its text again"
_NOT_OPENED = "not opened yet"


class Vault:
    """Secrets of one home."""

    def __init__(self, store: Store, ids: Ids, places: Sequence[Unlocker]) -> None:
        self._store = store
        self._ids = ids
        self._places = places
        self._lock = threading.Lock()
        self._cipher: Cipher | None = None
        self.unlocker = _NOT_OPENED
        """What keeps the master key: `keyring` or `key file`."""

    @classmethod
    def open(cls, key_file: Path, store: Store, ids: Ids) -> Self:
        """The vault of a home, whose key is in the system's keyring or else in `key_file`.

        A key file that is there is read at once, and EnvironmentFault says what is wrong
        with it; a keyring is asked later, as it may wait for a person.
        """
        vault = cls(store, ids, unlockers(key_file, store.home_id, os.environ))
        if key_file.exists():
            vault.unlock()
        return vault

    def unlock(self) -> None:
        """Find the master key, or make one; may wait seconds for a keyring, so call it in a thread.

        EnvironmentFault when the stored secrets' key is out of reach. Everything
        else here calls it by itself; doing it at the start keeps that wait out of a write.
        """
        self._opened()

    def put(self, tx: Transaction, owner: str, text: str) -> SecretRef:
        """Keep `text` for `owner`; the old reference when the owner has that text already."""
        known = self.find(tx.connection, owner, text)
        if known is not None:
            return known
        ref = SecretRef(secret=self._ids.new())
        self._add(tx, ref, owner, text)
        return ref

    def put_back(self, tx: Transaction, ref: SecretRef, owner: str, text: str) -> None:
        """Keep `text` again under the reference of a secret of `owner` that was forgotten.

        What holds the reference stays as it is. A secret that is still there stays too.
        """
        if secrets.find(tx.connection, ref.secret) is None:
            self._add(tx, ref, owner, text)

    def _add(self, tx: Transaction, ref: SecretRef, owner: str, text: str) -> None:
        cipher = self._opened()
        sealed = cipher.seal(text, _place(ref.secret, owner))
        row = SealedRow(
            id=ref.secret,
            owner=owner,
            nonce=sealed.nonce,
            ciphertext=sealed.ciphertext,
            key_id=cipher.key_id,
            fingerprint=cipher.fingerprint(owner, text),
        )
        secrets.add(tx, row)

    def find(self, connection: Connection, owner: str, text: str) -> SecretRef | None:
        """The reference under which `owner` has `text`, or None."""
        id_ = secrets.id_of(connection, owner, self._opened().fingerprint(owner, text))
        return None if id_ is None else SecretRef(secret=id_)

    def open_secret(self, connection: Connection, ref: SecretRef) -> str:
        """The text behind a reference; EnvironmentFault when it is gone or does not open."""
        row = secrets.find(connection, ref.secret)
        if row is None:
            raise EnvironmentFault(
                f"secret {ref.secret} is no longer in the vault", hint=_GIVE_AGAIN
            )
        cipher = self._opened()
        if row.key_id != cipher.key_id:
            raise EnvironmentFault(
                f"the secret of {row.owner} was sealed with another master key ({row.key_id})",
                hint=f"put that key back, or {_GIVE_AGAIN}",
            )
        try:
            return cipher.open(Sealed(row.nonce, row.ciphertext), _place(row.id, row.owner))
        except Damaged as error:
            raise EnvironmentFault(
                f"the stored secret of {row.owner} is damaged", hint=_GIVE_AGAIN
            ) from error

    def owner_of(self, connection: Connection, ref: SecretRef) -> str | None:
        """Whose secret it is; None when there is no such secret."""
        return secrets.owner_of(connection, ref.secret)

    def delete_owner(self, tx: Transaction, prefix: str) -> None:
        """Forget every secret whose owner begins with `prefix`, which ends with a slash."""
        secrets.delete_owner(tx, prefix)

    def fingerprint(self, text: str) -> bytes:
        """32 bytes that are equal for equal texts, and useless without the master key."""
        return self._opened().fingerprint("", text)

    # --- documents --------------------------------------------------------------------------

    def seal(self, tx: Transaction, document: Document) -> Document:
        """The document with every secret text kept here and replaced by its reference.

        Invalid when it brings a reference that is not the field's own.
        """
        foreign: list[Problem] = []

        def put(where: str, text: str) -> SecretRef:
            return self.put(tx, sealing.owner_of(document.kind, document.name, where), text)

        def check(where: str, ref: SecretRef) -> None:
            foreign.extend(self._foreign(tx.connection, document, where, ref))

        return _checked(document, sealing.seal(document.spec, put, check), foreign)

    def recognise(self, connection: Connection, document: Document) -> Document:
        """The document with the texts that it has already replaced; new ones stay texts.

        Invalid when it brings a reference that is not the field's own.
        """
        foreign: list[Problem] = []

        def visit(where: str, found: sealing.Secretish) -> sealing.Secretish:
            if isinstance(found, SecretRef):
                foreign.extend(self._foreign(connection, document, where, found))
                return found
            owner = sealing.owner_of(document.kind, document.name, where)
            return self.find(connection, owner, found.get_secret_value()) or found

        return _checked(document, sealing.replace_secrets(document.spec, visit), foreign)

    def forget(self, tx: Transaction, kind: str, name: str) -> None:
        """Forget every secret of a document."""
        self.delete_owner(tx, f"{kind}/{name}/")

    def _foreign(
        self, connection: Connection, document: Document, where: str, ref: SecretRef
    ) -> Iterator[Problem]:
        """What is wrong with a reference that came in: it must not lend another's secret."""
        if self.owner_of(connection, ref) != sealing.owner_of(document.kind, document.name, where):
            # The same words for "gone" and "another's": what others have is not told.
            what = "is not a reference to this field's own secret"
            yield Problem(where=where, what=what, hint="give the text instead")

    # --- the key ----------------------------------------------------------------------------

    def _opened(self) -> Cipher:
        if self._cipher is None:
            with self._lock:
                if self._cipher is None:
                    self._cipher = self._find_key()
        return self._cipher

    def _find_key(self) -> Cipher:
        wanted = self._store.reader.read_now(secrets.key_ids)
        found: list[tuple[Unlocker, Cipher]] = []
        for place in reversed(self._places):  # the file first: it answers at once
            key = place.load()
            if key is not None:
                found.append((place, Cipher(key)))
                if not wanted or found[-1][1].key_id in wanted:
                    self.unlocker = place.name
                    return found[-1][1]
        if wanted:
            where = " or ".join(place.place for place in self._places)
            what = "another master key is" if found else "no master key is"
            raise EnvironmentFault(
                f"the stored secrets cannot be opened: {what} in the {where}",
                hint="put the key back; it is not part of a backup of the database",
            )
        for place in self._places:
            key = place.create()
            if key is not None:
                self.unlocker = place.name
                return Cipher(key)
        raise EnvironmentFault("there is no place for a master key")


def _place(id_: str, owner: str) -> str:
    return f"{id_} {owner}"


def _checked(document: Document, spec: object, problems: Sequence[Problem]) -> Document:
    if problems:
        raise Invalid(f"{document.kind} {document.name} is not valid", problems)
    return document if spec is document.spec else document.model_copy(update={"spec": spec})

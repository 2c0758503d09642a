"""The vault: secrets at rest, one row each, opened at the last moment.

Callers keep a `SecretRef`; the text leaves only through `open_secret`. Under which key it
lies, and where that is kept, is the `Keychain`'s business.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from core.vault.cipher import Damaged
from core.vault.keychain import Keychain
from core.vault.rows import place_of, sealed_of
from core.vault.sources import Sources
from core.vault.unlockers import unlockers

_GIVE_AGAIN = "give its text again"


@dataclass(slots=True)
class Verdict:
    """Which of the stored secrets open."""

    good: int = 0
    damaged: list[str] = field(default_factory=list)
    """Owners of those whose bytes are not what was sealed."""
    foreign: list[str] = field(default_factory=list)
    """Owners of those that another master key sealed."""


class Vault:
    """Secrets of one home."""

    def __init__(self, ids: Ids, keychain: Keychain, sources: Sources | None = None) -> None:
        self._ids = ids
        self.sources = sources or Sources()
        """What reads secrets that stay outside."""
        self.keychain = keychain

    @classmethod
    def open(cls, key_file: Path, store: Store, ids: Ids, sources: Sources | None = None) -> Self:
        """The vault of a home whose key file, if that is what keeps its key, is `key_file`.

        A key file that is there is read at once, and EnvironmentFault says what is wrong
        with it; others are asked later, as they may wait for a person.
        """
        keychain = Keychain(store, unlockers(key_file, store.home_id, os.environ))
        if key_file.exists():
            keychain.unlock()
        return cls(ids, keychain, sources)

    @property
    def unlocker(self) -> str:
        """What keeps the master key, such as `keyring` or `key file`."""
        return self.keychain.unlocker

    def unlock(self) -> None:
        """Find the master key, or make one; may wait seconds for a keyring, so call it in a thread.

        EnvironmentFault when the stored secrets' key is out of reach. Everything
        else here calls it by itself; doing it at the start keeps that wait out of a write.
        """
        self.keychain.current()

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
        cipher = self.keychain.current()
        sealed = cipher.seal(text, place_of(ref.secret, owner))
        row = SealedRow(
            id=ref.secret,
            owner=owner,
            nonce=sealed.nonce,
            ciphertext=sealed.ciphertext,
            wrapped_key=sealed.wrapped_key,
            key_id=cipher.key_id,
            fingerprint=cipher.fingerprint(owner, text),
        )
        secrets.add(tx, row)

    def find(self, connection: Connection, owner: str, text: str) -> SecretRef | None:
        """The reference under which `owner` has `text`, or None."""
        id_ = secrets.id_of(connection, owner, self.keychain.current().fingerprint(owner, text))
        return None if id_ is None else SecretRef(secret=id_)

    def open_secret(self, connection: Connection, ref: SecretRef) -> str:
        """The text behind a reference; EnvironmentFault when it is gone or does not open."""
        row = secrets.find(connection, ref.secret)
        if row is None:
            raise EnvironmentFault(
                f"secret {ref.secret} is no longer in the vault", hint=_GIVE_AGAIN
            )
        cipher = self.keychain.of(row.key_id)
        if cipher is None:
            raise EnvironmentFault(
                f"the secret of {row.owner} was sealed with another master key ({row.key_id})",
                hint=f"put that key back, or {_GIVE_AGAIN}",
            )
        try:
            return cipher.open(sealed_of(row), place_of(row.id, row.owner))
        except Damaged as error:
            raise EnvironmentFault(
                f"the stored secret of {row.owner} is damaged", hint=_GIVE_AGAIN
            ) from error

    def texts(self, connection: Connection, least: int, most: int) -> Iterator[str]:
        """The newest `most` of the stored texts of `least` characters and more, to keep them out of
        sight; none while the vault is not open. What does not open is left out.
        """
        for row in secrets.newest(connection, most):
            cipher = self.keychain.at_hand(row.key_id)
            if cipher is None:
                continue
            try:
                text = cipher.open(sealed_of(row), place_of(row.id, row.owner))
            except Damaged:
                continue  # nothing can print what nobody can read; `verify` names it
            if len(text) >= least:
                yield text

    def verify(self, connection: Connection) -> Verdict:
        """Open every secret and say which do not, without showing any."""
        found = Verdict()
        for row in secrets.every(connection):
            cipher = self.keychain.of(row.key_id)
            try:
                if cipher is None:
                    found.foreign.append(row.owner)
                else:
                    cipher.open(sealed_of(row), place_of(row.id, row.owner))
                    found.good += 1
            except Damaged:
                found.damaged.append(row.owner)
        return found

    def owner_of(self, connection: Connection, ref: SecretRef) -> str | None:
        """Whose secret it is; None when there is no such secret."""
        return secrets.owner_of(connection, ref.secret)

    def delete_owner(self, tx: Transaction, prefix: str) -> None:
        """Forget every secret whose owner begins with `prefix`, which ends with a slash."""
        secrets.delete_owner(tx, prefix)

    def fingerprint(self, text: str) -> bytes:
        """32 bytes that are equal for equal texts, and useless without the master key."""
        return self.keychain.current().fingerprint("", text)

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


def _checked(document: Document, spec: object, problems: Sequence[Problem]) -> Document:
    if problems:
        raise Invalid(f"{document.kind} {document.name} is not valid", problems)
    return document if spec is document.spec else document.model_copy(update={"spec": spec})

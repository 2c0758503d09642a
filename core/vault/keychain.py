"""Which master key is open, where it is kept, and another in its place.

    closed --first use--> open --lock--> locked --unlock--> open
    rotate: keep new and old -> wrap every data key anew, in one commit -> keep the new alone

Two rules. While secrets are stored, only a key that opens them is taken: a home never gets a
second key because the first is away. And a key is dropped only when no row needs it: between
the steps of a rotation both are kept, so the next engine opens everything, whenever this one
ended, and finishes the work (`unlock`).

Everything here may block (files, a keyring, Argon2id, the database): call it in a thread, and
what writes (`unlock`, `rotate`, `move`, `bring`) never inside a write.
"""

from __future__ import annotations

import secrets as chance
import threading
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from core import failpoints
from core.errors import EnvironmentFault, Invalid, OpsError, Problem, VaultLocked, nearest
from core.storage import secrets
from core.storage.store import Store
from core.storage.writer import Transaction
from core.vault.cipher import KEY_BYTES, Cipher, Damaged
from core.vault.keys import Unlocker
from core.vault.passphrase import Wrapping
from core.vault.rows import rewrapped
from core.vault.sealed_key import Credential, SealedKey

NOT_OPENED = "not opened yet"
_UNLOCK = "`jobdeck vault unlock` opens it"
_WHY_NOT = {
    "keyring": "this machine offers no keyring, or JOBDECK_KEYRING is off",
    "systemd credential": "start the engine from a unit with LoadCredentialEncrypted=jobdeck.passphrase",
}


class State(StrEnum):
    """How a vault is."""

    CLOSED = "closed"
    """Nobody has needed its key yet; who does opens it, or makes one."""
    OPEN = "open"
    LOCKED = "locked"
    """Only `unlock` opens it."""


class Keychain:
    """The master keys of one home: one, or two while one follows the other."""

    def __init__(self, store: Store, places: Sequence[Unlocker]) -> None:
        self._store = store
        self.places = places
        """Everything that may keep the key, the best first for a new one."""
        self._changing = threading.RLock()
        """Held while keys or their place change; may be waited for a long time."""
        self._looking = threading.RLock()
        """Held while keys are looked for: also in the middle of a write, so never for a write."""
        self._held: Mapping[str, bytes] = {}
        """Id -> key, the newest first."""
        self._ciphers: Mapping[str, Cipher] = {}
        self._current: Cipher | None = None
        self._place: Unlocker | None = None
        self._is_locked = False
        self._tell_when_open: list[Callable[[], None]] = []

    @property
    def state(self) -> State:
        """How it is now; asks nobody."""
        if self._current is not None:
            return State.OPEN
        return State.LOCKED if self._is_locked or self.needs_passphrase else State.CLOSED

    @property
    def needs_passphrase(self) -> bool:
        """Whether only a person can open it."""
        sealed = any(place.is_in_use for place in self._passphrases())
        return sealed and self._current is None

    @property
    def unlocker(self) -> str:
        """What keeps the master key, or that nobody has looked yet."""
        return NOT_OPENED if self._place is None else self._place.name

    @property
    def key_id(self) -> str:
        """Id of the key that seals; "" where none is open."""
        return "" if self._current is None else self._current.key_id

    def current(self) -> Cipher:
        """What seals; its key is looked for, or made, when it is first needed."""
        if self._current is None:
            with self._looking:
                if self._current is None:
                    if self._is_locked:
                        raise VaultLocked("the vault is locked", hint=_UNLOCK)
                    self._take(*(self._look() or self._make()))
        assert self._current is not None
        return self._current

    def when_open(self, tell: Callable[[], None]) -> None:
        """Call `tell` once, from any thread, as soon as a key is open: now, where one is."""
        with self._looking:
            if self._current is None:
                self._tell_when_open.append(tell)
                return
        tell()

    def of(self, key_id: str) -> Cipher | None:
        """What opens a row under that key; None when the key is not at hand."""
        self.current()
        return self.at_hand(key_id)

    def at_hand(self, key_id: str) -> Cipher | None:
        """The same of the keys that are open now; none is looked for."""
        return self._ciphers.get(key_id)

    # --- opening and closing ----------------------------------------------------------------

    def unlock(self, passphrase: str | None = None) -> None:
        """Find the key, or make one; finish what an engine that ended had begun.

        EnvironmentFault when the stored secrets' key is out of reach, VaultLocked when it takes
        a passphrase and none was given, Forbidden when it is another.
        """
        with self._changing:
            with self._looking:
                if self._current is None:
                    if passphrase is not None:
                        self._give(passphrase)
                    self._take(*(self._look() or self._make()))
            self._settle()

    def lock(self, actor: str) -> None:
        """Forget every key, until `unlock`. What runs keeps the secrets that it has."""
        with self._changing:
            with self._looking:
                self._is_locked = True
                self._current, self._ciphers, self._held = None, {}, {}
                for place in self.places:
                    if isinstance(place, SealedKey):
                        place.close()
            self._write(lambda tx: tx.journal(actor, "vault.locked", "vault", {}))

    # --- changing ---------------------------------------------------------------------------

    def rotate(self, actor: str) -> None:
        """A new master key in the old one's place.

        Whenever this ends, every secret opens, with the old key or the new one. Invalid, and
        nothing is changed, when a secret does not open now.
        """
        with self._changing:
            old, place = self.current(), self._place
            assert place is not None
            key = chance.token_bytes(KEY_BYTES)
            wrapped = old.wrapped_fingerprints(Cipher(key))
            new = Cipher(key, fingerprints=wrapped)
            before = self._held
            place.keep((key, *before.values()))
            failpoints.reach("vault.key.kept")
            self._held = {new.key_id: key, **before}
            self._ciphers = {**self._ciphers, new.key_id: new}

            def write(tx: Transaction) -> None:
                self._wrap_all(tx, new, strict=True)
                secrets.keep_fingerprint_key(tx, new.key_id, wrapped)
                tx.journal(actor, "vault.rotated", "vault", {"key": new.key_id})

            try:
                self._write(write)
            except OpsError:
                place.keep(list(before.values()))
                self._held = before
                raise
            failpoints.reach("vault.rewrapped")
            self._current = new
            self._settle()

    def move(self, name: str, passphrase: str | None, actor: str) -> None:
        """Keep the key in the place called `name` and no longer where it was; make one where
        there is none. A passphrase takes the place of the one before.

        Invalid when nothing can be kept there.
        """
        with self._changing, self._looking:
            target = self._named(name)
            if self._current is None and (found := None if self._is_locked else self._look()):
                self._take(*found)
            if self._is_locked:
                raise VaultLocked("the vault is locked", hint=_UNLOCK)
            _choose(target, passphrase)
            keys = list(self._held.values()) or [chance.token_bytes(KEY_BYTES)]
            if not target.keep(keys):
                hint = _WHY_NOT.get(target.name, "")
                raise Invalid(f"nothing can be kept here: {target.name}", hint=hint)
            self._adopt(target, keys)
        self._write(lambda tx: tx.journal(actor, "vault.moved", "vault", {"unlocker": name}))

    def sealed(self, passphrase: str, actor: str) -> str:
        """The key as a text that `passphrase` opens: kept elsewhere, it makes a backup whole."""
        self.current()
        text = Wrapping.new(passphrase).seal(list(self._held.values()))
        self._write(lambda tx: tx.journal(actor, "vault.exported", "vault", {"key": self.key_id}))
        return text

    def bring(self, text: str, passphrase: str, actor: str) -> None:
        """Take the key out of a text that `sealed` made.

        Forbidden when it is another passphrase; Invalid when the key opens none of the secrets
        that are stored here.
        """
        keys = Wrapping.of(text, passphrase).open(text)
        with self._changing, self._looking:
            wanted = self._store.reader.read_now(secrets.key_ids)
            if wanted and not any(Cipher(key).key_id in wanted for key in keys):
                raise Invalid(
                    "that key opens none of the secrets that are stored here",
                    hint="bring the key that belongs to this home's database",
                )
            if any(Cipher(key).key_id == self.key_id for key in keys):
                raise Invalid("this home has that key already; nothing was changed")
            for place in self._passphrases():
                place.close()  # it would keep the key under a passphrase that may be forgotten
            self._adopt(self._keep_anywhere(keys), keys)
        self._settle()
        self._write(lambda tx: tx.journal(actor, "vault.imported", "vault", {"key": self.key_id}))

    # --- parts ------------------------------------------------------------------------------

    def _look(self) -> tuple[Unlocker, Sequence[bytes]] | None:
        """The place and the keys that open what is stored; None where no key was ever made."""
        wanted = self._store.reader.read_now(secrets.key_ids)
        is_another = False
        for place in reversed(self.places):  # the file first: it answers at once
            if keys := place.load():
                if not wanted or any(Cipher(key).key_id in wanted for key in keys):
                    return place, keys
                is_another = True
        if not wanted:
            return None
        where = " or ".join(
            place.place for place in self.places if not isinstance(place, SealedKey)
        )
        what = "another master key is" if is_another else "no master key is"
        raise EnvironmentFault(
            f"the stored secrets cannot be opened: {what} in the {where}",
            hint="put the key back, or `jobdeck vault import` it;"
            " it is not part of a backup of the database",
        )

    def _make(self) -> tuple[Unlocker, Sequence[bytes]]:
        keys = [chance.token_bytes(KEY_BYTES)]
        return self._keep_anywhere(keys), keys

    def _keep_anywhere(self, keys: Sequence[bytes]) -> Unlocker:
        """The best place that takes them."""
        for place in self.places:
            if place.keep(keys):
                return place
        raise EnvironmentFault("there is no place for a master key")

    def _take(self, place: Unlocker, keys: Sequence[bytes]) -> None:
        wanted = self._store.reader.read_now(secrets.key_ids)
        kept = self._store.reader.read_now(secrets.fingerprint_key)
        if kept is not None:
            wanted = {*wanted, kept[0]}
        held = {Cipher(key).key_id: key for key in keys}
        current = next((id_ for id_ in held if id_ in wanted), next(iter(held)))
        fingerprints = kept[1] if kept is not None and kept[0] == current else None
        try:
            cipher = Cipher(held[current], fingerprints=fingerprints)
        except Damaged as error:
            raise EnvironmentFault("the stored key of fingerprints is damaged") from error
        self._held, self._place = held, place
        self._ciphers = {**{id_: Cipher(key) for id_, key in held.items()}, current: cipher}
        self._current, self._is_locked = cipher, False
        waiting, self._tell_when_open = self._tell_when_open, []
        for tell in waiting:
            tell()

    def _settle(self) -> None:
        """Where two keys are held, let go of the one that nothing needs any more."""
        current, place = self.current(), self._place
        assert place is not None
        if len(self._held) > 1:
            self._write(lambda tx: self._wrap_all(tx, current, strict=False))
            place.keep([self._held[current.key_id]])
            failpoints.reach("vault.key.alone")
            self._held = {current.key_id: self._held[current.key_id]}
            self._ciphers = {current.key_id: current}

    def _wrap_all(self, tx: Transaction, new: Cipher, *, strict: bool) -> None:
        """Every secret under `new`; one that does not open stays as it lies, or is refused."""
        rows = [row for row in secrets.every(tx.connection) if row.key_id != new.key_id]
        for row in rows:
            cipher = self._ciphers.get(row.key_id)
            if cipher is None:
                continue  # nobody can open it, now or afterwards
            try:
                secrets.replace(tx, rewrapped(row, cipher, new))
            except Damaged as error:
                if strict:
                    raise Invalid(
                        f"the stored secret of {row.owner} is damaged; nothing was changed",
                        hint="give its text again; `jobdeck vault verify` finds all of them",
                    ) from error

    def _adopt(self, target: Unlocker, keys: Sequence[bytes]) -> None:
        """From now on only `target` keeps the keys, which it has already."""
        failpoints.reach("vault.key.moved")
        for place in self.places:
            if place is not target and (place is self._place or isinstance(place, SealedKey)):
                place.forget()
        self._take(target, keys)

    def _give(self, passphrase: str) -> None:
        sealed = [place for place in self._passphrases() if place.is_in_use]
        if not sealed:
            raise Invalid("this vault's key takes no passphrase")
        sealed[0].give(passphrase)

    def _passphrases(self) -> Sequence[SealedKey]:
        """The places that wait for a person."""
        sealed = [place for place in self.places if isinstance(place, SealedKey)]
        return [place for place in sealed if not isinstance(place, Credential)]

    def _named(self, name: str) -> Unlocker:
        known = {place.name: place for place in self.places}
        if name not in known:
            near = nearest(name, list(known))
            hint = f"did you mean {near!r}?" if near else f"one of: {', '.join(known)}"
            hint = _WHY_NOT.get(name, hint)
            raise Invalid(f"nothing here keeps keys under the name {name!r}", hint=hint)
        return known[name]

    def _write(self, write: Callable[[Transaction], Any]) -> None:
        self._store.writer.submit(write).result()


def _choose(target: Unlocker, passphrase: str | None) -> None:
    """Give the passphrase of what is kept next; Invalid where none fits or one is missing."""
    if isinstance(target, SealedKey) and not isinstance(target, Credential):
        if passphrase is None:
            problem = Problem(where="passphrase", what="is required")
            raise Invalid("the key is to lie under a passphrase", [problem])
        target.choose(passphrase)
    elif passphrase is not None:
        problem = Problem(where="passphrase", what="has no use here", hint="leave it out")
        raise Invalid(f"the key is to be kept by: {target.name}", [problem])

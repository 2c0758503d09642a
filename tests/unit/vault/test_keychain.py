"""The master key: where it is kept, what opens it, and another in its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from core import failpoints
from core.domain.values import SecretRef
from core.errors import EnvironmentFault, Forbidden, Invalid, VaultLocked
from core.ids import Ids, SequentialIds
from core.storage import secrets, tables
from core.storage.store import Store
from core.storage.writer import Transaction
from core.vault.cipher import Cipher
from core.vault.keychain import Keychain, State
from core.vault.unlockers import unlockers
from core.vault.vault import Vault

PASSPHRASE = "correct horse battery"


class MemoryPlace:
    """An unlocker that answers from memory."""

    def __init__(self, name: str, *keys: bytes, can_keep: bool = True) -> None:
        self.name = self.place = name
        self.keys: tuple[bytes, ...] = keys
        self.can_keep = can_keep

    def load(self) -> Sequence[bytes]:
        return self.keys

    def keep(self, keys: Sequence[bytes]) -> bool:
        if self.can_keep:
            self.keys = tuple(keys)
        return self.can_keep

    def forget(self) -> None:
        self.keys = ()


def write(store: Store, do: Callable[[Transaction], Any]) -> Any:
    return store.writer.submit(do).result(10)


def put(store: Store, vault: Vault, text: str) -> SecretRef:
    ref = write(store, lambda tx: vault.put(tx, "account/ops/spec.password", text))
    assert isinstance(ref, SecretRef)
    return ref


def opened(store: Store, vault: Vault, ref: SecretRef) -> str:
    return store.reader.read_now(lambda c: vault.open_secret(c, ref))


def reopened(home: Path, store: Store) -> Vault:
    """The vault as the next engine has it."""
    return Vault.open(home / "j" / "master.key", store, SequentialIds())


def key_ids(store: Store) -> set[str]:
    return set(store.reader.read_now(secrets.key_ids))


# --- which place ----------------------------------------------------------------------------


def test_a_new_key_goes_to_the_best_place_that_takes_it(store: Store, ids: Ids) -> None:
    none = MemoryPlace("none", can_keep=False)
    ring, file = MemoryPlace("keyring"), MemoryPlace("key file")
    keychain = Keychain(store, [none, ring, file])
    keychain.unlock()
    assert (keychain.unlocker, file.keys) == ("keyring", ())


def test_the_place_whose_key_fits_the_secrets_is_taken(store: Store, ids: Ids) -> None:
    ring, file = MemoryPlace("keyring", b"r" * 32), MemoryPlace("key file", b"f" * 32)
    ref = put(store, Vault(ids, Keychain(store, [ring])), "by the keyring's key")
    vault = Vault(ids, Keychain(store, [ring, file]))
    assert opened(store, vault, ref) == "by the keyring's key"
    assert vault.unlocker == "keyring"


# --- rotation -------------------------------------------------------------------------------


def test_a_rotation_leaves_every_secret_open_and_the_old_key_nowhere(
    home: Path, store: Store, vault: Vault
) -> None:
    ref = put(store, vault, "kept")
    before, file = key_ids(store), home / "j" / "master.key"
    old = file.read_text()
    fingerprint = vault.fingerprint("same")
    for _ in range(3):
        vault.keychain.rotate("ops")
    assert key_ids(store) == {vault.keychain.key_id}
    assert not key_ids(store) & before
    assert len(file.read_text().split()) == 1
    assert old.strip() not in file.read_text()
    for each in (vault, reopened(home, store)):
        assert opened(store, each, ref) == "kept"
        assert put(store, each, "kept") == ref
        assert each.fingerprint("same") == fingerprint


def test_a_rotation_with_no_secret_changes_the_key_too(
    home: Path, store: Store, vault: Vault
) -> None:
    vault.unlock()
    before = vault.keychain.key_id, vault.fingerprint("x")
    vault.keychain.rotate("ops")
    again = reopened(home, store)
    assert again.keychain.key_id == vault.keychain.key_id != before[0]
    assert again.fingerprint("x") == before[1]


def test_secrets_of_the_first_scheme_open_and_get_a_data_key_by_a_rotation(
    store: Store, ids: Ids
) -> None:
    vault = Vault(ids, Keychain(store, [MemoryPlace("key file", b"m" * 32)]))
    ref = put(store, vault, "old")
    first = Cipher(b"m" * 32)._first_scheme.encrypt(
        b"n" * 12, b"old", f"{ref.secret} account/ops/spec.password".encode()
    )
    old = {"nonce": b"n" * 12, "ciphertext": first, "wrapped_key": None}
    write(store, lambda tx: tx.connection.execute(tables.secret.update().values(**old)))
    assert opened(store, vault, ref) == "old"
    assert store.reader.read_now(secrets.counts) == (1, 1)
    vault.keychain.rotate("ops")
    assert opened(store, vault, ref) == "old"
    assert store.reader.read_now(secrets.counts) == (1, 0)


def test_a_damaged_secret_refuses_a_rotation_and_nothing_is_changed(
    home: Path, store: Store, vault: Vault
) -> None:
    put(store, vault, "x")
    before = key_ids(store), (home / "j" / "master.key").read_text()
    write(store, lambda tx: tx.connection.execute(tables.secret.update().values(owner="a/b/c")))
    with pytest.raises(Invalid, match="of a/b/c is damaged; nothing was changed"):
        vault.keychain.rotate("ops")
    assert (key_ids(store), (home / "j" / "master.key").read_text()) == before
    verdict = store.reader.read_now(vault.verify)
    assert (verdict.good, verdict.damaged, verdict.foreign) == (0, ["a/b/c"], [])


@pytest.mark.parametrize("point", ["vault.key.kept", "vault.rewrapped", "vault.key.alone"])
def test_wherever_a_rotation_ends_the_next_engine_opens_everything_and_keeps_one_key(
    home: Path, store: Store, vault: Vault, point: str
) -> None:
    refs = [put(store, vault, text) for text in ("one", "two")]
    failpoints.arm(f"{point}=error:EIO")
    try:
        with pytest.raises(OSError, match="Input/output"):
            vault.keychain.rotate("ops")
    finally:
        failpoints.arm("")
    again = reopened(home, store)
    assert [opened(store, again, ref) for ref in refs] == ["one", "two"]
    assert key_ids(store) == {again.keychain.key_id}
    assert len((home / "j" / "master.key").read_text().split()) == 1
    assert opened(store, again, put(store, again, "three")) == "three"


# --- a passphrase ---------------------------------------------------------------------------


def test_under_a_passphrase_a_vault_is_locked_until_somebody_gives_it(
    home: Path, store: Store, vault: Vault
) -> None:
    ref = put(store, vault, "kept")
    vault.keychain.move("passphrase", PASSPHRASE, "ops")
    assert not (home / "j" / "master.key").exists()
    assert opened(store, vault, ref) == "kept"
    again = reopened(home, store)
    assert again.keychain.state is State.LOCKED
    for use in (
        lambda: opened(store, again, ref),
        lambda: put(store, again, "x"),
        again.keychain.unlock,
    ):
        with pytest.raises(VaultLocked, match="jobdeck vault unlock"):
            use()
    with pytest.raises(Forbidden, match="not the passphrase"):
        again.keychain.unlock("another one")
    again.keychain.unlock(PASSPHRASE)
    assert opened(store, again, ref) == "kept"
    again.keychain.rotate("ops")
    third = reopened(home, store)
    third.keychain.unlock(PASSPHRASE)
    assert opened(store, third, ref) == "kept"
    third.keychain.move("key file", None, "ops")
    assert opened(store, reopened(home, store), ref) == "kept"
    assert not (home / "j" / "master.sealed").exists()


def test_a_locked_vault_opens_nothing_whatever_keeps_its_key(store: Store, vault: Vault) -> None:
    ref = put(store, vault, "kept")
    vault.keychain.lock("ops")
    assert vault.keychain.state is State.LOCKED
    with pytest.raises(VaultLocked, match="the vault is locked"):
        opened(store, vault, ref)
    for change in (
        lambda: vault.keychain.rotate("ops"),
        lambda: vault.keychain.move("key file", None, "ops"),
        lambda: vault.keychain.sealed(PASSPHRASE, "ops"),
    ):
        with pytest.raises(VaultLocked):
            change()
    with pytest.raises(Invalid, match="takes no passphrase"):
        vault.keychain.unlock(PASSPHRASE)
    vault.keychain.unlock()
    assert opened(store, vault, ref) == "kept"


@pytest.mark.parametrize(
    ("name", "passphrase", "says"),
    [
        ("passphrase", None, "passphrase: is required"),
        ("passphrase", "short", "at least 8 characters"),
        ("key file", PASSPHRASE, "has no use here"),
        ("systemd credential", None, "LoadCredentialEncrypted"),
        ("keyring", None, "JOBDECK_KEYRING is off"),
        ("pocket", None, "one of: systemd credential, passphrase, key file"),
        ("pasphrase", None, "did you mean 'passphrase'"),
    ],
)
def test_a_place_that_cannot_be_is_refused_and_the_key_stays(
    home: Path,
    store: Store,
    vault: Vault,
    name: str,
    passphrase: str | None,
    says: str,
) -> None:
    ref = put(store, vault, "kept")
    vault.keychain.places = unlockers(home / "j" / "master.key", "X", {"JOBDECK_KEYRING": "off"})
    with pytest.raises(Invalid, match=says):
        vault.keychain.move(name, passphrase, "ops")
    assert opened(store, reopened(home, store), ref) == "kept"


def test_a_systemd_credential_opens_the_vault_without_a_person(
    home: Path, store: Store, ids: Ids
) -> None:
    folder = home / "credentials"
    folder.mkdir()
    (folder / "jobdeck.passphrase").write_text("from the unit\n")
    file, given = home / "j" / "master.key", {"CREDENTIALS_DIRECTORY": str(folder)}

    def vault(environ: dict[str, str]) -> Vault:
        off = {"JOBDECK_KEYRING": "off", **environ}
        return Vault(ids, Keychain(store, unlockers(file, "X", off)))

    first = vault(given)
    ref = put(store, first, "kept")
    assert first.unlocker == "systemd credential"
    assert not file.exists()
    assert opened(store, vault(given), ref) == "kept"
    with pytest.raises(EnvironmentFault, match=r"LoadCredentialEncrypted=jobdeck\.passphrase"):
        opened(store, vault({}), ref)
    (folder / "jobdeck.passphrase").write_text("another one")
    with pytest.raises(Forbidden, match="not the passphrase"):
        opened(store, vault(given), ref)


# --- the key elsewhere ----------------------------------------------------------------------


def test_an_exported_key_opens_the_secrets_after_the_key_was_lost(
    home: Path, store: Store, vault: Vault
) -> None:
    ref = put(store, vault, "kept")
    text = vault.keychain.sealed(PASSPHRASE, "ops")
    (home / "j" / "master.key").unlink()
    again = reopened(home, store)
    with pytest.raises(EnvironmentFault, match="jobdeck vault import"):
        opened(store, again, ref)
    with pytest.raises(Forbidden, match="not the passphrase"):
        again.keychain.bring(text, "another one", "ops")
    again.keychain.bring(text, PASSPHRASE, "ops")
    for each in (again, reopened(home, store)):
        assert opened(store, each, ref) == "kept"


def test_an_exported_key_stands_in_for_a_forgotten_passphrase(
    home: Path, store: Store, vault: Vault
) -> None:
    ref = put(store, vault, "kept")
    text = vault.keychain.sealed(PASSPHRASE, "ops")
    vault.keychain.move("passphrase", "which is forgotten", "ops")
    again = reopened(home, store)
    again.keychain.bring(text, PASSPHRASE, "ops")
    assert opened(store, reopened(home, store), ref) == "kept"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "jobdeck-key-1:AAAA",
        json.dumps({"format": "jobdeck-sealed-keys-1", "salt": "", "memory_kib": 1}),
        json.dumps(
            {
                "format": "jobdeck-sealed-keys-1",
                "salt": "A" * 24,
                "memory_kib": 1 << 30,
                "passes": 3,
                "lanes": 4,
                "nonce": "",
                "ciphertext": "",
            }
        ),
    ],
)
def test_what_is_no_exported_key_is_refused_before_it_costs_anything(
    vault: Vault, text: str
) -> None:
    with pytest.raises(Invalid, match="no sealed key of Jobdeck"):
        vault.keychain.bring(text, PASSPHRASE, "ops")


def test_a_key_that_is_there_already_leaves_its_place_as_it_is(
    home: Path, store: Store, vault: Vault
) -> None:
    put(store, vault, "kept")
    vault.keychain.move("passphrase", PASSPHRASE, "ops")
    text = vault.keychain.sealed("of the export", "ops")
    with pytest.raises(Invalid, match="has that key already"):
        vault.keychain.bring(text, "of the export", "ops")
    assert not (home / "j" / "master.key").exists()
    assert reopened(home, store).keychain.needs_passphrase


def test_the_key_of_another_home_is_refused(store: Store, vault: Vault, ids: Ids) -> None:
    other = Keychain(store, [MemoryPlace("memory", b"o" * 32)]).sealed(PASSPHRASE, "ops")
    ref = put(store, vault, "kept")
    with pytest.raises(Invalid, match="opens none of the secrets"):
        vault.keychain.bring(other, PASSPHRASE, "ops")
    assert opened(store, vault, ref) == "kept"

"""The vault: references out, texts only through the door, one key a home."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from core.clock import ManualClock
from core.domain.documents import Document, parse
from core.domain.values import SecretRef
from core.errors import EnvironmentFault, Invalid
from core.ids import SequentialIds
from core.storage import tables
from core.storage.store import Store
from core.storage.writer import Transaction
from core.vault.keys import KeyFile
from core.vault.vault import Vault

OWNER = "account/ops/spec.password"


def write(store: Store, do: Callable[[Transaction], Any]) -> Any:
    return store.writer.submit(do).result(10)


def put(store: Store, vault: Vault, text: str, owner: str = OWNER) -> SecretRef:
    ref = write(store, lambda tx: vault.put(tx, owner, text))
    assert isinstance(ref, SecretRef)
    return ref


def opened(store: Store, vault: Vault, ref: SecretRef) -> str:
    return store.reader.read_now(lambda c: vault.open_secret(c, ref))


def count(store: Store) -> int:
    query = select(func.count()).select_from(tables.secret)
    return int(store.reader.read_now(lambda c: c.execute(query).scalar_one()))


def account(**spec: Any) -> Document:
    return parse({"kind": "account", "name": "ops", "spec": {"user": "u", **spec}})


# --- secrets --------------------------------------------------------------------------------


def test_a_text_comes_back_through_its_reference(store: Store, vault: Vault) -> None:
    assert opened(store, vault, put(store, vault, "pässword\n")) == "pässword\n"


def test_stored_texts_are_there_for_masking_while_the_vault_is_open(
    store: Store, vault: Vault
) -> None:
    def texts(least: int, most: int) -> list[str]:
        return store.reader.read_now(lambda c: list(vault.texts(c, least, most)))

    put(store, vault, "an old password")
    damaged = put(store, vault, "a damaged password", "account/b/spec.password")
    put(store, vault, "short", "account/c/spec.password")
    put(store, vault, "a new password", "account/d/spec.password")
    query = tables.secret.update().where(tables.secret.c.id == damaged.secret)
    write(store, lambda tx: tx.connection.execute(query.values(nonce=bytes(12))))

    assert texts(6, 10) == ["a new password", "an old password"]
    assert texts(1, 2) == ["a new password", "short"]
    vault.keychain.lock("ada")
    assert texts(1, 10) == []


def test_the_same_text_of_the_same_owner_keeps_its_reference(store: Store, vault: Vault) -> None:
    first = put(store, vault, "same")
    assert put(store, vault, "same") == first
    assert put(store, vault, "other") != first
    assert put(store, vault, "same", "account/ops2/spec.password") != first
    assert count(store) == 3


def test_equal_texts_of_two_owners_cannot_be_told_from_their_rows(
    store: Store, vault: Vault
) -> None:
    put(store, vault, "same", "a/b/c")
    put(store, vault, "same", "a/b/d")
    columns = select(tables.secret.c.fingerprint, tables.secret.c.ciphertext)
    rows = store.reader.read_now(lambda c: c.execute(columns).all())
    assert len({row.fingerprint for row in rows}) == len({row.ciphertext for row in rows}) == 2


def test_a_row_that_is_moved_to_another_owner_does_not_open(store: Store, vault: Vault) -> None:
    ref = put(store, vault, "mine")
    write(store, lambda tx: tx.connection.execute(tables.secret.update().values(owner="x/y/z")))
    with pytest.raises(EnvironmentFault, match="the stored secret of x/y/z is damaged"):
        opened(store, vault, ref)


def test_a_secret_that_is_gone_says_what_to_do(store: Store, vault: Vault) -> None:
    with pytest.raises(EnvironmentFault, match=r"no longer in the vault \(give its text again\)"):
        opened(store, vault, SecretRef(secret="0" * 26))


def test_forgetting_an_owner_leaves_its_neighbours(store: Store, vault: Vault) -> None:
    kept = [
        put(store, vault, "x", owner) for owner in ("run/1", "run/10/A", "run/1.5/A", "rum/1/A")
    ]
    for owner in ("run/1/A", "run/1/B", "run/1/deep/C"):
        put(store, vault, "x", owner)
    write(store, lambda tx: vault.delete_owner(tx, "run/1/"))
    assert [opened(store, vault, ref) for ref in kept] == ["x"] * 4
    assert count(store) == 4


def test_a_write_that_fails_keeps_no_secret(store: Store, vault: Vault) -> None:
    def fail(tx: Transaction) -> None:
        vault.put(tx, OWNER, "lost")
        raise Invalid("no")

    with pytest.raises(Invalid):
        write(store, fail)
    assert count(store) == 0


# --- documents ------------------------------------------------------------------------------


def test_a_document_is_sealed_and_recognised(store: Store, vault: Vault) -> None:
    given = account(password="one", become={"password": "two"})
    sealed = write(store, lambda tx: vault.seal(tx, given))
    assert isinstance(sealed.spec.password, SecretRef)
    assert isinstance(sealed.spec.become.password, SecretRef)
    assert opened(store, vault, sealed.spec.become.password) == "two"
    assert store.reader.read_now(lambda c: vault.recognise(c, given)) == sealed
    changed = account(password="new", become={"password": "two"})
    known = store.reader.read_now(lambda c: vault.recognise(c, changed))
    assert known.spec.become == sealed.spec.become
    assert known.spec.password == changed.spec.password
    assert write(store, lambda tx: vault.seal(tx, sealed)) == sealed


def test_a_reference_cannot_lend_the_secret_of_another_field(store: Store, vault: Vault) -> None:
    theirs = put(store, vault, "theirs", "account/root/spec.password")
    other_field = put(store, vault, "key text", "account/ops/spec.key")
    for ref in (theirs, other_field, SecretRef(secret="Z" * 26)):
        taken = account(password={"secret": ref.secret})
        with pytest.raises(Invalid) as in_write:
            write(store, lambda tx, taken=taken: vault.seal(tx, taken))
        with pytest.raises(Invalid) as in_plan:
            store.reader.read_now(lambda c, taken=taken: vault.recognise(c, taken))
        assert str(in_write.value) == str(in_plan.value)
        (problem,) = in_write.value.problems
        assert problem.where == "spec.password"
        assert problem.what == "is not a reference to this field's own secret"
    assert count(store) == 2


def test_forgetting_a_document_forgets_all_its_secrets(store: Store, vault: Vault) -> None:
    write(store, lambda tx: vault.seal(tx, account(password="1", become={"password": "2"})))
    put(store, vault, "3", "account/ops2/spec.password")
    write(store, lambda tx: vault.forget(tx, "account", "ops"))
    assert count(store) == 1


# --- the key --------------------------------------------------------------------------------


def test_no_key_is_made_before_it_is_needed(home: Path, store: Store, vault: Vault) -> None:
    assert not (home / "j" / "master.key").exists()
    assert vault.unlocker == "not opened yet"
    put(store, vault, "x")
    assert (home / "j" / "master.key").exists()
    assert vault.unlocker == "key file"


def test_secrets_open_after_a_restart(home: Path, store: Store, vault: Vault) -> None:
    ref = put(store, vault, "kept")
    again = Vault.open(home / "j" / "master.key", store, SequentialIds())
    assert again.unlocker == "key file"
    assert opened(store, again, ref) == "kept"


def test_a_lost_key_is_never_replaced_while_secrets_need_it(
    home: Path, store: Store, vault: Vault
) -> None:
    ref = put(store, vault, "locked away")
    (home / "j" / "master.key").rename(home / "safe")
    again = Vault.open(home / "j" / "master.key", store, SequentialIds())
    for use in (
        lambda: opened(store, again, ref),
        lambda: put(store, again, "new"),
        again.keychain.unlock,
    ):
        with pytest.raises(EnvironmentFault, match=r"no master key is in the .*put the key back"):
            use()
    assert not (home / "j" / "master.key").exists()
    (home / "safe").rename(home / "j" / "master.key")
    assert opened(store, again, ref) == "locked away"


def test_a_wrong_key_is_refused_at_once(home: Path, store: Store, vault: Vault) -> None:
    put(store, vault, "x")
    (home / "j" / "master.key").unlink()
    KeyFile(home / "j" / "master.key").keep([b"w" * 32])
    with pytest.raises(EnvironmentFault, match="another master key is in the"):
        Vault.open(home / "j" / "master.key", store, SequentialIds())


def test_after_the_last_secret_is_forgotten_a_lost_key_is_replaced(
    home: Path, store: Store, vault: Vault
) -> None:
    put(store, vault, "x")
    (home / "j" / "master.key").unlink()
    write(store, lambda tx: vault.delete_owner(tx, "account/ops/"))
    again = Vault.open(home / "j" / "master.key", store, SequentialIds())
    assert opened(store, again, put(store, again, "y")) == "y"


def test_a_secret_of_another_key_says_which(store: Store, vault: Vault) -> None:
    ref = put(store, vault, "x")
    write(store, lambda tx: tx.connection.execute(tables.secret.update().values(key_id="feed")))
    with pytest.raises(EnvironmentFault, match=r"another master key \(feed\)"):
        opened(store, vault, ref)


def test_another_home_has_another_key(home: Path, store: Store, vault: Vault) -> None:
    put(store, vault, "x")
    other_store = Store.open(home / "other", ManualClock(), SequentialIds())
    other = Vault.open(home / "other" / "master.key", other_store, SequentialIds())
    assert other.fingerprint("same") != vault.fingerprint("same")
    other_store.close()

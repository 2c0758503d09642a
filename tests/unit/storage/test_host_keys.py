"""Host keys on record: each once, every decision journalled."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.domain.hostkeys import KeySource, KeyStatus, KnownKey
from core.errors import NotFound
from core.storage import host_keys
from core.storage.host_keys import KeyRow
from core.storage.journal import read_after
from core.storage.store import Store
from core.storage.writer import Transaction


def public_key(seed: int) -> str:
    name = b"ssh-ed25519"
    blob = len(name).to_bytes(4, "big") + name + (32).to_bytes(4, "big") + bytes([seed]) * 32
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def key(pattern: str = "web1", seed: int = 1, **fields: Any) -> KnownKey:
    given = {"status": KeyStatus.PENDING, "host": "web1", **fields}
    return KnownKey(pattern=pattern, public_key=public_key(seed), **given)


def write(store: Store, do: Callable[[Transaction], Any]) -> Any:
    return store.writer.submit(do).result(10)


def add(store: Store, id_: str, known: KnownKey) -> KeyRow | None:
    row = write(store, lambda tx: host_keys.add(tx, id_, known, "engine"))
    assert row is None or isinstance(row, KeyRow)
    return row


def listed(store: Store, **where: Any) -> list[KeyRow]:
    return store.reader.read_now(lambda c: host_keys.list_keys(c, **where))


def events(store: Store) -> list[tuple[str, str, str]]:
    entries = store.reader.read_now(lambda c: read_after(c, 0, 100))
    return [(entry.type, entry.subject, entry.actor) for entry in entries]


def test_a_key_comes_back_as_it_was_put_on_record(store: Store, clock: ManualClock) -> None:
    pending = key()
    authority = key(
        "*.example.com", 2, status=KeyStatus.APPROVED, authority=True,
        source=KeySource.IMPORT, decided_by="me", host="",
    )  # fmt: skip
    add(store, "K1", pending)
    add(store, "K2", authority)
    first, second = listed(store)
    assert (first.id, first.key) == ("K1", pending)
    assert second.key.decided_at == clock.now()
    assert (second.key.authority, second.key.decided_by) == (True, "me")
    assert events(store) == [
        ("host_key.pending", "K1", "engine"),
        ("host_key.approved", "K2", "engine"),
    ]


def test_a_key_is_on_record_once_and_its_first_row_stays(store: Store) -> None:
    add(store, "K1", key(status=KeyStatus.REVOKED))
    assert add(store, "K2", key(status=KeyStatus.APPROVED)) is None
    assert add(store, "K3", key("web2", host="web2")) is not None
    assert add(store, "K4", key(seed=9)) is not None
    assert [(row.id, row.key.status) for row in listed(store)] == [
        ("K1", KeyStatus.REVOKED), ("K3", KeyStatus.PENDING), ("K4", KeyStatus.PENDING),
    ]  # fmt: skip
    assert len(events(store)) == 3


def test_a_decision_is_kept_with_who_and_when(store: Store, clock: ManualClock) -> None:
    add(store, "K1", key())
    clock.advance(timedelta(minutes=1))
    row = write(store, lambda tx: host_keys.decide(tx, "K1", KeyStatus.APPROVED, "me"))
    assert (row.key.status, row.key.decided_by) == (KeyStatus.APPROVED, "me")
    assert row.key.decided_at == clock.now()
    assert listed(store) == [row]
    assert events(store)[-1] == ("host_key.approved", "K1", "me")


def test_deciding_about_an_unknown_key_changes_nothing(store: Store) -> None:
    with pytest.raises(NotFound, match="host key 'K9' does not exist"):
        write(store, lambda tx: host_keys.decide(tx, "K9", KeyStatus.APPROVED, "me"))
    assert events(store) == []


def test_keys_are_listed_by_status_and_in_pages(store: Store) -> None:
    for n in range(5):
        status = KeyStatus.APPROVED if n % 2 else KeyStatus.PENDING
        add(store, f"K{n}", key(f"h{n}", n, status=status))
    assert [row.id for row in listed(store, status=KeyStatus.PENDING)] == ["K0", "K2", "K4"]
    assert [row.id for row in listed(store, after="K1", limit=2)] == ["K2", "K3"]

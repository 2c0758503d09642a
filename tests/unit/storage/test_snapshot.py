"""The snapshot: always the state of its connection, parsed anew only where it changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from core.domain.documents import Document, parse
from core.errors import NotFound, StorageFault
from core.ids import SequentialIds
from core.storage import document_rows, snapshot, tables
from core.storage.documents import Documents, Snapshot
from core.storage.store import Store
from core.storage.writer import Transaction
from core.vault.vault import Vault


def doc(kind: str, name: str, labels: dict[str, str] | None = None, **spec: Any) -> Document:
    return parse({"kind": kind, "name": name, "labels": labels or {}, "spec": spec})


@pytest.fixture
def writes(home: Path, store: Store, ids: SequentialIds) -> Documents:
    return Documents(Vault.open(home / "j" / "master.key", store, ids))


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the documents that were parsed from their rows."""
    names: list[str] = []
    original = document_rows.document_from

    def noted(kind: str, name: str, labels: str, spec: str) -> Document:
        names.append(name)
        return original(kind, name, labels, spec)

    monkeypatch.setattr(document_rows, "document_from", noted)
    return names


def write(store: Store, do: Callable[[Transaction], Any]) -> Any:
    return store.writer.submit(do).result(10)


def now(store: Store) -> Snapshot:
    return store.reader.read_now(snapshot.snapshot)


def test_documents_are_found_by_kind_and_name(store: Store, writes: Documents) -> None:
    batch = [
        doc("host", "web1", {"env": "prod"}, port=2222),
        doc("group", "web", hosts=["web1"], expression="env=prod"),
        doc("account", "ops", user="o"),
        doc("environment", "prod", confirm=True),
        doc("script", "hello", text="echo 1"),
        doc("job", "greet", steps=[{"name": "a", "kind": "script", "script": {"name": "hello"}}]),
    ]
    write(store, lambda tx: writes.apply(tx, batch, "me"))
    found = now(store)
    assert found.hosts["web1"].port == 2222
    assert found.groups["web"].hosts == ("web1",)
    assert found.accounts["ops"].user == "o"
    assert found.environments["prod"].confirm
    assert found.scripts["hello"].text == "echo 1"
    assert found.jobs["greet"].steps[0].name == "a"
    assert found.inventory.hosts["web1"].labels == {"env": "prod"}
    assert found.inventory.groups["web"].expression == "env=prod"
    assert found.job("greet")[1] == 1
    with pytest.raises(NotFound, match="did you mean 'greet'"):
        found.job("gret")


def test_scripts_are_found_at_any_revision(store: Store, writes: Documents) -> None:
    write(store, lambda tx: writes.create(tx, doc("script", "s", text="one"), "me"))
    write(store, lambda tx: writes.replace(tx, doc("script", "s", text="two"), "me"))
    found = now(store)
    assert [found.script("s", revision)[0].text for revision in (None, 2, 1)] == [
        "two",
        "two",
        "one",
    ]
    assert found.script("s", None)[1] == 2
    with pytest.raises(NotFound, match="revision 3 of script 's'"):
        found.script("s", 3)


def test_only_what_changed_is_parsed_again(
    store: Store, writes: Documents, parsed: list[str]
) -> None:
    batch = [doc("host", f"h{n}") for n in range(50)]
    write(store, lambda tx: writes.apply(tx, batch, "me"))
    parsed.clear()
    first = now(store)
    assert len(parsed) == 50
    parsed.clear()
    assert now(store) is first
    write(store, lambda tx: tx.journal("me", "run.state", "x", {}))
    assert now(store) is first
    assert parsed == []
    write(store, lambda tx: writes.replace(tx, doc("host", "h7", port=7), "me"))
    parsed.clear()
    second = now(store)
    assert parsed == ["h7"]
    assert (first.hosts["h7"].port, second.hosts["h7"].port) == (22, 7)


def test_a_writing_connection_sees_its_own_changes_and_leaves_none_behind(
    store: Store, writes: Documents
) -> None:
    write(store, lambda tx: writes.create(tx, doc("host", "kept"), "me"))
    now(store)

    def undone(tx: Transaction) -> None:
        writes.create(tx, doc("host", "undone"), "me")
        assert set(snapshot.snapshot(tx.connection).hosts) == {"kept", "undone"}
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        write(store, undone)
    assert set(now(store).hosts) == {"kept"}


def test_a_journal_that_was_cut_leads_to_a_full_reading(store: Store, writes: Documents) -> None:
    write(store, lambda tx: writes.create(tx, doc("host", "a"), "me"))
    now(store)
    write(store, lambda tx: writes.create(tx, doc("host", "b"), "me"))
    write(store, lambda tx: tx.journal("me", "run.state", "x", {}))
    old = delete(tables.journal).where(tables.journal.c.seq == 2)
    write(store, lambda tx: tx.connection.execute(old))
    assert set(now(store).hosts) == {"a", "b"}


def test_a_document_that_cannot_be_read_is_named(store: Store, writes: Documents) -> None:
    write(store, lambda tx: writes.create(tx, doc("host", "a"), "me"))
    spoilt = update(tables.document).values(spec='{"warp": 9}')
    write(store, lambda tx: tx.connection.execute(spoilt))
    with pytest.raises(StorageFault, match="the stored host a cannot be read"):
        now(store)


changes = st.lists(
    st.tuples(st.sampled_from(["put", "delete", "look"]), st.integers(0, 3), st.integers(1, 9)),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(changes)
def test_following_the_journal_gives_what_reading_everything_gives(
    store: Store, writes: Documents, steps: list[tuple[str, int, int]]
) -> None:
    for what, number, port in steps:
        name = f"h{number}"
        known = name in store.reader.read_now(
            lambda c: c.execute(select(tables.document.c.name)).scalars().all()
        )
        if what == "look":
            now(store)
        elif what == "delete" and known:
            write(store, lambda tx, n=name: writes.delete(tx, "host", n, "me"))
        elif what == "put":
            write(
                store, lambda tx, n=name, p=port: writes.apply(tx, [doc("host", n, port=p)], "me")
            )
    followed = now(store).stored
    whole = write(store, lambda tx: snapshot.snapshot(tx.connection).stored)
    assert followed == whole
    assert list(followed["host"]) == list(whole["host"])

"""Documents on record: one path for all kinds, checked as a whole, with a history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from core.clock import ManualClock
from core.domain.documents import Document, parse
from core.domain.values import SecretRef
from core.errors import AlreadyExists, InUse, Invalid, NotFound, OpsError, StaleRevision
from core.ids import SequentialIds
from core.storage import documents, tables
from core.storage.documents import Action, Documents, Filter, PlannedChange, StoredDocument
from core.storage.journal import read_after
from core.storage.store import Store
from core.storage.writer import Transaction
from core.vault.vault import Vault

ME = "me"


class Record:
    """The store's documents, in few words."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self.store = store
        self.vault = vault
        self.writes = Documents(vault)

    def write(self, do: Callable[[Transaction], Any]) -> Any:
        return self.store.writer.submit(do).result(20)

    def read(self, do: Callable[[Connection], Any]) -> Any:
        return self.store.reader.read_now(do)

    def create(
        self, kind: str, name: str, labels: dict[str, str] | None = None, **spec: Any
    ) -> StoredDocument:
        stored = self.write(lambda tx: self.writes.create(tx, doc(kind, name, labels, **spec), ME))
        assert isinstance(stored, StoredDocument)
        return stored

    def replace(self, new: Document, expected: int | None = None) -> StoredDocument:
        stored = self.write(lambda tx: self.writes.replace(tx, new, ME, expected))
        assert isinstance(stored, StoredDocument)
        return stored

    def delete(self, kind: str, name: str, expected: int | None = None) -> None:
        self.write(lambda tx: self.writes.delete(tx, kind, name, ME, expected))

    def apply(self, *batch: Document, prune: str | None = None) -> list[PlannedChange]:
        planned = self.read(lambda c: self.writes.plan(c, batch, prune))
        done: list[PlannedChange] = self.write(lambda tx: self.writes.apply(tx, batch, ME, prune))
        assert done == planned
        return done

    def get(self, kind: str, name: str) -> StoredDocument:
        stored = self.read(lambda c: documents.get(c, kind, name))
        assert isinstance(stored, StoredDocument)
        return stored

    def names(self, **where: Any) -> list[str]:
        found = self.read(lambda c: documents.list_documents(c, Filter(**where), limit=1000))
        assert self.read(lambda c: documents.count(c, Filter(**where))) == len(found)
        return [stored.document.name for stored in found]

    def events(self) -> list[tuple[str, str, dict[str, Any]]]:
        return [
            (entry.type, entry.subject, entry.data)
            for entry in self.read(lambda c: read_after(c, 0, 10_000))
        ]

    def dump(self) -> dict[str, list[Any]]:
        """Every row of every table; what a refused change must leave alone."""

        def rows(connection: Connection) -> dict[str, list[Any]]:
            return {
                table.name: [tuple(row) for row in connection.execute(select(table))]
                for table in tables.metadata.sorted_tables
            }

        found: dict[str, list[Any]] = self.read(rows)
        return found


def doc(kind: str, name: str, labels: dict[str, str] | None = None, **spec: Any) -> Document:
    return parse({"kind": kind, "name": name, "labels": labels or {}, "spec": spec})


def job(name: str, *steps: dict[str, Any], **spec: Any) -> Document:
    given = steps or ({"name": "one", "kind": "command", "command": "true"},)
    return doc("job", name, steps=list(given), **spec)


@pytest.fixture
def record(home: Path, store: Store, ids: SequentialIds) -> Record:
    return Record(store, Vault.open(home / "j" / "master.key", store, ids))


def refused(record: Record, do: Callable[[], Any], error: type[OpsError]) -> Any:
    """The error of `do`, which changed nothing."""
    before = record.dump()
    with pytest.raises(error) as caught:
        do()
    assert record.dump() == before
    return caught.value


# --- one document -----------------------------------------------------------------------------

KINDS: Sequence[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("environment", {"variables": {"A": "1"}}, {"confirm": True}),
    ("account", {"user": "root", "password": "hunter2"}, {"user": "ops", "agent": True}),
    ("host", {"address": "10.0.0.1"}, {"address": "10.0.0.2", "port": 2222}),
    ("group", {"expression": "env=prod"}, {"expression": "env=test"}),
    ("inventory-source", {"file": "/a", "every_s": 60}, {"command": "x", "format": "list"}),
    ("script", {"text": "echo 1"}, {"text": "echo 2", "language": "bash"}),
    (
        "job",
        {"steps": [{"name": "a", "kind": "command", "command": "x"}]},
        {"steps": [{"name": "a", "kind": "local", "command": "y"}], "concurrency": 5},
    ),
]


@pytest.mark.parametrize(("kind", "first", "second"), KINDS, ids=[kind for kind, _, _ in KINDS])
def test_every_kind_takes_the_same_path(
    record: Record, clock: ManualClock, kind: str, first: Any, second: Any
) -> None:
    created = record.create(kind, "x", {"env": "prod"}, **first)
    assert (created.revision, created.updated_by) == (1, ME)
    assert record.get(kind, "x") == created
    clock.advance(timedelta(seconds=5))
    replaced = record.replace(doc(kind, "x", **second), expected=1)
    assert replaced.revision == 2
    assert replaced.created_at == created.created_at < replaced.updated_at
    assert record.get(kind, "x").document.body()["spec"] == doc(kind, "x", **second).body()["spec"]
    record.delete(kind, "x", expected=2)
    with pytest.raises(NotFound):
        record.get(kind, "x")
    revisions = record.read(lambda c: documents.history(c, kind, "x"))
    assert [(r.revision, r.change, r.actor) for r in revisions] == [
        (3, "deleted", ME), (2, "replaced", ME), (1, "created", ME),
    ]  # fmt: skip
    old = record.read(lambda c: documents.at_revision(c, kind, "x", 1))
    assert old == created.document
    assert record.events() == [
        ("document.created", f"{kind}/x", {"revision": 1}),
        ("document.replaced", f"{kind}/x", {"revision": 2}),
        ("document.deleted", f"{kind}/x", {"revision": 3}),
    ]


def test_what_is_stored_is_what_was_given(record: Record) -> None:
    given = job(
        "deploy",
        {"name": "a", "kind": "command", "command": "x", "retry": {"times": 3}},
        {"name": "b", "kind": "script", "text": "echo 你好", "args": ["--x"]},
        parameters=[{"name": "VERSION", "type": "choice", "choices": ["1", "2"]}],
    )
    record.apply(given)
    assert record.get("job", "deploy").document == given


def test_a_name_that_is_taken_is_refused(record: Record) -> None:
    record.create("script", "x", text="a")
    error = refused(record, lambda: record.create("script", "x", text="b"), AlreadyExists)
    assert str(error) == "script 'x' already exists (replace it instead)"


def test_one_name_may_be_used_by_every_kind(record: Record) -> None:
    record.create("script", "x", text="a")
    record.create("environment", "x")
    assert record.get("script", "x").document.kind == "script"


def test_a_change_of_an_old_revision_is_refused(record: Record) -> None:
    record.create("script", "x", text="a")
    record.replace(doc("script", "x", text="b"))
    for do in (
        lambda: record.replace(doc("script", "x", text="c"), expected=1),
        lambda: record.replace(doc("script", "x", text="b"), expected=3),
        lambda: record.delete("script", "x", expected=1),
    ):
        error = refused(record, do, StaleRevision)
        assert "script 'x' is at revision 2, not" in str(error)


def test_replacing_with_the_same_content_changes_nothing(record: Record) -> None:
    record.create("account", "x", user="root", password="hunter2", become={"password": "p"})
    before = record.dump()
    same = doc("account", "x", user="root", become={"password": "p"}, password="hunter2")
    assert record.replace(same).revision == 1
    assert record.replace(record.get("account", "x").document).revision == 1
    explicit_default = doc(
        "account", "x", user="root", password="hunter2", become={"password": "p"}, agent=False
    )
    assert record.replace(explicit_default).revision == 1
    assert record.dump() == before


def test_a_name_that_nothing_has_suggests_the_nearest(record: Record) -> None:
    record.create("host", "web01")
    for do in (
        lambda: record.get("host", "web1"),
        lambda: record.replace(doc("host", "web1")),
        lambda: record.delete("host", "web1"),
        lambda: record.read(lambda c: documents.history(c, "host", "web1")),
    ):
        assert str(refused(record, do, NotFound)) == (
            "host 'web1' does not exist (did you mean 'web01'?)"
        )


def test_revisions_count_on_after_a_delete(record: Record) -> None:
    record.create("script", "x", text="a")
    record.delete("script", "x")
    assert record.create("script", "x", text="b").revision == 3
    with pytest.raises(NotFound, match="revision 2 of script 'x'"):
        record.read(lambda c: documents.at_revision(c, "script", "x", 2))
    assert record.read(lambda c: documents.at_revision(c, "script", "x", 1)).spec.text == "a"


# --- secrets ----------------------------------------------------------------------------------


def test_a_secret_is_stored_as_a_reference_that_opens(record: Record) -> None:
    stored = record.create("account", "x", user="root", password="hunter2")
    ref = stored.document.spec.password
    assert isinstance(ref, SecretRef)
    assert record.read(lambda c: record.vault.open_secret(c, ref)) == "hunter2"


def test_a_changed_secret_gets_a_new_reference_and_the_others_keep_theirs(record: Record) -> None:
    first = record.create("account", "x", user="u", password="one", become={"password": "two"})
    (change,) = record.apply(
        doc("account", "x", user="u", password="new", become={"password": "two"})
    )
    assert change.action is Action.CHANGE
    assert [(c.path, c.before, c.after) for c in change.diff] == [
        ("spec.password", "(secret)", "(new secret)")
    ]
    second = record.get("account", "x").document.spec
    assert second.become == first.document.spec.become
    assert second.password != first.document.spec.password


def test_what_was_read_can_be_written_back(record: Record) -> None:
    record.create("account", "x", user="u", password="one")
    body = record.get("account", "x").document.body()
    body["spec"]["user"] = "other"
    stored = record.replace(parse(body))
    assert record.read(
        lambda c: record.vault.open_secret(c, stored.document.spec.password)
    ) == "one"  # fmt: skip


def test_the_reference_of_another_document_is_refused(record: Record) -> None:
    theirs = record.create("account", "root", user="root", password="one").document.spec.password
    mine = doc("account", "mine", user="u", password={"secret": theirs.secret})
    for do in (
        lambda: record.write(lambda tx: record.writes.create(tx, mine, ME)),
        lambda: record.apply(mine),
        lambda: record.read(lambda c: record.writes.plan(c, [mine])),
    ):
        error = refused(record, do, Invalid)
        assert "spec.password: is not a reference to this field's own secret" in str(error)


def test_a_deleted_document_takes_its_secrets_along(record: Record) -> None:
    record.create("account", "x", user="u", password="one", become={"password": "two"})
    record.create("account", "x2", user="u", password="three")
    record.delete("account", "x")
    owners = record.read(lambda c: c.execute(select(tables.secret.c.owner)).scalars().all())
    assert owners == ["account/x2/spec.password"]


def test_the_text_of_a_secret_cannot_reach_a_row(record: Record) -> None:
    class Careless:
        def recognise(self, connection: Connection, document: Document) -> Document:
            return document

        def seal(self, tx: Transaction, document: Document) -> Document:
            return document

        def forget(self, tx: Transaction, kind: str, name: str) -> None:
            raise AssertionError

    careless = Documents(Careless())
    new = doc("account", "x", user="u", become={"password": "hunter2"})
    before = record.dump()
    with pytest.raises(AssertionError, match=r"spec\.become\.password: the text of a secret"):
        record.write(lambda tx: careless.create(tx, new, ME))
    assert record.dump() == before


# --- references -------------------------------------------------------------------------------


def test_every_broken_reference_is_listed_with_a_suggestion(record: Record) -> None:
    record.create("account", "deploy", user="d")
    record.create("host", "web01")
    record.create("group", "frontend", hosts=["web01"])
    broken = job(
        "release",
        {"name": "a", "kind": "command", "command": "x", "run_as": "deploi"},
        {"name": "b", "kind": "script", "script": {"name": "nothing-like-it"}},
        {"name": "c", "kind": "command", "command": "x", "targets": "@frontent,web1"},
        targets="web01",
    )
    error = refused(record, lambda: record.apply(broken), Invalid)
    assert error.message == "job release is not valid"
    assert [str(problem) for problem in error.problems] == [
        "spec.steps[0].run_as: account 'deploi' does not exist (did you mean 'deploy'?)",
        "spec.steps[1].script: script 'nothing-like-it' does not exist",
        "spec.steps[2].targets: host 'web1' does not exist (did you mean 'web01'?)",
        "spec.steps[2].targets: group 'frontent' does not exist (did you mean 'frontend'?)",
    ]


def test_a_batch_names_the_document_of_each_problem(record: Record) -> None:
    batch = (doc("host", "a", account="x"), doc("host", "b", environment="y"), doc("host", "c"))
    error = refused(record, lambda: record.apply(*batch), Invalid)
    assert [problem.where for problem in error.problems] == [
        "host/a spec.account",
        "host/b spec.environment",
    ]


def test_a_batch_may_be_in_any_order(record: Record) -> None:
    record.apply(
        job("deploy", targets="@web"),
        doc("group", "web", expression="@base or web1"),
        doc("group", "base", hosts=["web1"]),
        doc("host", "web1", account="ops", jump=["gate"]),
        doc("account", "ops", user="o"),
        doc("host", "gate"),
    )
    assert record.names(kind="host") == ["gate", "web1"]


def test_what_others_use_is_not_deleted(record: Record) -> None:
    record.apply(
        doc("host", "web1"), doc("host", "web2", jump=["web1"]), doc("group", "g", hosts=["web1"])
    )
    error = refused(record, lambda: record.delete("host", "web1"), InUse)
    assert str(error) == (
        "host 'web1' is used by group/g, host/web2 (change or delete those first)"
    )
    assert record.read(lambda c: documents.users_of(c, "host", "web1")) == [
        ("group", "g"),
        ("host", "web2"),
    ]
    record.delete("group", "g")
    record.replace(doc("host", "web2"))
    record.delete("host", "web1")


def test_many_users_are_counted_instead_of_listed(record: Record) -> None:
    hosts = [doc("host", f"h{n:02}", account="ops") for n in range(25)]
    record.apply(doc("account", "ops", user="o"), *hosts)
    error = refused(record, lambda: record.delete("account", "ops"), InUse)
    assert "host/h09 and 15 more" in str(error)


def test_what_nobody_uses_any_more_can_go(record: Record) -> None:
    record.apply(doc("group", "g", expression="web1"), doc("host", "web1"))
    record.delete("group", "g")
    record.delete("host", "web1")
    assert record.names() == []


@pytest.mark.parametrize(
    "batch",
    [
        [doc("group", "a", expression="@a or x1")],
        [doc("group", "a", expression="@b"), doc("group", "b", expression="@a")],
        [doc("group", "a", expression="@b"), doc("group", "b", expression="env=x and !(@c)"),
         doc("group", "c", hosts=["x1"], expression="@a")],
    ],
    ids=["itself", "two", "three"],
)  # fmt: skip
def test_groups_that_contain_each_other_are_refused(record: Record, batch: list[Document]) -> None:
    record.create("host", "x1")
    error = refused(record, lambda: record.apply(*batch), Invalid)
    assert "groups contain each other: " in str(error)
    assert " -> " in str(error)


def test_a_circle_through_stored_groups_is_refused(record: Record) -> None:
    record.apply(
        doc("group", "a", expression="@b"), doc("group", "b", expression="@c"),
        doc("group", "c", expression="env=x"),
    )  # fmt: skip
    error = refused(record, lambda: record.replace(doc("group", "c", expression="@a")), Invalid)
    assert "spec.expression: groups contain each other: " in str(error)
    record.apply(doc("group", "a", expression="env=y"), doc("group", "c", expression="@a"))


# --- batches ----------------------------------------------------------------------------------


def test_a_batch_says_what_it_does_to_each_document(record: Record) -> None:
    record.apply(doc("host", "a", port=22), doc("host", "b", port=2222))
    changes = record.apply(
        doc("host", "b", port=2200), doc("host", "c", {"env": "prod"}), doc("host", "a")
    )
    assert [(c.name, c.action.value) for c in changes] == [
        ("b", "change"),
        ("c", "create"),
        ("a", "unchanged"),
    ]
    assert [(f.path, f.before, f.after) for f in changes[0].diff] == [("spec.port", 2222, 2200)]
    assert [(f.path, f.before, f.after) for f in changes[1].diff] == [("labels.env", None, "prod")]
    assert changes[2].diff == ()


def test_one_broken_document_stops_the_batch(record: Record) -> None:
    batch = [*(doc("host", f"h{n}") for n in range(5)), doc("host", "bad", account="none")]
    refused(record, lambda: record.apply(*batch), Invalid)
    refused(
        record,
        lambda: record.write(lambda tx: record.writes.apply(tx, batch, ME)),
        Invalid,
    )


def test_a_plan_writes_nothing(record: Record) -> None:
    record.create("account", "x", user="u", password="one")
    before = record.dump()
    batch = [doc("account", "x", user="u", password="two"), doc("host", "a", account="x")]
    record.read(lambda c: record.writes.plan(c, batch))
    assert record.dump() == before


def test_a_document_that_stands_twice_is_refused(record: Record) -> None:
    error = refused(record, lambda: record.apply(doc("host", "a"), doc("host", "a")), Invalid)
    assert [str(problem) for problem in error.problems] == ["host/a: stands twice in this batch"]


def test_prune_deletes_what_the_selector_chooses_and_the_batch_lacks(record: Record) -> None:
    ours = {"app": "shop"}
    record.apply(
        doc("host", "a", ours), doc("host", "b", ours), doc("group", "g", ours, hosts=["b"]),
        doc("host", "theirs", {"app": "mail"}),
    )  # fmt: skip
    changes = record.apply(doc("host", "a", ours), prune="app=shop")
    assert [(c.kind, c.name, c.action.value) for c in changes] == [
        ("host", "a", "unchanged"),
        ("group", "g", "delete"),
        ("host", "b", "delete"),
    ]
    assert record.names() == ["a", "theirs"]


def test_prune_does_not_pull_the_ground_from_under_others(record: Record) -> None:
    ours = {"app": "shop"}
    record.apply(doc("host", "a", ours), doc("host", "b", ours), doc("group", "g", hosts=["b"]))
    error = refused(record, lambda: record.apply(doc("host", "a", ours), prune="app=shop"), InUse)
    assert "host 'b' is used by group/g" in str(error)
    user = doc("group", "new", hosts=["b"])
    error = refused(record, lambda: record.apply(user, prune="app=shop"), Invalid)
    assert "host 'b' does not exist" in str(error)
    record.apply(doc("group", "g", hosts=["a"]), doc("host", "a", ours), prune="app=shop")
    assert record.names(kind="host") == ["a"]


def test_prune_without_a_selector_is_refused(record: Record) -> None:
    refused(record, lambda: record.apply(doc("host", "a"), prune=" "), Invalid)


def test_a_large_batch_is_one_transaction_and_counts_every_document(record: Record) -> None:
    batch = [doc("host", f"h{n:04}", {"n": str(n % 7)}, account="ops") for n in range(3000)]
    record.apply(doc("account", "ops", user="o"), *batch)
    assert len(record.names(kind="host", selector="n=3")) == len(range(3, 3000, 7))
    assert len(record.events()) == 3001
    changes = record.apply(*batch)
    assert {change.action for change in changes} == {Action.UNCHANGED}
    assert len(record.events()) == 3001


# --- lists ------------------------------------------------------------------------------------


@pytest.fixture
def fleet(record: Record) -> Record:
    record.apply(
        doc("host", "web1", {"env": "prod", "role": "web"}, address="shop.example.com"),
        doc("host", "web2", {"env": "test", "role": "web"}),
        doc("host", "db1", {"env": "prod", "role": "db", "legacy": ""}),
        doc("host", "Ärger", {"motd": '100% "übel"'}),
        doc("account", "web1", {"env": "prod"}, user="50_x"),
    )
    return record


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("env=prod", ["web1", "db1", "web1"]),
        ("env=prod,role=web", ["web1"]),
        ("role in (web,db)", ["db1", "web1", "web2"]),
        ("env!=prod", ["web2", "Ärger"]),
        ("env notin (prod,test)", ["Ärger"]),
        ("has(legacy)", ["db1"]),
        ("env=prod,!legacy", ["web1", "web1"]),
        ("web*", ["web1", "web1", "web2"]),
        ("web[1-3] and env=test", ["web2"]),
        ("all", ["web1", "db1", "web1", "web2", "Ärger"]),
    ],
)
def test_lists_are_narrowed_by_selectors(fleet: Record, selector: str, expected: list[str]) -> None:
    assert sorted(fleet.names(selector=selector)) == sorted(expected)


def test_a_group_is_no_selector(fleet: Record) -> None:
    with pytest.raises(Invalid, match="@web is a group of hosts"):
        fleet.names(selector="@web")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WEB", ["web1", "web1", "web2"]),
        ("web shop", ["web1"]),
        ("example.com", ["web1"]),
        ('100% "übel', ["Ärger"]),
        ("0_x", ["web1"]),
        ("5%x", []),
        ("nowhere", []),
    ],
)
def test_lists_are_searched_for_words(fleet: Record, text: str, expected: list[str]) -> None:
    assert sorted(fleet.names(text=text)) == sorted(expected)


def test_pages_join_to_the_whole_while_documents_come_and_go(fleet: Record) -> None:
    def page(after: tuple[str, str] | None, **where: Any) -> list[tuple[str, str]]:
        found = fleet.read(
            lambda c: documents.list_documents(c, Filter(**where), after=after, limit=2)
        )
        return [stored.key for stored in found]

    first = page(None)
    assert first == [("account", "web1"), ("host", "db1")]
    fleet.delete("host", "db1")
    fleet.create("host", "aaa")
    second = page(first[-1])
    assert second == [("host", "web1"), ("host", "web2")]
    assert page(second[-1]) == [("host", "Ärger")]
    assert page(("host", "Ärger")) == []
    assert page(("host", "aaa"), kind="host") == [("host", "web1"), ("host", "web2")]


def test_labels_and_references_follow_the_document(record: Record) -> None:
    record.apply(doc("account", "ops", user="o"), doc("host", "a", {"env": "x"}, account="ops"))
    record.replace(doc("host", "a", {"tier": "1"}))
    assert record.names(selector="env=x") == []
    assert record.names(selector="tier=1") == ["a"]
    assert record.read(lambda c: documents.users_of(c, "account", "ops")) == []
    record.delete("host", "a")
    for table in (tables.document_label, tables.document_reference):
        assert (
            record.read(lambda c, t=table: c.execute(select(func.count()).select_from(t)).scalar())
            == 0
        )

"""Storage against a simple model: what goes in comes out, and plans keep their promise."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.clock import ManualClock
from core.domain.documents import Document, parse
from core.errors import AlreadyExists, InUse, Invalid, NotFound
from core.ids import SequentialIds
from core.storage import documents
from core.storage.documents import Action, Documents, Filter
from core.storage.journal import read_after
from core.storage.store import Store
from core.vault.vault import Vault

names = st.sampled_from(["a", "b", "c", "ä"])
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
labels = st.dictionaries(st.sampled_from(["env", "x.y/z"]), words, max_size=2)

hosts = st.fixed_dictionaries(
    {},
    optional={
        "port": st.integers(1, 65535),
        "account": names,
        "variables": st.dictionaries(st.sampled_from(["A", "B"]), words, max_size=2),
        "jump": st.lists(names, max_size=2),
    },
)
accounts = st.fixed_dictionaries(
    {"user": st.just("u")}, optional={"password": st.sampled_from(["one", "two", "drei\n"])}
)
groups = st.one_of(
    st.fixed_dictionaries({"hosts": st.lists(names, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"expression": names.map(lambda name: f"@{name} or env=prod")}),
)
specs = {"host": hosts, "account": accounts, "group": groups}


@st.composite
def documents_(draw: st.DrawFn) -> Document:
    kind = draw(st.sampled_from(sorted(specs)))
    raw = {"kind": kind, "name": draw(names), "labels": draw(labels), "spec": draw(specs[kind])}
    return parse(raw)


class DocumentsMachine(RuleBasedStateMachine):
    """Every rule does the same to the store and to a dictionary of plain documents."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        ids = SequentialIds()
        home = Path(self._folder.name)
        self.store = Store.open(home, ManualClock(), ids)
        self.vault = Vault.open(home / "master.key", self.store, ids)
        self.writes = Documents(self.vault)
        self.model: dict[tuple[str, str], Document] = {}
        self.revisions: dict[tuple[str, str], int] = {}

    def teardown(self) -> None:
        self.store.close()
        self._folder.cleanup()

    def write(self, do: Any) -> Any:
        return self.store.writer.submit(do).result(20)

    def fits(self, after: dict[tuple[str, str], Document]) -> bool:
        """Whether nothing in `after` names what is not there, and no groups contain each other."""
        edges: dict[str, set[str]] = {}
        for (kind, name), document in after.items():
            for to in documents_references(document):
                if to not in after:
                    return False
                if kind == to[0] == "group":
                    edges.setdefault(name, set()).add(to[1])
        return not any(reaches(edges, name, name) for name in edges)

    def expect(self, after: dict[tuple[str, str], Document], do: Any) -> None:
        changed = {
            key
            for key in {*self.model, *after}
            if key not in self.model
            or key not in after
            or self.model[key].body() != after[key].body()
            or secrets(self.model[key]) != secrets(after[key])
        }
        if self.fits(after):
            do()
            self.model = after
            for key in changed:
                self.revisions[key] = self.revisions.get(key, 0) + 1
        else:
            try:
                do()
            except (Invalid, InUse):
                return
            raise AssertionError("a change that leaves a broken reference was taken")

    @rule(new=documents_())
    def create(self, new: Document) -> None:
        key = (new.kind, new.name)
        if key in self.model:
            try:
                self.write(lambda tx: self.writes.create(tx, new, "me"))
            except AlreadyExists:
                return
            raise AssertionError("a taken name was given away")
        self.expect(
            {**self.model, key: new},
            lambda: self.write(lambda tx: self.writes.create(tx, new, "me")),
        )

    @rule(new=documents_())
    def replace(self, new: Document) -> None:
        key = (new.kind, new.name)
        if key not in self.model:
            try:
                self.write(lambda tx: self.writes.replace(tx, new, "me"))
            except NotFound:
                return
            raise AssertionError("nothing was replaced")
        self.expect(
            {**self.model, key: new},
            lambda: self.write(lambda tx: self.writes.replace(tx, new, "me")),
        )

    @rule(kind=st.sampled_from(sorted(specs)), name=names)
    def delete(self, kind: str, name: str) -> None:
        if (kind, name) in self.model:
            after = {key: doc for key, doc in self.model.items() if key != (kind, name)}
            self.expect(
                after, lambda: self.write(lambda tx: self.writes.delete(tx, kind, name, "me"))
            )

    @rule(batch=st.lists(documents_(), max_size=6, unique_by=lambda d: (d.kind, d.name)))
    def apply(self, batch: list[Document]) -> None:
        after = {**self.model, **{(new.kind, new.name): new for new in batch}}

        def do() -> None:
            planned = self.store.reader.read_now(lambda c: self.writes.plan(c, batch))
            done = self.write(lambda tx: self.writes.apply(tx, batch, "me"))
            assert done == planned
            for change, new in zip(done, batch, strict=True):
                known = self.model.get((new.kind, new.name))
                assert (change.action is Action.CREATE) == (known is None)

        self.expect(after, do)

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        found = self.store.reader.read_now(
            lambda c: documents.list_documents(c, Filter(), limit=1000)
        )
        assert [stored.key for stored in found] == sorted(self.model)
        for stored in found:
            expected = self.model[stored.key]
            assert stored.document.labels == expected.labels
            assert stored.revision == self.revisions[stored.key]
            opened = self.store.reader.read_now(lambda c, s=stored: self.opened(c, s.document))
            assert opened == secrets(expected)
            hidden = {"password": None}
            assert stored.document.spec.model_copy(update=hidden) == expected.spec.model_copy(
                update=hidden
            )

    @invariant()
    def every_change_is_in_the_journal(self) -> None:
        entries = self.store.reader.read_now(lambda c: read_after(c, 0, 100_000))
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        last = {entry.subject: entry.data["revision"] for entry in entries}
        assert last == {"/".join(key): revision for key, revision in self.revisions.items()}

    def opened(self, connection: Any, document: Document) -> str | None:
        ref = getattr(document.spec, "password", None)
        return None if ref is None else self.vault.open_secret(connection, ref)


def secrets(document: Document) -> str | None:
    password = getattr(document.spec, "password", None)
    return None if password is None else str(password.get_secret_value())


def documents_references(document: Document) -> list[tuple[str, str]]:
    """The model's own reading of what a document names."""
    spec = document.spec
    if document.kind == "host":
        return [("account", spec.account)] * bool(spec.account) + [("host", n) for n in spec.jump]
    if document.kind == "group":
        inner = [("group", spec.expression[1:].split()[0])] if spec.expression else []
        return [("host", name) for name in spec.hosts] + inner
    return []


def reaches(edges: dict[str, set[str]], start: str, goal: str) -> bool:
    seen: set[str] = set()
    waiting = list(edges.get(start, ()))
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            waiting += edges.get(name, ())
    return False


TestDocuments = DocumentsMachine.TestCase
TestDocuments.settings = settings(max_examples=12, stateful_step_count=20)

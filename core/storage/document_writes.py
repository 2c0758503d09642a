"""Changing documents: a batch is planned, checked as a whole, then written in one transaction.

A single change is a batch of one. Nothing is written before everything is
known to fit: names, revisions, secrets, references, circles of groups. Every
change leaves a revision and a journal entry; writing what is already there
changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select

from core import failpoints
from core.domain import document_dangers
from core.domain.changes import FieldChange, diff
from core.domain.command_rules import Hit
from core.domain.documents import Document
from core.domain.files.contents import KIND
from core.errors import AlreadyExists, Invalid, NotFound, Problem, StaleRevision
from core.storage import contents, document_shells, hosts, references, selectors
from core.storage import document_checks as checks
from core.storage.document_rows import (
    Key,
    StoredDocument,
    body_of,
    columns_of,
    find_all,
    rows_of,
)
from core.storage.tables import document, document_label, document_reference, document_revision
from core.storage.writer import Transaction


class Action(StrEnum):
    """What applying does to one document."""

    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    DELETE = "delete"


_JOURNALLED = {Action.CREATE: "created", Action.CHANGE: "replaced", Action.DELETE: "deleted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """What applying does, or did, to one document."""

    kind: str
    name: str
    action: Action
    diff: tuple[FieldChange, ...]
    """The fields that differ; all of them for a document that comes or goes."""
    dangers: tuple[Hit, ...] = ()
    """Rules for dangerous commands that it meets, where it is written."""


class Sealer(Protocol):
    """Keeps the texts of secrets and gives references for them."""

    def recognise(self, connection: Connection, document: Document) -> Document:
        """With the texts that the document has already replaced by their references."""

    def seal(self, tx: Transaction, document: Document) -> Document:
        """With every text kept and replaced; Invalid for a reference that is not its own."""

    def forget(self, tx: Transaction, kind: str, name: str) -> None:
        """Forget every secret of a document."""


@dataclass(frozen=True, slots=True)
class _Change:
    """One document's way from `before` to `after`; one of the two may be missing."""

    before: StoredDocument | None
    after: Document | None
    action: Action
    diff: tuple[FieldChange, ...]
    dangers: tuple[Hit, ...] = ()

    @property
    def key(self) -> Key:
        if self.after is not None:
            return self.after.kind, self.after.name
        assert self.before is not None
        return self.before.key


class Documents:
    """Writes documents; each method runs inside one transaction of the writer."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def create(self, tx: Transaction, new: Document, actor: str) -> StoredDocument:
        """Store a new document; AlreadyExists when its name is taken."""
        if find_all(tx.connection, [(new.kind, new.name)]):
            raise AlreadyExists(
                f"{new.kind} {new.name!r} already exists", hint="replace it instead"
            )
        return self._write_one(tx, new, actor)

    def replace(
        self, tx: Transaction, new: Document, actor: str, expected_revision: int | None = None
    ) -> StoredDocument:
        """Put `new` in the place of the document of its name; the same content changes nothing.

        StaleRevision when the current revision is not the expected one.
        """
        self._expect(tx.connection, new.kind, new.name, expected_revision)
        return self._write_one(tx, new, actor)

    def delete(
        self,
        tx: Transaction,
        kind: str,
        name: str,
        actor: str,
        expected_revision: int | None = None,
    ) -> None:
        """Delete a document and its secrets; InUse names the documents that refer to it."""
        self._expect(tx.connection, kind, name, expected_revision)
        self._write(tx, self._planned(tx.connection, [], [(kind, name)]), actor)

    def plan(
        self,
        connection: Connection,
        batch: Sequence[Document],
        prune: str | None = None,
        coming: Sequence[str] = (),
    ) -> list[PlannedChange]:
        """What `apply` would do; raises what it would raise and writes nothing.

        `coming`: contents that will be there by then.
        """
        removed = _selected(connection, batch, prune)
        return _shown(self._planned(connection, batch, removed, coming))

    def apply(
        self, tx: Transaction, batch: Sequence[Document], actor: str, prune: str | None = None
    ) -> list[PlannedChange]:
        """Create and replace, all or nothing, in any order.

        `prune` is a selector: documents that it chooses and that are not in the batch
        are deleted. Invalid lists every problem of every document.
        """
        changes = self._planned(tx.connection, batch, _selected(tx.connection, batch, prune))
        failpoints.reach("documents.planned")
        self._write(tx, changes, actor)
        failpoints.reach("documents.written")
        return _shown(changes)

    # --- planning ---------------------------------------------------------------------------

    def _planned(
        self,
        connection: Connection,
        batch: Sequence[Document],
        removed: Collection[Key],
        coming: Sequence[str] = (),
    ) -> list[_Change]:
        keys = [(new.kind, new.name) for new in batch]
        checks.refuse_twice(keys)
        known = find_all(connection, [*keys, *removed])
        recognised, problems = self._recognised(connection, batch)
        problems += checks.broken_references(connection, recognised, set(removed), coming)
        problems += checks.misfitting_parameters(connection, recognised)
        if problems:
            raise checks.invalid(batch, problems)
        checks.refuse_cycles(connection, recognised)
        checks.refuse_used(connection, set(removed), set(keys))
        changes = [_change(known.get((new.kind, new.name)), new) for new in recognised]
        changes = self._judged(connection, changes, batch, removed)
        return changes + [_change(known[key], None) for key in removed]

    def _judged(
        self,
        connection: Connection,
        changes: Sequence[_Change],
        batch: Sequence[Document],
        removed: Collection[Key],
    ) -> list[_Change]:
        """The changes with the rules that each meets; Invalid where one may not be written."""
        changed = [change.after for change in changes if change.after and change.diff]
        if not any(text for new in changed for text in document_dangers.texts(new)):
            return list(changes)
        rules = document_dangers.rules(checks.rules(connection, batch, removed))
        shells = document_shells.shells(connection, batch, removed)
        judged = [
            replace(change, dangers=document_dangers.find(change.after, rules, shells))
            if change.after and change.diff
            else change
            for change in changes
        ]
        refused = [
            (change.after, problem)
            for change in judged
            if change.after
            for problem in document_dangers.refusals(change.after, change.dangers, rules, shells)
        ]
        if refused:
            raise checks.invalid(batch, refused)
        return judged

    def _recognised(
        self, connection: Connection, batch: Sequence[Document]
    ) -> tuple[list[Document], list[tuple[Document, Problem]]]:
        recognised, problems = [], []
        for new in batch:
            try:
                recognised.append(self._sealer.recognise(connection, new))
            except Invalid as error:
                problems += [(new, problem) for problem in error.problems]
                recognised.append(new)
        return recognised, problems

    def _expect(self, connection: Connection, kind: str, name: str, revision: int | None) -> None:
        row = connection.execute(
            select(document.c.revision).where(document.c.kind == kind, document.c.name == name)
        ).first()
        if row is None:
            raise NotFound(kind, name, checks.names(connection, kind))
        if revision is not None and row.revision != revision:
            raise StaleRevision(
                f"{kind} {name!r} is at revision {row.revision}, not {revision}",
                hint="read it again, then repeat the change",
            )

    # --- writing ----------------------------------------------------------------------------

    def _write_one(self, tx: Transaction, new: Document, actor: str) -> StoredDocument:
        self._write(tx, self._planned(tx.connection, [new], []), actor)
        key = (new.kind, new.name)
        return find_all(tx.connection, [key])[key]

    def _write(self, tx: Transaction, planned: Sequence[_Change], actor: str) -> None:
        changes = [change for change in planned if change.action is not Action.UNCHANGED]
        revisions = _next_revisions(tx.connection, changes)
        current, history = [], []
        for change in changes:
            kind, name = change.key
            row = {"kind": kind, "name": name, "revision": revisions[change.key]}
            row.update(self._text(tx, change))
            word = _JOURNALLED[change.action]
            history.append({**row, "change": word, "at": tx.at, "actor": actor})
            if change.after is not None:
                at = change.before.created_at if change.before else tx.at
                current.append({**row, "created_at": at, "updated_at": tx.at, "updated_by": actor})
        # Before and after: what a document gives up begins its time of grace.
        contents.touch(tx, _contents(changes))
        _replace_rows(tx.connection, changes, current, history)
        if gone := [change.key[1] for change in changes if _is_lost_host(change)]:
            hosts.forget(tx, gone)
        for action, word in _JOURNALLED.items():
            for key in [change.key for change in changes if change.action is action]:
                tx.journal(actor, f"document.{word}", "/".join(key), {"revision": revisions[key]})

    def _text(self, tx: Transaction, change: _Change) -> Mapping[str, str]:
        """Labels and spec as they are stored; the vault is brought up to date with them."""
        if change.after is None:
            self._sealer.forget(tx, *change.key)
            return {"labels": "{}", "spec": "{}"}
        return columns_of(self._sealer.seal(tx, change.after))


def _replace_rows(
    connection: Connection,
    changes: Sequence[_Change],
    current: Sequence[Mapping[str, Any]],
    history: Sequence[Mapping[str, Any]],
) -> None:
    """Rows of the documents that changed, and of their labels and references, made anew."""
    keys = [
        {"its_kind": change.key[0], "its_name": change.key[1]}
        for change in changes
        if change.before
    ]
    for table in (document, document_label, document_reference):
        its_own = and_(table.c.kind == bindparam("its_kind"), table.c.name == bindparam("its_name"))
        if keys:
            connection.execute(delete(table).where(its_own), keys)
    labels, links = [], []
    for change in changes:
        if change.after is None:
            continue
        row = {"kind": change.after.kind, "name": change.after.name}
        labels += [{**row, "key": k, "value": v} for k, v in change.after.labels.items()]
        named = {(to.kind, to.name) for to in references.references_of(change.after)}
        links += [{**row, "to_kind": kind, "to_name": name} for kind, name in sorted(named)]
    for table, rows in (
        (document, current),
        (document_label, labels),
        (document_reference, links),
        (document_revision, history),
    ):
        if rows:
            connection.execute(insert(table), rows)


def _next_revisions(connection: Connection, changes: Sequence[_Change]) -> dict[Key, int]:
    """A document made anew goes on counting, so that a pinned revision keeps its meaning."""
    table = document_revision
    last = select(table.c.kind, table.c.name, func.max(table.c.revision).label("last"))
    keys = [change.key for change in changes if change.action is not Action.UNCHANGED]
    rows = rows_of(connection, last.group_by(table.c.kind, table.c.name), keys)
    known = {(row.kind, row.name): row.last for row in rows}
    return {key: known.get(key, 0) + 1 for key in keys}


def _change(before: StoredDocument | None, after: Document | None) -> _Change:
    old = body_of(before.document) if before else {}
    new = body_of(after) if after else {}
    found = diff(old, new)
    if before is None:
        action = Action.CREATE
    elif after is None:
        action = Action.DELETE
    else:
        action = Action.CHANGE if found else Action.UNCHANGED
    return _Change(before, after, action, found)


def _contents(changes: Iterable[_Change]) -> set[str]:
    """What the documents name, or have named."""
    sides = [change.before.document for change in changes if change.before]
    sides += [change.after for change in changes if change.after]
    return {to.name for side in sides for to in references.references_of(side) if to.kind == KIND}


def _is_lost_host(change: _Change) -> bool:
    return change.action is Action.DELETE and change.key[0] == "host"


def _shown(changes: Iterable[_Change]) -> list[PlannedChange]:
    return [
        PlannedChange(
            kind=change.key[0],
            name=change.key[1],
            action=change.action,
            diff=change.diff,
            dangers=change.dangers,
        )
        for change in changes
    ]


def _selected(connection: Connection, batch: Sequence[Document], prune: str | None) -> list[Key]:
    """Keys of the documents that `prune` chooses and the batch does not have."""
    if prune is None:
        return []
    if not prune.strip():
        raise Invalid("prune needs a selector", hint="such as `app=shop`: it says what is ours")
    rows = connection.execute(
        select(document.c.kind, document.c.name)
        .where(selectors.condition(prune))
        .order_by(document.c.kind, document.c.name)
    )
    kept = {(new.kind, new.name) for new in batch}
    return [(row.kind, row.name) for row in rows if (row.kind, row.name) not in kept]

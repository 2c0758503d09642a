"""What must hold before a batch of documents is written: names, references, circles, users.

Everything is asked of the database as it is and of the batch on top of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from core.domain.command_rules import CommandRuleSpec
from core.domain.documents import Document
from core.domain.files.contents import KIND
from core.domain.schedule import ScheduleSpec
from core.domain.variables import schedule_parameters
from core.errors import InUse, Invalid, Problem
from core.storage import contents, references
from core.storage.document_rows import Key, batches, by_kind, find_all, rows_of, stored_from
from core.storage.tables import document, document_reference

_MOST_USERS_SHOWN = 10
_RULE = "command-rule"


def refuse_twice(keys: Sequence[Key]) -> None:
    """Invalid when a batch has two documents of one name."""
    seen: set[Key] = set()
    problems = []
    for kind, name in keys:
        if (kind, name) in seen:
            problems.append(Problem(where=f"{kind}/{name}", what="stands twice in this batch"))
        seen.add((kind, name))
    if problems:
        raise Invalid("a batch holds each document once", problems)


def broken_references(
    connection: Connection,
    batch: Sequence[Document],
    removed: Collection[Key],
    coming: Sequence[str],
) -> list[tuple[Document, Problem]]:
    """A problem for each reference to what is neither stored nor in the batch.

    `coming`: contents that are taken to be there.
    """
    wanted = {(to.kind, to.name) for new in batch for to in references.references_of(new)}
    columns = select(document.c.kind, document.c.name)
    stored = {(row.kind, row.name) for row in rows_of(connection, columns, wanted)}
    exists = (stored - set(removed)) | {(new.kind, new.name) for new in batch}
    named = [name for kind, name in wanted if kind == KIND]
    exists |= {(KIND, sha256) for sha256 in (*contents.known(connection, named), *coming)}
    known: dict[str, list[str]] = {}

    def names_of(kind: str) -> Sequence[str]:
        if kind not in known:
            known[kind] = names(connection, kind) + [n.name for n in batch if n.kind == kind]
        return known[kind]

    return list(references.missing(batch, exists, names_of))


def misfitting_parameters(
    connection: Connection, batch: Sequence[Document]
) -> Iterator[tuple[Document, Problem]]:
    """A problem for each parameter of a schedule that its work does not take, or not from it."""
    schedules = [new for new in batch if isinstance(new.spec, ScheduleSpec)]
    if not schedules:
        return
    wanted = {_work_of(new.spec) for new in schedules}
    works = {key: found.document.spec for key, found in find_all(connection, wanted).items()}
    works |= {(new.kind, new.name): new.spec for new in batch if (new.kind, new.name) in wanted}
    for new in schedules:
        if (work := works.get(_work_of(new.spec))) is not None:
            given = schedule_parameters(work.parameters, new.spec.parameters, new.spec.given)
            yield from ((new, problem) for problem in given)


def _work_of(spec: ScheduleSpec) -> Key:
    kind, _, name = spec.work.partition("/")
    return kind, name


def refuse_cycles(connection: Connection, batch: Sequence[Document]) -> None:
    """Invalid when groups would contain each other."""
    groups = {
        new.name: {to.name for to in references.references_of(new) if to.kind == "group"}
        for new in batch
        if new.kind == "group"
    }
    if not any(groups.values()):
        return
    link = document_reference.c
    edges: dict[str, set[str]] = {}
    for row in connection.execute(
        select(link.name, link.to_name).where(link.kind == "group", link.to_kind == "group")
    ):
        edges.setdefault(row.name, set()).add(row.to_name)
    circle = references.cycle({**edges, **groups})
    if circle:
        named = [new for new in batch if new.kind == "group" and new.name in circle]
        problem = Problem(
            where="spec.expression",
            what=f"groups contain each other: {' -> '.join(circle)}",
            hint="take one of them out of the circle",
        )
        raise invalid(batch, [(named[0] if named else batch[0], problem)])


def refuse_used(connection: Connection, removed: Collection[Key], batch: Collection[Key]) -> None:
    """InUse when a document that stays refers to one that goes; the batch was checked before."""
    if not removed:
        return
    users: dict[Key, list[str]] = {}
    for row in _links_to(connection, removed):
        user = (row.kind, row.name)
        if user not in removed and user not in batch:
            users.setdefault((row.to_kind, row.to_name), []).append(f"{row.kind}/{row.name}")
    if users:
        sentences = [
            f"{kind} {name!r} is used by {_few(who)}" for (kind, name), who in users.items()
        ]
        raise InUse("; ".join(sentences), hint="change or delete those first")


def _links_to(connection: Connection, keys: Iterable[Key]) -> Iterator[Row[*tuple[Any, ...]]]:
    link = document_reference.c
    for kind, names in by_kind(keys).items():
        for some in batches(names):
            yield from connection.execute(
                select(document_reference)
                .where(link.to_kind == kind, link.to_name.in_(some))
                .order_by(link.kind, link.name)
            )


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_USERS_SHOWN])
    more = len(names) - _MOST_USERS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def rules(
    connection: Connection, batch: Sequence[Document], removed: Collection[Key]
) -> dict[str, CommandRuleSpec]:
    """The documents' rules for dangerous commands, as they will be with the batch."""
    query = select(document).where(document.c.kind == _RULE)
    found = {
        row.name: stored_from(row).document.spec
        for row in connection.execute(query.order_by(document.c.name))
        if (_RULE, row.name) not in removed
    }
    return {**found, **{new.name: new.spec for new in batch if new.kind == _RULE}}


def names(connection: Connection, kind: str) -> list[str]:
    """Every name of a kind, in order."""
    query = select(document.c.name).where(document.c.kind == kind).order_by(document.c.name)
    rows = connection.execute(query)
    return [row[0] for row in rows]


def invalid(batch: Sequence[Document], problems: Iterable[tuple[Document, Problem]]) -> Invalid:
    """One error for a whole batch; a document alone needs no name in its places."""
    if len(batch) == 1:
        alone = batch[0]
        return Invalid(f"{alone.kind} {alone.name} is not valid", [found for _, found in problems])
    named = [
        Problem(where=f"{new.kind}/{new.name} {found.where}", what=found.what, hint=found.hint)
        for new, found in problems
    ]
    return Invalid("the documents are not valid", named)

"""Documents as rows: the one place where a document becomes text and text a document.

Nothing secret passes here: a document that still holds a secret's text is a bug
of the caller, and stops.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError
from sqlalchemy import Connection, Row, Select, select

from core.domain.changes import NEW_SECRET
from core.domain.documents import KINDS, Document
from core.domain.values import SecretRef
from core.errors import NotFound, StorageFault
from core.storage.tables import document, document_revision
from core.vault.sealing import Secretish, replace_secrets, secrets_in

T = TypeVar("T")
Key = tuple[str, str]
"""Kind and name."""

_MOST_PARAMETERS = 1000
"""Names in one query; SQLite takes 32766 at most."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document with its place in history. Its secrets are references."""

    document: Document
    revision: int
    created_at: str
    updated_at: str
    updated_by: str

    @property
    def key(self) -> Key:
        return self.document.kind, self.document.name


def body_of(given: Document) -> dict[str, Any]:
    """The document's JSON values; a secret that is not in the vault yet is `NEW_SECRET`."""

    def hidden(_where: str, found: Secretish) -> Secretish:
        return SecretRef(secret=NEW_SECRET) if isinstance(found, SecretStr) else found

    spec = replace_secrets(given.spec, hidden)
    return given.model_copy(update={"spec": spec}).body()


def columns_of(given: Document) -> dict[str, str]:
    """Labels and spec as text for a row."""
    for where, found in secrets_in(given.spec):
        assert isinstance(found, SecretRef), f"{where}: the text of a secret must not be stored"
        assert found.secret != NEW_SECRET, f"{where}: a secret was never put into the vault"
    body = given.body()
    return {name: text_of(body[name]) for name in ("labels", "spec")}


def text_of(value: Any) -> str:
    """JSON as it is stored: compact, any script readable."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def document_from(kind: str, name: str, labels: str, spec: str) -> Document:
    """The document of a row; StorageFault when this version cannot read it."""
    try:
        # The rest was checked when it was stored, and a large inventory is read often.
        return Document.model_construct(
            kind=kind,
            name=name,
            labels=json.loads(labels),
            spec=KINDS[kind].spec.model_validate_json(spec),
        )
    except (KeyError, ValueError, ValidationError) as error:
        raise StorageFault(
            f"the stored {kind} {name} cannot be read",
            hint="another version of Jobdeck wrote it; start that one",
        ) from error


def stored_from(row: Row[*tuple[Any, ...]]) -> StoredDocument:
    """The document of a row of `tables.document`."""
    return StoredDocument(
        document=document_from(row.kind, row.name, row.labels, row.spec),
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )


def find_all(connection: Connection, keys: Iterable[Key]) -> dict[Key, StoredDocument]:
    """Those of the documents that exist."""
    return {
        (row.kind, row.name): stored_from(row)
        for row in rows_of(connection, select(document), keys)
    }


def at_revision(connection: Connection, kind: str, name: str, revision: int) -> Document:
    """The document as it was; NotFound for a revision that is not, or that deleted it."""
    table = document_revision.c
    row = connection.execute(
        select(document_revision).where(
            table.kind == kind, table.name == name, table.revision == revision
        )
    ).first()
    if row is None or row.change == "deleted":
        raise NotFound(f"revision {revision} of {kind}", name)
    return document_from(kind, name, row.labels, row.spec)


def rows_of(
    connection: Connection, query: Select[*tuple[Any, ...]], keys: Iterable[Key]
) -> Iterator[Row[*tuple[Any, ...]]]:
    """Rows of `query` whose first table's `kind` and `name` are among `keys`."""
    table = query.get_final_froms()[0]
    for kind, names in by_kind(keys).items():
        for some in batches(names):
            yield from connection.execute(query.where(table.c.kind == kind, table.c.name.in_(some)))


def by_kind(keys: Iterable[Key]) -> dict[str, list[str]]:
    """Kind -> names."""
    found: dict[str, list[str]] = {}
    for kind, name in keys:
        found.setdefault(kind, []).append(name)
    return found


def batches(items: Iterable[T]) -> Iterator[Sequence[T]]:
    """Items in pieces that one statement can take."""
    rest = iter(items)
    while some := list(islice(rest, _MOST_PARAMETERS)):
        yield some

"""What reads command lines on the hosts that target expressions stand for, for documents to be judged by.

Nearly every home has POSIX hosts alone: then nothing is read but that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from core.domain import document_dangers
from core.domain.document_dangers import ANY_SHELL, Shells
from core.domain.documents import Document
from core.domain.inventory import GroupSpec, HostSpec
from core.domain.targets import GroupView, HostView, Inventory
from core.storage import facts
from core.storage.document_rows import Key, stored_from
from core.storage.tables import document

_WINDOWS = '"protocol":"winrm"'
"""As a stored spec has it (`document_rows.text_of`)."""


def shells(connection: Connection, batch: Sequence[Document], removed: Collection[Key]) -> Shells:
    """By the hosts and groups as they will be with the batch."""
    query = select(document).where(document.c.kind == "host", document.c.spec.contains(_WINDOWS))
    stored = (stored_from(row).document for row in connection.execute(query))
    special = {each.name: each.spec.shell for each in stored if ("host", each.name) not in removed}
    special |= {new.name: new.spec.shell for new in batch if isinstance(new.spec, HostSpec)}

    def inventory() -> Inventory:
        return _inventory(connection, batch, removed)

    others = {name: shell for name, shell in special.items() if shell != ANY_SHELL}
    return document_dangers.shells_by(others, inventory)


def _inventory(
    connection: Connection, batch: Sequence[Document], removed: Collection[Key]
) -> Inventory:
    labels = select(document.c.name, document.c.labels).where(document.c.kind == "host")
    hosts = {
        row.name: HostView(row.name, json.loads(row.labels))
        for row in connection.execute(labels)
        if ("host", row.name) not in removed
    }
    groups = {
        row.name: _group(stored_from(row).document)
        for row in connection.execute(select(document).where(document.c.kind == "group"))
        if ("group", row.name) not in removed
    }
    for new in batch:
        if isinstance(new.spec, HostSpec):
            hosts[new.name] = HostView(new.name, new.labels)
        elif isinstance(new.spec, GroupSpec):
            groups[new.name] = _group(new)
    return Inventory(hosts=hosts, groups=groups, facts=lambda: facts.current(connection))


def _group(group: Document) -> GroupView:
    return GroupView(group.spec.hosts, group.spec.expression)

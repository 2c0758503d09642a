"""Facts of hosts: the newest, how they came to be, and samples. Both histories are bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from core.domain.changes import FieldChange, differences
from core.domain.facts import FactValue, Observed, lasting, passing
from core.storage.tables import host_facts, host_sample
from core.storage.writer import Transaction

GATHERED = "facts.gathered"
"""Type of the journal entry of a gathering; its data names the hosts."""
CHANGED = "host.facts"
"""Type of the journal entry of a host whose lasting facts are others now."""

KEPT_SPANS = 50
"""Spans of facts that are kept of a host; the oldest goes first."""
KEPT_SAMPLES = 2000
"""Samples that are kept of a host: a week, at one in five minutes."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which no lasting fact of a host changed."""

    first_at: str
    last_at: str
    facts: dict[str, FactValue]
    """As of `last_at`."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What is another at every look, at one of them."""

    at: str
    facts: dict[str, FactValue]


def current(connection: Connection) -> dict[str, Observed]:
    """The newest facts of every host."""
    newest = select(func.max(host_facts.c.id)).group_by(host_facts.c.host)
    rows = connection.execute(select(host_facts).where(host_facts.c.id.in_(newest)))
    return {row.host: Observed(row.last_at, msgspec.json.decode(row.facts)) for row in rows}


def history(connection: Connection, host: str) -> list[Span]:
    """Spans of one host, newest first; [] where nothing was ever gathered."""
    rows = connection.execute(
        select(host_facts).where(host_facts.c.host == host).order_by(host_facts.c.id.desc())
    )
    return [
        Span(first_at=row.first_at, last_at=row.last_at, facts=msgspec.json.decode(row.facts))
        for row in rows
    ]


def samples(connection: Connection, host: str, *, limit: int) -> list[Sample]:
    """Samples of one host, newest first."""
    rows = connection.execute(
        select(host_sample)
        .where(host_sample.c.host == host)
        .order_by(host_sample.c.at.desc())
        .limit(limit)
    )
    return [Sample(at=row.at, facts=msgspec.json.decode(row.facts)) for row in rows]


def changes(before: Mapping[str, FactValue], after: Mapping[str, FactValue]) -> list[FieldChange]:
    """What changed between two spans."""
    return list(differences(_written(before), _written(after)))


def _written(values: Mapping[str, FactValue]) -> dict[str, FactValue]:
    """Lasting facts, lists as one text: a new address is one change, wherever it is sorted in."""
    return {
        name: value if isinstance(value, str | int | float) else ", ".join(value)
        for name, value in lasting(values).items()
    }


def record(
    tx: Transaction, gathered: Mapping[str, Mapping[str, FactValue]], actor: str
) -> dict[str, list[FieldChange]]:
    """Keep what was gathered; what changed, by host. A host's first facts are no change."""
    if not gathered:
        return {}
    before = _newest(tx.connection, gathered)
    found: dict[str, list[FieldChange]] = {}
    for host, values in gathered.items():
        id_, known = before.get(host, (0, None))
        found[host] = [] if known is None else changes(known, values)
        text = msgspec.json.encode(values).decode()
        if known is None or found[host]:
            row = {"host": host, "first_at": tx.at, "last_at": tx.at, "facts": text}
            tx.connection.execute(insert(host_facts), row)
        else:
            this = update(host_facts).where(host_facts.c.id == id_)
            tx.connection.execute(this.values(last_at=tx.at, facts=text))
        _keep_sample(tx, host, values)
        _bound(tx.connection, host)
    tx.journal(actor, GATHERED, "facts", {"hosts": list(gathered)})
    for host, changed in found.items():
        if changed:
            tx.journal(actor, CHANGED, f"host/{host}", {"changes": msgspec.to_builtins(changed)})
    return found


def _newest(
    connection: Connection, hosts: Iterable[str]
) -> dict[str, tuple[int, dict[str, FactValue]]]:
    newest = select(func.max(host_facts.c.id)).where(host_facts.c.host.in_([*hosts]))
    query = select(host_facts).where(host_facts.c.id.in_(newest.group_by(host_facts.c.host)))
    return {row.host: (row.id, msgspec.json.decode(row.facts)) for row in connection.execute(query)}


def _keep_sample(tx: Transaction, host: str, values: Mapping[str, FactValue]) -> None:
    if sample := passing(values):
        its_own = host_sample.c.host == host
        tx.connection.execute(delete(host_sample).where(its_own, host_sample.c.at == tx.at))
        text = msgspec.json.encode(sample).decode()
        tx.connection.execute(insert(host_sample), {"host": host, "at": tx.at, "facts": text})


def _bound(connection: Connection, host: str) -> None:
    """Let what is beyond the bounds go."""
    for table, column, kept in (
        (host_facts, host_facts.c.id, KEPT_SPANS),
        (host_sample, host_sample.c.at, KEPT_SAMPLES),
    ):
        its_own = table.c.host == host
        last = select(column).where(its_own).order_by(column.desc()).offset(kept).limit(1)
        connection.execute(delete(table).where(its_own, column <= last.scalar_subquery()))

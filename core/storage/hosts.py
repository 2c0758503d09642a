"""What is known of hosts besides their documents: health, maintenance, notes, who is away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, or_, select

from core.domain.health import Health, Standing, after_look
from core.errors import NotFound
from core.storage.document_checks import names
from core.storage.notes import Note
from core.storage.tables import (
    host_facts,
    host_health,
    host_maintenance,
    host_note,
    host_sample,
    source_host,
)
from core.storage.writer import Transaction, timestamp


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which a host takes part in no run that does not ask for it."""

    at: str
    until: str | None
    """None: until somebody ends it."""
    actor: str
    reason: str


class HostState(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said of a host; None where nothing is."""

    host: str
    health: Standing | None = None
    maintenance: Maintenance | None = None
    vanished_at: str | None = None
    source: str | None = None
    """The inventory source that made it."""


def require(connection: Connection, hosts: Sequence[str]) -> None:
    """NotFound for the first that is no host; suggests the nearest."""
    known = set(names(connection, "host"))
    for host in hosts:
        if host not in known:
            raise NotFound("host", host, list(known))


def states(connection: Connection, now: datetime) -> dict[str, HostState]:
    """Every host of which there is something to say, by its name."""
    found = {name: HostState(host=name) for name in names(connection, "host")}

    def add(host: str, **values: object) -> None:
        if host in found:  # what is left of a host that was deleted is not shown
            found[host] = msgspec.structs.replace(found[host], **values)

    for row in connection.execute(select(host_health)):
        add(row.host, health=_standing(dict(row._mapping)))
    for row in connection.execute(_IN_MAINTENANCE, {"now": timestamp(now)}):
        values = {name: row._mapping[name] for name in Maintenance.__struct_fields__}
        add(row.host, maintenance=Maintenance(**values))
    for row in connection.execute(select(source_host)):
        add(row.host, source=row.source, vanished_at=row.vanished_at)
    return {name: state for name, state in found.items() if state != HostState(host=name)}


def away(connection: Connection, now: datetime) -> dict[str, str]:
    """Hosts that take part in no run that does not ask for them, and why."""
    found: dict[str, str] = {}
    for row in connection.execute(_VANISHED):
        found[row.host] = f"vanished from the inventory source {row.source}"
    for row in connection.execute(_IN_MAINTENANCE, {"now": timestamp(now)}):
        end = f" until {row.until[:16].replace('T', ' ')} UTC" if row.until else ""
        found[row.host] = f"in maintenance{end}" + (f": {row.reason}" if row.reason else "")
    return found


_UNTIL = host_maintenance.c.until
_IS_ACTIVE = or_(_UNTIL.is_(None), bindparam("now") < _UNTIL)
_IN_MAINTENANCE = select(host_maintenance).where(_IS_ACTIVE)
_VANISHED = select(source_host).where(source_host.c.vanished_at.is_not(None))


def forget(tx: Transaction, hosts: Sequence[str]) -> None:
    """Forget what was observed and decided of hosts whose documents are deleted.

    Another host of the name begins anew; notes and sources go by the name, and stay.
    """
    for table in (host_facts, host_sample, host_health, host_maintenance):
        tx.connection.execute(delete(table).where(table.c.host.in_(hosts)))


# --- health -------------------------------------------------------------------------------------


def look(tx: Transaction, looks: Mapping[str, str], actor: str) -> None:
    """Record looks at hosts (host -> why it failed, "" where it did not); journal what changed."""
    rows = tx.connection.execute(select(host_health).where(host_health.c.host.in_([*looks])))
    before = {row.host: _standing(dict(row._mapping)) for row in rows}
    after = {
        host: after_look(before.get(host), at=tx.at, failure=failure)
        for host, failure in looks.items()
    }
    tx.connection.execute(delete(host_health).where(host_health.c.host.in_([*looks])))
    if after:
        rows_now = [{"host": host, **msgspec.structs.asdict(now)} for host, now in after.items()]
        tx.connection.execute(insert(host_health), rows_now)
    for host, now in after.items():
        if now.state is not (before[host].state if host in before else Health.UP):
            told = {"state": now.state.value, "message": now.message}
            tx.journal(actor, "host.health", f"host/{host}", told)


def _standing(row: Mapping[str, object]) -> Standing:
    values = {name: row[name] for name in Standing.__struct_fields__}
    return msgspec.convert(values, Standing)


# --- maintenance --------------------------------------------------------------------------------


def begin_maintenance(
    tx: Transaction, hosts: Sequence[str], actor: str, *, reason: str, until: datetime | None
) -> None:
    """Put hosts into maintenance, or say anew until when and why."""
    require(tx.connection, hosts)
    end = None if until is None else timestamp(until)
    tx.connection.execute(delete(host_maintenance).where(host_maintenance.c.host.in_(hosts)))
    row = {"at": tx.at, "until": end, "actor": actor, "reason": reason}
    tx.connection.execute(insert(host_maintenance), [{"host": host, **row} for host in hosts])
    data = {"on": True, "until": end, "reason": reason}
    for host in hosts:
        tx.journal(actor, "host.maintenance", f"host/{host}", data)


def end_maintenance(tx: Transaction, hosts: Sequence[str], actor: str, *, reason: str) -> None:
    """Take hosts out of maintenance; those that are in none stay as they are."""
    require(tx.connection, hosts)
    its_own = host_maintenance.c.host
    active = select(its_own).where(its_own.in_(hosts), _IS_ACTIVE)
    ended = tx.connection.execute(active, {"now": tx.at}).scalars().all()
    tx.connection.execute(delete(host_maintenance).where(its_own.in_(hosts)))
    for host in ended:
        tx.journal(actor, "host.maintenance", f"host/{host}", {"on": False, "reason": reason})


# --- notes --------------------------------------------------------------------------------------


def add_note(tx: Transaction, host: str, actor: str, text: str) -> Note:
    """Keep a note on a host."""
    require(tx.connection, [host])
    values = {"at": tx.at, "actor": actor, "text": text}
    result = tx.connection.execute(insert(host_note), {"host": host, **values})
    assert result.inserted_primary_key is not None
    tx.journal(actor, "host.noted", f"host/{host}", {"text": text})
    return Note(id=int(result.inserted_primary_key[0]), **values)


def notes(connection: Connection, host: str) -> list[Note]:
    """Notes on a host, oldest first."""
    require(connection, [host])
    columns = [host_note.c[name] for name in Note.__struct_fields__]
    rows = connection.execute(
        select(*columns).where(host_note.c.host == host).order_by(host_note.c.id)
    )
    return [Note(**row._mapping) for row in rows]

"""What is known of hosts besides their documents: health, maintenance, notes."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from core.api.openapi import fails
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.run_actions import NoteIn, NoteOut
from core.api.values import Answer
from core.domain.authorization import ObjectKind, Verb
from core.domain.health import Health
from core.domain.values import Name, Value
from core.storage import hosts

routes = router("hosts")

_MOST = 10_000
"""Hosts of one request."""


class HealthOut(Answer):
    """Whether a host can be reached, where its document asks for looks (`health_s`)."""

    state: Health
    since: str
    checked_at: str
    message: str = Field(description="why the latest look failed; empty: it did not")


class MaintenanceOut(Answer):
    """A time in which a host takes part in no run that does not ask for it."""

    at: str
    until: str | None = Field(description="null: until somebody ends it")
    actor: str
    reason: str


class HostStateOut(Answer):
    """What is to be said of a host; null where nothing is."""

    host: str
    health: HealthOut | None
    maintenance: MaintenanceOut | None
    vanished_at: str | None = Field(description="when its inventory source lost it")
    source: str | None = Field(description="the inventory source that made it")


class MaintenanceIn(Value):
    """Hosts that go into maintenance, or come out of it."""

    hosts: tuple[Name, ...] = Field(min_length=1, max_length=_MOST)
    on: bool
    reason: str = Field("", max_length=500)
    for_s: float | None = Field(
        None, gt=0, le=365 * 86400, description="ends by itself after so many seconds"
    )


@routes.get("/hosts", operation_id="listHostStates")
@asks(Verb.READ, ObjectKind.HOST)
async def states(engine: TheEngine) -> list[HostStateOut]:
    """Hosts of which there is something to say; the others are well, or nobody looks."""
    now = engine.clock.now()
    found = await engine.store.reader.read(lambda c: hosts.states(c, now))
    return [HostStateOut.model_validate(state) for state in found.values()]


@routes.post("/hosts/maintenance", operation_id="setMaintenance", responses=fails(404))
@asks(Verb.ACT, ObjectKind.HOST)
async def maintenance(
    body: MaintenanceIn, engine: TheEngine, actor: TheActor
) -> list[HostStateOut]:
    """Put hosts into maintenance or take them out: all of them, or none where one is unknown.

    Runs leave out hosts in maintenance and say so, unless they ask for them (`include_away`).
    What runs already goes on.
    """
    names = tuple(dict.fromkeys(body.hosts))
    now = engine.clock.now()
    if body.on:
        until = None if body.for_s is None else now + timedelta(seconds=body.for_s)
        await engine.store.writer.write(
            lambda tx: hosts.begin_maintenance(
                tx, names, actor.name, reason=body.reason, until=until
            )
        )
    else:
        await engine.store.writer.write(
            lambda tx: hosts.end_maintenance(tx, names, actor.name, reason=body.reason)
        )
    found = await engine.store.reader.read(lambda c: hosts.states(c, now))
    nothing = [hosts.HostState(host=name) for name in names]
    return [HostStateOut.model_validate(found.get(each.host, each)) for each in nothing]


@routes.post("/hosts/{host}/notes", status_code=201, operation_id="noteHost", responses=fails(404))
@asks(Verb.ACT, ObjectKind.HOST, "{host}")
async def note(host: str, body: NoteIn, engine: TheEngine, actor: TheActor) -> NoteOut:
    """Leave a note on a host."""
    found = await engine.store.writer.write(
        lambda tx: hosts.add_note(tx, host, actor.name, body.text)
    )
    return NoteOut.model_validate(found)


@routes.get("/hosts/{host}/notes", operation_id="listHostNotes")
@asks(Verb.READ, ObjectKind.HOST, "{host}")
async def notes(host: str, engine: TheEngine) -> list[NoteOut]:
    """Notes on a host, oldest first."""
    found = await engine.store.reader.read(lambda c: hosts.notes(c, host))
    return [NoteOut.model_validate(each) for each in found]

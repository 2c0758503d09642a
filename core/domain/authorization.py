"""Who may do what: one question, one table, one answer.

Every door asks `authorize` once per call, before anything else happens. What
the table does not grant is refused: an unknown kind of actor, a pair of verb
and object that has no row, a verb that is new. Pure; the door says who asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.errors import Forbidden


class Verb(StrEnum):
    """What somebody wants to do with an object."""

    READ = "read"
    CREATE = "create"
    REPLACE = "replace"
    DELETE = "delete"
    APPLY = "apply"
    """Create, replace and delete documents as one batch."""
    START = "start"
    ACT = "act"
    """Ask for something: of a run to stop, retry or skip, of the vault to open or to change its key,
    of a host its facts, maintenance, a note, of a schedule a pause or a run, of the engine to freeze
    or to drain."""
    DECIDE = "decide"
    """Approve, revoke or import what the engine trusts; approve or deny what is asked."""
    STOP = "stop"
    BACKUP = "backup"
    CALL = "call"
    """Make a schedule due from outside, by its secret."""


class ObjectKind(StrEnum):
    """What the verbs are about."""

    API = "api"
    """The API's own description: schemas and the docs page."""
    ENGINE = "engine"
    DOCUMENT = "document"
    RUN = "run"
    PLAN = "plan"
    """A dry run."""
    EVENT = "event"
    HOST_KEY = "host-key"
    VAULT = "vault"
    """The vault as a whole; a secret is its document's."""
    CONTENT = "content"
    """Files that belong to jobs."""
    HOST = "host"
    """What is observed on a host and said of it; the host itself is a document."""
    SCHEDULE = "schedule"
    """When a schedule starts and whether it is paused; the schedule itself is a document."""
    CHANNEL = "channel"
    """What goes to people and what waits; the channel itself is a document."""
    APPROVAL = "approval"
    """What people are asked before a run goes on; who may decide is each approval's own rule."""


class ActorKind(StrEnum):
    OWNER = "owner"
    """The user whose engine it is, known by the socket that only this user can open."""
    CALLER = "caller"
    """Whoever calls over the network: nobody that this engine knows."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `name` is what the journal records; `kind` is what the table grants to."""

    name: str
    kind: str = ActorKind.OWNER


@dataclass(frozen=True, slots=True)
class Object:
    """What is asked about: `kind`, and a name such as `host/web1`; "" means all of the kind."""

    kind: ObjectKind
    name: str = ""


_V, _K = Verb, ObjectKind

VERBS: Mapping[ObjectKind, frozenset[Verb]] = {
    _K.API: frozenset({_V.READ}),
    _K.ENGINE: frozenset({_V.READ, _V.ACT, _V.STOP, _V.BACKUP, _V.DELETE}),
    _K.DOCUMENT: frozenset({_V.READ, _V.CREATE, _V.REPLACE, _V.DELETE, _V.APPLY}),
    _K.RUN: frozenset({_V.READ, _V.START, _V.ACT}),
    _K.PLAN: frozenset({_V.READ, _V.CREATE, _V.ACT}),
    _K.EVENT: frozenset({_V.READ}),
    _K.HOST_KEY: frozenset({_V.READ, _V.DECIDE}),
    _K.VAULT: frozenset({_V.READ, _V.ACT, _V.BACKUP}),
    _K.CONTENT: frozenset({_V.READ, _V.CREATE}),
    _K.HOST: frozenset({_V.READ, _V.ACT}),
    _K.SCHEDULE: frozenset({_V.READ, _V.ACT, _V.CALL}),
    _K.CHANNEL: frozenset({_V.READ, _V.ACT}),
    _K.APPROVAL: frozenset({_V.READ, _V.DECIDE}),
}
"""Every question that has a meaning."""

GRANTS: Mapping[str, Mapping[ObjectKind, frozenset[Verb]]] = {
    ActorKind.OWNER: VERBS,
    ActorKind.CALLER: {_K.SCHEDULE: frozenset({_V.CALL})},
}
"""Kind of actor -> what it may do. No row, no right."""


def may(actor: Actor, verb: Verb, kind: ObjectKind) -> bool:
    """Whether the table grants `verb` on objects of `kind` to `actor`."""
    return verb in GRANTS.get(actor.kind, {}).get(kind, frozenset())


def authorize(actor: Actor, verb: Verb, object_: Object) -> None:
    """Raise Forbidden unless `actor` may do `verb` to `object_`."""
    if not may(actor, verb, object_.kind):
        named = f" {object_.name}" if object_.name else ""
        raise Forbidden(
            f"{actor.name} may not {verb} {object_.kind}{named}",
            hint="ask the owner of this engine",
        )

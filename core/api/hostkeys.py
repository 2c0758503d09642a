"""Host keys: what is on record, and deciding what is trusted."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field, model_validator

from core.api import cursors
from core.api.openapi import fails
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.values import Answer, Cursor, Limit, Page
from core.domain.authorization import ObjectKind, Verb
from core.domain.hostkeys import KeySource, KeyStatus, KnownKey
from core.domain.values import Value
from core.errors import AlreadyExists, Problem
from core.storage.host_keys import KeyRow
from core.storage.writer import timestamp

routes = router("host keys")


class KeyAction(StrEnum):
    """What can be decided about a key."""

    APPROVE = "approve"
    REVOKE = "revoke"


_STATUS_AFTER = {KeyAction.APPROVE: KeyStatus.APPROVED, KeyAction.REVOKE: KeyStatus.REVOKED}


class HostKeyOut(Answer):
    """One key on record."""

    id: str = Field(description="empty for a key that an import only names")
    host: str = Field(description="name in the inventory; empty where none is known")
    pattern: str = Field(description="as in known_hosts: an address, `[address]:port`, a wildcard")
    key_type: str
    fingerprint: str
    status: KeyStatus
    authority: bool = Field(description="it signs host keys; it is no host's own key")
    source: KeySource
    first_seen_at: str = ""
    decided_at: str | None
    decided_by: str | None


class HostKeyPage(Page[HostKeyOut]):
    """A part of the list of host keys."""


class DecisionIn(Value):
    """Keys by id or fingerprint, and hosts by name; all or nothing."""

    action: KeyAction
    ids: tuple[str, ...] = Field((), max_length=10_000)
    hosts: tuple[str, ...] = Field((), max_length=10_000)

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.ids and not self.hosts:
            raise ValueError("give `ids` or `hosts`")
        return self


class KnownHostsIn(Value):
    """The text of an OpenSSH known_hosts file."""

    known_hosts: str = Field(max_length=16 * 1024 * 1024)
    dry_run: bool = Field(False, description="only say what would be added")


class AuthorityIn(Value):
    """A certificate authority, trusted for the hosts that the pattern names."""

    pattern: str = Field(min_length=1, max_length=300, pattern=r"^[^\s,]+(,[^\s,]+)*$")
    public_key: str = Field(max_length=20_000, description="one line, as in a .pub file")


class SkippedLine(Answer):
    """A line that was left out, and why."""

    line: int
    why: str


class KeyImport(Answer):
    """What an import adds."""

    added: list[HostKeyOut]
    skipped: list[SkippedLine]


@routes.get("/host-keys", operation_id="listHostKeys")
@asks(Verb.READ, ObjectKind.HOST_KEY)
async def list_keys(
    engine: TheEngine,
    status: Annotated[KeyStatus | None, Query(description="only these")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> HostKeyPage:
    """Keys on record, oldest first."""
    scope = f"host-keys {status}"
    after = cursors.text_position(scope, cursor) or ""
    rows = await engine.host_keys.on_record(status, after=after, limit=limit + 1)
    return HostKeyPage(
        items=[host_key_out(row) for row in rows[:limit]],
        next_cursor=cursors.encode(scope, rows[limit - 1].id) if len(rows) > limit else None,
    )


@routes.post("/host-keys/actions", operation_id="decideHostKeys", responses=fails(404))
@asks(Verb.DECIDE, ObjectKind.HOST_KEY)
async def decide(body: DecisionIn, engine: TheEngine, actor: TheActor) -> HostKeyPage:
    """Approve or revoke keys.

    Approving a host takes its pending keys; revoking takes the approved ones, or the pending
    ones where none is approved.
    """
    status = _STATUS_AFTER[body.action]
    rows = await engine.host_keys.decide(body.ids, body.hosts, status, actor.name)
    return HostKeyPage(items=[host_key_out(row) for row in rows])


@routes.post("/host-keys/import", operation_id="importHostKeys")
@asks(Verb.DECIDE, ObjectKind.HOST_KEY)
async def import_keys(body: KnownHostsIn, engine: TheEngine, actor: TheActor) -> KeyImport:
    """Put the keys of a known_hosts file on record. Who imports them vouches for them."""
    added, left_out = await engine.host_keys.import_known_hosts(
        body.known_hosts, actor.name, dry_run=body.dry_run
    )
    return KeyImport(
        added=[_out(key) for key in added],
        skipped=[_skipped(problem) for problem in left_out],
    )


@routes.post(
    "/host-keys/authorities",
    status_code=201,
    operation_id="addHostKeyAuthority",
    responses=fails(409),
)
@asks(Verb.DECIDE, ObjectKind.HOST_KEY)
async def add_authority(body: AuthorityIn, engine: TheEngine, actor: TheActor) -> HostKeyOut:
    """Trust a certificate authority: hosts with a certificate of it need no approval."""
    rows = await engine.host_keys.add_authority(body.pattern, body.public_key, actor.name)
    if not rows:
        raise AlreadyExists(f"this authority is on record for {body.pattern}")
    return host_key_out(rows[0])


def host_key_out(row: KeyRow) -> HostKeyOut:
    return _out(row.key, id_=row.id, first_seen_at=row.first_seen_at)


def _out(key: KnownKey, *, id_: str = "", first_seen_at: str = "") -> HostKeyOut:
    return HostKeyOut(
        id=id_,
        host=key.host,
        pattern=key.pattern,
        key_type=key.key_type,
        fingerprint=key.fingerprint,
        status=key.status,
        authority=key.authority,
        source=key.source,
        first_seen_at=first_seen_at,
        decided_at=None if key.decided_at is None else timestamp(key.decided_at),
        decided_by=key.decided_by or None,
    )


def _skipped(problem: Problem) -> SkippedLine:
    """`line 7` is where the reader of known_hosts says that a problem is."""
    hint = f" ({problem.hint})" if problem.hint else ""
    return SkippedLine(line=int(problem.where.removeprefix("line ")), why=problem.what + hint)

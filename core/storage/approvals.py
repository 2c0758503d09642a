"""Approvals on record: what was asked, and every vote. What they mean is `core.domain.approval`.

Rows of votes are added and never changed. Every change has its journal entry, whose subject is
the run, so who follows a run sees what it waits for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, bindparam, insert, select, update

from core.domain.approval import ApprovalSpec, ApprovalState, Case, Choice, Standing, Vote
from core.domain.approvers import Voter
from core.errors import NotFound
from core.storage.runs import ENGINE_ACTOR, SHORTEST_ID
from core.storage.tables import approval, approval_vote, run
from core.storage.writer import Transaction, timestamp

_MOST_TOLD = 500
"""Characters of a message in a journal entry."""


class ApprovalPlace(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for an approval; each place is asked about once."""

    run_id: str
    step: str
    """Of the run, or `rule/NAME`: a rule for dangerous commands, before the run begins."""
    attempt: int = 1


class ApprovalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One approval, as lists show it."""

    id: str
    run_id: str
    step: str
    attempt: int
    requester: str
    spec: str
    """An `ApprovalSpec`, as JSON."""
    digest: str
    """Of what is to be approved; "" where nothing could change."""
    opened_at: str
    due_at: str | None
    state: ApprovalState
    escalated: bool
    decided_at: str | None
    reason: str
    outputs: dict[str, Any]
    title: str
    """Of the run."""

    @property
    def case(self) -> Case:
        return Case(
            spec=ApprovalSpec.model_validate_json(self.spec),
            requester=self.requester,
            opened_at=datetime.fromisoformat(self.opened_at),
        )


class StoredVote(msgspec.Struct, frozen=True, kw_only=True):
    """A vote, and the idempotency key of the request that brought it."""

    vote: Vote
    key: str


_NAMES = ApprovalRow.__struct_fields__
_OWN = [approval.c[name] for name in _NAMES if name != "title"]
_QUERY: Select[Any] = select(*_OWN, run.c.title).join(run, run.c.id == approval.c.run_id)
_OF_RUN = _QUERY.where(approval.c.run_id == bindparam("its_run")).order_by(approval.c.id)


def create(tx: Transaction, id_: str, place: ApprovalPlace, case: Case, digest: str) -> ApprovalRow:
    """Record what is asked; its time begins with `case.opened_at`."""
    tx.connection.execute(
        insert(approval),
        {
            "id": id_,
            "run_id": place.run_id,
            "step": place.step,
            "attempt": place.attempt,
            "requester": case.requester,
            "spec": case.spec.model_dump_json(exclude_defaults=True),
            "digest": digest,
            "opened_at": timestamp(case.opened_at),
            "due_at": _text(case.first_deadline),
            "state": ApprovalState.OPEN.value,
            "escalated": 0,
            "decided_at": None,
            "reason": "",
            "outputs": "{}",
        },
    )
    row = get(tx.connection, id_)
    _journal(tx, case.requester, "opened", row, message=case.spec.message[:_MOST_TOLD])
    return row


def add_vote(tx: Transaction, row: ApprovalRow, vote: Vote, key: str) -> None:
    """Record one more vote, as `approval.cast` completed it."""
    tx.connection.execute(
        insert(approval_vote),
        {
            "approval_id": row.id,
            "voter": vote.voter.name,
            "roles": json.dumps(sorted(vote.voter.roles)),
            "choice": vote.choice.value,
            "at": timestamp(vote.at),
            "comment": vote.comment,
            "client": vote.client,
            "form": json.dumps(dict(vote.form), ensure_ascii=False),
            "key": key,
        },
    )
    told = {"choice": vote.choice.value, "comment": vote.comment}
    _journal(tx, vote.voter.name, "voted", row, **told)


def settle(tx: Transaction, row: ApprovalRow, standing: Standing, actor: str) -> ApprovalRow:
    """Record how it stands; nothing is written where that is on record already."""
    is_decided = standing.state is not ApprovalState.OPEN
    values = {
        "state": standing.state.value,
        "due_at": None if is_decided else _text(standing.due),
        "escalated": int(standing.escalated),
        "decided_at": _text(standing.at),
        "reason": standing.reason,
        "outputs": json.dumps(dict(standing.outputs), ensure_ascii=False),
    }
    if (row.state, row.escalated) == (standing.state, standing.escalated):
        return row
    tx.connection.execute(update(approval).where(approval.c.id == row.id).values(**values))
    if standing.escalated and not row.escalated:
        _journal(tx, actor, "escalated", row, message=row.case.spec.message[:_MOST_TOLD])
    if is_decided:
        told = {"state": standing.state.value, "reason": standing.reason}
        _journal(tx, actor, "decided", row, **told)
    return get(tx.connection, row.id)


def get(connection: Connection, id_: str) -> ApprovalRow:
    """One approval; a beginning of its id is enough, when it is unique. NotFound otherwise."""
    wanted = id_.upper()
    rows: Sequence[Any] = ()
    if len(wanted) >= SHORTEST_ID:
        query = _QUERY.where(approval.c.id >= wanted, approval.c.id < wanted + "~").limit(2)
        rows = connection.execute(query).all()
    if len(rows) != 1:
        raise NotFound("approval", id_)
    return _row(rows[0])


def at(connection: Connection, place: ApprovalPlace) -> ApprovalRow | None:
    """What was asked there; None where nothing was."""
    query = _QUERY.where(
        approval.c.run_id == place.run_id,
        approval.c.step == place.step,
        approval.c.attempt == place.attempt,
    )
    row = connection.execute(query).first()
    return None if row is None else _row(row)


def list_approvals(
    connection: Connection,
    *,
    state: ApprovalState | None = None,
    run_id: str | None = None,
    before: str | None = None,
    limit: int,
) -> list[ApprovalRow]:
    """Newest first; `before` is the id of the last one of the page before."""
    query = _QUERY.order_by(approval.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(approval.c.state == state.value)
    if run_id is not None:
        query = query.where(approval.c.run_id == run_id)
    if before is not None:
        query = query.where(approval.c.id < before)
    return [_row(row) for row in connection.execute(query)]


def due(connection: Connection, now: datetime) -> list[ApprovalRow]:
    """Open ones of which time alone has changed something."""
    query = _QUERY.where(
        approval.c.state == ApprovalState.OPEN.value, approval.c.due_at <= timestamp(now)
    )
    return [_row(row) for row in connection.execute(query)]


def next_due(connection: Connection) -> datetime | None:
    """When time alone changes something next."""
    query = select(approval.c.due_at).where(
        approval.c.state == ApprovalState.OPEN.value, approval.c.due_at.is_not(None)
    )
    found = connection.execute(query.order_by(approval.c.due_at).limit(1)).scalar()
    return None if found is None else datetime.fromisoformat(found)


def of_run(connection: Connection, run_id: str) -> list[ApprovalRow]:
    """All that was asked for a run, oldest first."""
    return [_row(row) for row in connection.execute(_OF_RUN, {"its_run": run_id})]


def lapse(tx: Transaction, run_id: str, reason: str) -> None:
    """What is still asked for a run is wanted no more."""
    for row in of_run(tx.connection, run_id):
        if row.state is ApprovalState.OPEN:
            settle(tx, row, lapsed(tx, row, reason), ENGINE_ACTOR)


def lapsed(tx: Transaction, row: ApprovalRow, reason: str) -> Standing:
    """How an approval stands that is wanted no more, from this moment on."""
    return Standing(state=ApprovalState.LAPSED, reason=reason, at=tx.now, escalated=row.escalated)


def votes_of(connection: Connection, id_: str) -> list[StoredVote]:
    """Every vote, in the order in which they came."""
    return votes_of_all(connection, [id_])[id_]


def votes_of_all(connection: Connection, ids: Iterable[str]) -> dict[str, list[StoredVote]]:
    """The votes of each of these approvals."""
    found: dict[str, list[StoredVote]] = {id_: [] for id_ in ids}
    query = select(approval_vote).where(approval_vote.c.approval_id.in_(found))
    for row in connection.execute(query.order_by(approval_vote.c.at, approval_vote.c.voter)):
        found[row.approval_id].append(_vote(row))
    return found


def _row(row: Any) -> ApprovalRow:
    fields = dict(zip(_NAMES, row, strict=True))
    made = {**fields, "escalated": bool(row.escalated), "outputs": json.loads(row.outputs)}
    return msgspec.convert(made, ApprovalRow)


def _vote(row: Any) -> StoredVote:
    vote = Vote(
        voter=Voter(row.voter, frozenset(json.loads(row.roles))),
        choice=Choice(row.choice),
        at=datetime.fromisoformat(row.at),
        comment=row.comment,
        client=row.client,
        form=json.loads(row.form),
    )
    return StoredVote(vote=vote, key=row.key)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)


def _journal(tx: Transaction, actor: str, what: str, row: ApprovalRow, **data: Any) -> None:
    own = {"approval": row.id, "step": row.step, "attempt": row.attempt}
    tx.journal(actor, f"approval.{what}", row.run_id, {**own, **data})

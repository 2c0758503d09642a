"""Approvals: what waits for a person, how it was decided, and voting."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import Field

from core.api import cursors, headers
from core.api.openapi import fails
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.values import Answer, Cursor, Limit, Page
from core.domain.approval import ApprovalState, Choice
from core.domain.authorization import ObjectKind, Verb
from core.domain.job import Parameter
from core.domain.values import Value
from core.runtime.approvals import Ballot, Shown
from core.storage import runs
from core.storage.writer import timestamp

routes = router("approvals")

_MOST_CLIENT = 200


class VoteOut(Answer):
    """One person's word; it is never changed."""

    voter: str
    choice: Choice
    at: str
    comment: str
    client: str = Field(description="the console by which it came")
    form: dict[str, Any]


class ApprovalOut(Answer):
    """What people are asked before a run goes on."""

    id: str
    run_id: str
    title: str = Field(description="of the run")
    step: str = Field(description="empty: the run as a whole, before its start")
    attempt: int
    requester: str = Field(description="who asked for the run")
    message: str
    state: ApprovalState
    reason: str = Field(description="why it was decided so")
    opened_at: str
    due_at: str | None = Field(description="when time alone changes something next")
    decided_at: str | None
    escalated: bool
    approvers: str = Field(description="who decides, in words; empty: everybody")
    forbid_requester: bool = Field(description="whoever asked may not vote")
    required: str = Field(description="approvals that it takes: any, all or a number")
    on_timeout: str
    reason_required: bool = Field(description="who approves says why; who denies always does")
    missing: list[str] = Field(description="who is still waited for, in words")
    votes: list[VoteOut]
    form: list[Parameter] = Field(description="what who approves fills in")
    outputs: dict[str, Any] = Field(description="what the form holds, once it is approved")
    digest: str = Field(description="of what is to be approved; it lapses when that is another")
    refusal: str = Field(description="why you may not vote; empty: it waits for you too")


class ApprovalPage(Page[ApprovalOut]):
    """A part of a list of approvals."""


class VoteIn(Value):
    """A vote."""

    choice: Choice
    comment: str = Field("", max_length=4000, description="required of who denies")
    form: dict[str, Any] = Field(default_factory=dict, description="values of the form")
    digest: str | None = Field(
        None, max_length=64, description="what you have seen; refused when it is another by now"
    )


@routes.get("/approvals", operation_id="listApprovals", responses=fails(404))
@asks(Verb.READ, ObjectKind.APPROVAL)
async def list_approvals(
    engine: TheEngine,
    actor: TheActor,
    state: Annotated[ApprovalState | None, Query(description="only these")] = None,
    run: Annotated[str | None, Query(description="only of this run")] = None,
    mine: Annotated[bool, Query(description="only open ones that wait for you")] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> ApprovalPage:
    """Approvals, newest first."""
    scope = f"approvals {state} {run} {mine}"
    before = cursors.text_position(scope, cursor)
    run_id = None
    if run is not None:
        run_id = (await engine.store.reader.read(lambda c: runs.get(c, run))).id
    found = await engine.approvals.listed(
        actor, state=state, run_id=run_id, mine=mine, before=before, limit=limit + 1
    )
    more = len(found) > limit
    return ApprovalPage(
        items=[approval_out(each) for each in found[:limit]],
        next_cursor=cursors.encode(scope, found[limit - 1].row.id) if more else None,
    )


@routes.get("/approvals/{approval}", operation_id="getApproval", responses=fails(404))
@asks(Verb.READ, ObjectKind.APPROVAL, "{approval}")
async def get(approval: str, engine: TheEngine, actor: TheActor) -> ApprovalOut:
    """One approval; a beginning of its id is enough."""
    return approval_out(await engine.approvals.show(approval, actor))


@routes.post("/approvals/{approval}/votes", operation_id="vote", responses=fails(404, 409))
@asks(Verb.DECIDE, ObjectKind.APPROVAL, "{approval}")
async def vote(
    approval: str, body: VoteIn, request: Request, engine: TheEngine, actor: TheActor
) -> ApprovalOut:
    """Approve or deny. A vote is never changed, and one deny ends it.

    With an `Idempotency-Key`, the same vote again is answered and not counted.
    """
    ballot = Ballot(
        choice=body.choice,
        comment=body.comment,
        form=body.form,
        client=request.headers.get("User-Agent", "")[:_MOST_CLIENT],
        key=headers.idempotency_key(request) or "",
        digest=body.digest,
    )
    row = await engine.approvals.vote(approval, actor, ballot)
    return approval_out(await engine.approvals.show(row.id, actor))


def approval_out(shown: Shown) -> ApprovalOut:
    row, spec = shown.row, shown.case.spec
    return ApprovalOut(
        id=row.id,
        run_id=row.run_id,
        title=row.title,
        step=row.step,
        attempt=row.attempt,
        requester=row.requester,
        message=spec.message,
        state=row.state,
        reason=row.reason,
        opened_at=row.opened_at,
        due_at=row.due_at,
        decided_at=row.decided_at,
        escalated=row.escalated,
        approvers=str(spec.approvers),
        forbid_requester=spec.forbid_requester,
        required=str(spec.required),
        on_timeout=spec.on_timeout.value,
        reason_required=spec.reason_required,
        missing=list(shown.missing),
        votes=[
            VoteOut(
                voter=each.voter.name,
                choice=each.choice,
                at=timestamp(each.at),
                comment=each.comment,
                client=each.client,
                form=dict(each.form),
            )
            for each in shown.votes
        ],
        form=list(spec.form),
        outputs=row.outputs,
        digest=row.digest,
        refusal=shown.refusal,
    )

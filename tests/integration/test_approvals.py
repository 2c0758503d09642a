"""Approvals in a real engine's storage: votes, time, and an engine that comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock
from core.domain.approval import (
    AlreadyDecided,
    AlreadyVoted,
    ApprovalSpec,
    ApprovalState,
    Choice,
)
from core.domain.authorization import Actor
from core.errors import Forbidden, Invalid, NotFound
from core.runtime.approvals import Ballot
from core.runtime.engine import Engine
from core.storage import approvals, journal
from core.storage.approvals import ApprovalPlace, ApprovalRow
from tests.support.runtime import INVENTORY, ended, engine, save, start

YES = Ballot(choice=Choice.APPROVE)
NO = Ballot(choice=Choice.DENY, comment="a freeze")
ANN, BOB = Actor("ann"), Actor("bob")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def opened(home: Path, clock: ManualClock) -> AsyncIterator[Engine]:
    async with engine(home / "j", clock=clock) as (opened, _):
        await save(opened, *INVENTORY)
        yield opened


async def asked(opened: Engine, digest: str = "", **spec: Any) -> ApprovalRow:
    """Something about a run that has ended: nobody else looks at it."""
    run = await start(opened, targets="h1")
    await ended(opened, run.id)
    place = ApprovalPlace(run_id=run.id, step="gate")
    wanted = ApprovalSpec.model_validate({"message": "restart ${WHAT}?", **spec})
    return await opened.approvals.open(
        place, wanted, message="restart db?", requester="req", digest=digest
    )


def place_of(row: ApprovalRow) -> ApprovalPlace:
    return ApprovalPlace(run_id=row.run_id, step=row.step, attempt=row.attempt)


async def told(opened: Engine, run_id: str) -> list[tuple[str, str]]:
    """What the journal says of approvals of a run: who, what."""
    entries = await opened.store.reader.read(
        lambda c: journal.read_after(c, 0, 999, subject=run_id)
    )
    return [(each.actor, each.type) for each in entries if each.type.startswith("approval.")]


async def test_a_vote_decides_and_wakes_who_waits(opened: Engine) -> None:
    row = await asked(opened)
    waiting = asyncio.create_task(opened.approvals.wait(place_of(row)))

    decided = await opened.approvals.vote(row.id[:12], ANN, YES)

    assert decided.state is ApprovalState.APPROVED
    assert await asyncio.wait_for(waiting, 5) == decided
    assert await told(opened, row.run_id) == [
        ("req", "approval.opened"),
        ("ann", "approval.voted"),
        ("ann", "approval.decided"),
    ]
    assert row.case.spec.message == "restart db?"


async def test_a_place_is_asked_about_once(opened: Engine) -> None:
    row = await asked(opened)
    other = ApprovalSpec(message="something else")
    again = await opened.approvals.open(
        place_of(row), other, message="something else", requester="someone"
    )
    assert again == row


async def test_a_vote_that_is_refused_changes_nothing(opened: Engine) -> None:
    row = await asked(opened, required=2)
    await opened.approvals.vote(row.id, ANN, YES)
    for actor, ballot, error in (
        (ANN, YES, AlreadyVoted),
        (ANN, NO, AlreadyVoted),
        (Actor("req"), YES, Forbidden),
        (BOB, Ballot(choice=Choice.DENY), Invalid),
        (BOB, Ballot(choice=Choice.APPROVE, form={"X": "1"}), Invalid),
    ):
        with pytest.raises(error):
            await opened.approvals.vote(row.id, actor, ballot)
    with pytest.raises(NotFound):
        await opened.approvals.vote("01ABCDEFGH", BOB, YES)
    votes = await opened.store.reader.read(lambda c: approvals.votes_of(c, row.id))
    assert [each.vote.voter.name for each in votes] == ["ann"]


async def test_two_last_votes_at_the_same_moment_decide_once(opened: Engine) -> None:
    row = await asked(opened)
    vote = opened.approvals.vote
    answers = await asyncio.gather(
        vote(row.id, ANN, YES), vote(row.id, BOB, NO), return_exceptions=True
    )
    assert sorted(isinstance(answer, AlreadyDecided) for answer in answers) == [False, True]
    assert [what for _, what in await told(opened, row.run_id)].count("approval.decided") == 1


async def test_the_same_request_again_is_answered_and_not_counted(opened: Engine) -> None:
    row = await asked(opened, required=2)
    keyed = Ballot(choice=Choice.APPROVE, key="k1")
    first = await opened.approvals.vote(row.id, ANN, keyed)
    assert await opened.approvals.vote(row.id, ANN, keyed) == first
    with pytest.raises(AlreadyVoted):
        await opened.approvals.vote(row.id, ANN, Ballot(choice=Choice.APPROVE, key="k2"))


async def test_time_decides_also_for_an_engine_that_was_away(
    home: Path, clock: ManualClock
) -> None:
    async with engine(home / "j", clock=clock) as (first, _):
        await save(first, *INVENTORY)
        row = await asked(first, timeout_s=60)
    clock.advance(timedelta(hours=1))
    async with engine(home / "j", clock=clock) as (second, _):
        waiting = asyncio.create_task(second.approvals.wait(place_of(row)))
        await second.approvals.tick()
        decided = await asyncio.wait_for(waiting, 5)
    assert (decided.state, decided.reason) == (
        ApprovalState.TIMED_OUT,
        "nobody decided within 60 s",
    )
    assert decided.decided_at == "2026-01-01T00:01:00.000000Z"


async def test_a_deadline_comes_without_anybody_asking(home: Path) -> None:
    async with engine(home / "j") as (opened, _):
        await save(opened, *INVENTORY)
        row = await asked(opened, timeout_s=0.1, on_timeout="approve")
        decided = await asyncio.wait_for(opened.approvals.wait(place_of(row)), 5)
    assert decided.state is ApprovalState.APPROVED


async def test_an_escalation_is_told_once_and_asks_others(
    opened: Engine, clock: ManualClock
) -> None:
    row = await asked(
        opened,
        approvers={"users": ["ann"]},
        timeout_s=60,
        on_timeout="escalate",
        escalate_to={"users": ["bob"]},
    )
    clock.advance(timedelta(seconds=61))
    await opened.approvals.tick()
    await opened.approvals.tick()
    assert [what for _, what in await told(opened, row.run_id)] == [
        "approval.opened",
        "approval.escalated",
    ]
    assert (await opened.approvals.vote(row.id, BOB, YES)).state is ApprovalState.APPROVED


async def test_an_approval_lapses_when_its_subject_is_another(opened: Engine) -> None:
    row = await asked(opened, digest="old")
    await opened.approvals.vote(row.id, ANN, YES)
    assert (await opened.approvals.wait(place_of(row), digest="old")).state is (
        ApprovalState.APPROVED
    )
    lapsed = await opened.approvals.wait(place_of(row), digest="new")
    assert (lapsed.state, lapsed.reason) == (
        ApprovalState.LAPSED,
        "what was to be approved has changed",
    )
    with pytest.raises(AlreadyDecided, match="has lapsed"):
        await opened.approvals.vote(row.id, BOB, YES)


async def test_what_is_wanted_no_more_lapses_and_wakes_who_waits(opened: Engine) -> None:
    row = await asked(opened)
    waiting = asyncio.create_task(opened.approvals.wait(place_of(row)))
    await asyncio.sleep(0)
    await opened.approvals.lapse(row.run_id, "the run was stopped")
    decided = await asyncio.wait_for(waiting, 5)
    assert (decided.state, decided.reason) == (ApprovalState.LAPSED, "the run was stopped")


async def test_what_nobody_could_approve_is_refused_when_it_is_asked(opened: Engine) -> None:
    with pytest.raises(Invalid, match="req asked for it, and is its only approver"):
        await asked(opened, approvers={"users": ["req"]})
    assert not await opened.store.reader.read(lambda c: approvals.list_approvals(c, limit=9))

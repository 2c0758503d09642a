"""Approvals at work: opens them, takes votes, lets time decide, and tells who waits.

A vote, what it decides and their journal entries are one transaction. Waiting costs a future
and no task: votes and the clock wake it, and an engine that comes back reads the decision from
the record. Nothing is remembered here that the record does not say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from core import failpoints
from core.clock import Clock
from core.domain import approval
from core.domain.approval import ApprovalSpec, ApprovalState, Case, Choice, Vote
from core.domain.approvers import Voter
from core.domain.authorization import Actor
from core.errors import Conflict, Invalid, OpsError
from core.ids import Ids
from core.storage import approvals
from core.storage.approvals import ApprovalPlace, ApprovalRow
from core.storage.reading import Connection
from core.storage.runs import ENGINE_ACTOR
from core.storage.store import Store
from core.storage.writer import Transaction

Listener = Callable[[str], Awaitable[None]]


class Ballot(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody votes."""

    choice: Choice
    comment: str = ""
    form: Mapping[str, Any] = {}
    client: str = ""
    key: str = ""
    """Idempotency key: the same vote with the same key is answered, not counted again."""
    digest: str | None = None
    """Of what the voter has seen; None: whatever it is."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An approval as somebody sees it."""

    row: ApprovalRow
    case: Case
    votes: tuple[Vote, ...]
    missing: tuple[str, ...]
    """Who is still waited for, in words; empty once it is decided."""
    refusal: str
    """Why whoever asks may not vote on it; "" where it waits for them too."""


class Approvals:
    """What people are asked."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Future[Any]] = set()
        self._listener: Listener | None = None

    def told_to(self, listener: Listener) -> None:
        """Call `listener(run id)` after each decision; it reads the record, and may be called twice."""
        self._listener = listener

    # --- asking -------------------------------------------------------------------------------

    def ask(
        self,
        tx: Transaction,
        place: ApprovalPlace,
        spec: ApprovalSpec,
        *,
        message: str,
        requester: str,
        digest: str = "",
    ) -> ApprovalRow:
        """Ask within a transaction of the caller's; the place that was asked about stays as it is.

        `message` is the spec's with its values filled in. Raises Invalid where nobody could
        ever approve it. Whoever waits calls `wait` after the commit.
        """
        if (known := approvals.at(tx.connection, place)) is not None:
            return known
        if why := approval.impossible(spec, requester):
            raise Invalid(f"nobody could approve it: {why}", hint="name other approvers")
        frozen = spec.model_copy(update={"message": message})
        case = Case(spec=frozen, requester=requester, opened_at=tx.now)
        return approvals.create(tx, self._ids.new(), place, case, digest)

    async def open(
        self,
        place: ApprovalPlace,
        spec: ApprovalSpec,
        *,
        message: str,
        requester: str,
        digest: str = "",
    ) -> ApprovalRow:
        """Ask, in a transaction of its own; see `ask`."""
        return await self._store.writer.write(
            lambda tx: self.ask(
                tx, place, spec, message=message, requester=requester, digest=digest
            )
        )

    async def wait(self, place: ApprovalPlace, *, digest: str = "") -> ApprovalRow:
        """The decision about what was asked there, when there is one; at once if there was.

        A `digest` that differs from the one that was asked about lets the approval lapse.
        """
        if digest:
            await self._store.writer.write(lambda tx: lapse_if_changed(tx, place, digest))
        while True:
            # Listening comes before looking: a decision in between is not missed.
            news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(place.run_id, set()).add(news)
            try:
                row = await self._store.reader.read(lambda c: approvals.at(c, place))
                assert row is not None, "nothing was asked there"
                if row.state is not ApprovalState.OPEN:
                    return row
                await self.set_alarm()
                await news
            finally:
                self._waiting[place.run_id].discard(news)
                if not self._waiting[place.run_id]:
                    del self._waiting[place.run_id]

    # --- deciding -----------------------------------------------------------------------------

    async def vote(self, id_: str, actor: Actor, ballot: Ballot) -> ApprovalRow:
        """Count a vote; the errors of `approval.cast` change nothing."""
        voter = _voter(actor)

        def write(tx: Transaction) -> ApprovalRow:
            row = approvals.get(tx.connection, id_)
            stored = approvals.votes_of(tx.connection, row.id)
            votes = tuple(each.vote for each in stored)
            vote = Vote(
                voter=voter,
                choice=ballot.choice,
                at=tx.now,
                comment=ballot.comment,
                client=ballot.client,
                form=ballot.form,
            )
            if any(_is_repeated(each, vote, ballot.key) for each in stored):
                return row
            if row.state is ApprovalState.LAPSED:
                raise approval.AlreadyDecided(f"this approval has lapsed: {row.reason}")
            if ballot.digest not in (None, row.digest):
                raise Conflict(
                    "what is to be approved is not what you have seen",
                    hint="look at it again, then vote",
                )
            votes = approval.cast(row.case, votes, vote)
            approvals.add_vote(tx, row, votes[-1], ballot.key)
            standing = approval.judge(row.case, votes, tx.now)
            return approvals.settle(tx, row, standing, actor.name)

        row = await self._store.writer.write(write)
        failpoints.reach("approval.voted")
        self._tell(row.run_id)
        return row

    async def lapse(self, run_id: str, reason: str) -> None:
        """What the run still asks is wanted no more."""
        await self._store.writer.write(lambda tx: approvals.lapse(tx, run_id, reason))
        self._tell(run_id)

    async def withdraw(self, place: ApprovalPlace, reason: str) -> None:
        """What is asked there is wanted no more; a decision that was made stands."""

        def write(tx: Transaction) -> None:
            row = approvals.at(tx.connection, place)
            if row is not None and row.state is ApprovalState.OPEN:
                approvals.settle(tx, row, approvals.lapsed(tx, row, reason), ENGINE_ACTOR)

        await self._store.writer.write(write)
        self._tell(place.run_id)

    async def tick(self) -> None:
        """Let time decide what it has decided by now."""
        now = self._clock.now()
        if not await self._store.reader.read(lambda c: approvals.due(c, now)):
            return
        for run_id in await self._store.writer.write(_settle_due):
            self._tell(run_id)

    def stop(self) -> None:
        """Be woken no more."""
        if self._alarm is not None:
            self._alarm.cancel()

    # --- looking ------------------------------------------------------------------------------

    async def show(self, id_: str, actor: Actor) -> Shown:
        """One of them; a beginning of its id is enough. NotFound otherwise."""
        return await self._store.reader.read(
            lambda c: self._shown(c, [approvals.get(c, id_)], actor)[0]
        )

    async def listed(
        self,
        actor: Actor,
        *,
        state: ApprovalState | None = None,
        run_id: str | None = None,
        mine: bool = False,
        before: str | None = None,
        limit: int,
    ) -> list[Shown]:
        """Newest first; `mine`: only those that wait for a vote of whoever asks."""

        def read(c: Connection) -> list[Shown]:
            found: list[Shown] = []
            last = before
            while len(found) < limit:
                rows = approvals.list_approvals(
                    c,
                    state=ApprovalState.OPEN if mine else state,
                    run_id=run_id,
                    before=last,
                    limit=limit,
                )
                shown = self._shown(c, rows, actor)
                found += [each for each in shown if not mine or not each.refusal]
                if len(rows) < limit:
                    break
                last = rows[-1].id
            return found[:limit]

        return await self._store.reader.read(read)

    def _shown(self, c: Connection, rows: Sequence[ApprovalRow], actor: Actor) -> list[Shown]:
        votes = approvals.votes_of_all(c, [row.id for row in rows])
        now, voter = self._clock.now(), _voter(actor)
        return [_show(row, [each.vote for each in votes[row.id]], voter, now) for row in rows]

    def _tell(self, run_id: str) -> None:
        if self._listener is not None:
            self._keep(asyncio.ensure_future(self._listener(run_id)))
        for news in self._waiting.get(run_id, ()):
            if not news.done():
                news.set_result(None)

    def _keep(self, task: asyncio.Future[Any]) -> None:
        """The loop itself holds no task, and one that nobody holds may vanish."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def set_alarm(self) -> None:
        """Look when the next deadline comes; the beat looks too, for a clock that was set."""
        due = await self._store.reader.read(approvals.next_due)
        if due is None:
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + max((due - self._clock.now()).total_seconds(), 0)
        if (
            self._alarm is None
            or self._alarm.cancelled()
            or not loop.time() < self._alarm.when() <= at
        ):
            self.stop()
            self._alarm = loop.call_at(at, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._keep(loop.create_task(self.tick()))


def lapse_if_changed(tx: Transaction, place: ApprovalPlace, digest: str) -> None:
    """Also a decision lapses: what was approved is not what would be done."""
    row = approvals.at(tx.connection, place)
    if row is not None and row.digest != digest and row.state is not ApprovalState.LAPSED:
        reason = "what was to be approved has changed"
        approvals.settle(tx, row, approvals.lapsed(tx, row, reason), ENGINE_ACTOR)


def _voter(actor: Actor) -> Voter:
    """What an actor is to an approval: the kind of an actor is its role."""
    return Voter(actor.name, frozenset({actor.kind}))


def _show(row: ApprovalRow, votes: Sequence[Vote], voter: Voter, now: datetime) -> Shown:
    case, refusal = row.case, ""
    missing: tuple[str, ...] = ()
    if row.state is not ApprovalState.OPEN:
        refusal = f"it is decided: {row.state.value}"
    else:
        missing = approval.judge(case, votes, now).missing
        try:
            approval.check_may_vote(case, votes, voter, now)
        except OpsError as error:
            refusal = str(error)
    return Shown(row=row, case=case, votes=tuple(votes), missing=missing, refusal=refusal)


def _settle_due(tx: Transaction) -> list[str]:
    """Runs of which something was decided, or is asked of others now."""
    rows = approvals.due(tx.connection, tx.now)
    for row in rows:
        votes = [each.vote for each in approvals.votes_of(tx.connection, row.id)]
        approvals.settle(tx, row, approval.judge(row.case, votes, tx.now), ENGINE_ACTOR)
    return [row.run_id for row in rows]


def _is_repeated(known: approvals.StoredVote, vote: Vote, key: str) -> bool:
    """Whether a request has come before: its answer was lost on the way."""
    was = known.vote
    return key != "" and (known.key, was.voter.name, was.choice, was.comment) == (
        key,
        vote.voter.name,
        vote.choice,
        vote.comment,
    )

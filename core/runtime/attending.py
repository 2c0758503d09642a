"""One target's attempt: from its intent to its settled outcome, over as many connections as it takes.

    intent on disk -> open -> run -> outcome on disk -> settle
                       ^       |
                       |       +- the line was lost: look again, at the byte where it stopped
                       |       +- nothing was started, for certain: again, under a new id
                       +-------+
                               +- the engine stops: left as it is, for the next engine

Work with a claim outlives its connection and this process. So a cut is no end: the
host is looked for until `reattach_s` is over, and then the outcome is unknown, with
the evidence. An attempt that an earlier engine left comes in here as it stands.

Three rules. An intent is on disk before anything leaves this machine. A claim is settled
only when what it held is on disk. A second start needs a second id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
import structlog

from core import failpoints
from core.clock import Clock
from core.domain.captures import SetLines
from core.domain.command_rules import Decision, Level
from core.domain.normalising import OutputDigest
from core.domain.outputs_file import read_outputs_file
from core.domain.run import TargetCode, TargetState, transit
from core.domain.steps import StepBase
from core.errors import Invalid, TargetError
from core.executors import outcomes
from core.executors.protocol import Executor, Outcome, Position, Session, Stream, Work
from core.executors.stopping import StopSignal
from core.flow.definition import FrozenHost, RunDefinition
from core.runtime.gate import Gate
from core.runtime.lostlines import LostLines
from core.runtime.recording import StepRecorder, TargetLog
from core.runtime.recovery import Look, Recovery
from core.runtime.work import WorkMaker
from core.storage import output
from core.storage.database import Reader
from core.storage.output import RunBudget
from core.storage.reading import Connection
from core.storage.runs import TargetRow
from core.storage.writer import timestamp

log = structlog.get_logger(__name__)

_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Between two looks for a host that was lost; the last one repeats."""
_STOPPING_PATIENCE_S = 15.0
"""How long a lost host is looked for once the run is stopped."""
_MOST_IDS = 5
"""Ids that one attempt may use up; each was proved to have started nothing."""
_CLAIMS_KEPT_S = 6 * 86400.0
"""Hosts collect what nobody asks for after seven days; from then on an absence proves nothing."""
_FINAL_REFUSALS = frozenset({TargetCode.HOST_KEY_CHANGED, TargetCode.HOST_KEY_REVOKED})
"""Asking again would change nothing: a person has to decide."""
_RUNS_AGAIN = frozenset(
    {TargetCode.CLAIM_BROKEN, TargetCode.CONNECTION_LOST, TargetCode.ENGINE_LOST}
)
"""Unknown, though the host can be reached: an idempotent step runs there once more."""


class _Next(StrEnum):
    """What follows a visit that decided nothing."""

    LOOK = "look"
    BEGIN_ANEW = "begin anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What attending takes; the same for all targets of a step's attempt."""

    run_id: str
    definition: RunDefinition
    step: StepBase
    recorder: StepRecorder
    maker: WorkMaker
    executors: Callable[[FrozenHost, StepBase], Executor]
    gate: Gate
    budget: RunBudget
    reader: Reader
    clock: Clock
    new_id: Callable[[], str]
    reattach_s: float
    """How long a lost host is looked for."""
    recovery: Recovery
    lost_lines: LostLines
    stop: StopSignal
    """Set when the run is stopped: what runs is ended."""


class Attendant:
    """Attends one target. `outputs` is complete when `attend` returns True."""

    def __init__(self, means: Means, row: TargetRow) -> None:
        self._means = means
        self._row = row
        self._host = means.definition.hosts[row.ordinal]
        self._is_found = self._is_looked_after = row.state is TargetState.RUNNING
        """An earlier engine began it; and its looks are told."""
        self._began = means.clock.now()
        if row.started_at is not None:
            self._began = datetime.fromisoformat(row.started_at)
        self._ids_used = 1
        self._reruns_left = int(means.step.may_repeat)
        self._looks = 0
        """Looks for the host since it last brought anything new."""
        self._seen_until = Position(out=-1)
        self._interruptible: asyncio.Task[Any] | None = None
        """The task, while it waits for nothing that must be finished."""
        self._is_leaving = False
        self._is_given_up = False
        self._may_run = self._is_found
        """Work may have reached the target."""
        self._log: TargetLog | None = None
        self.outputs: dict[str, Any] = {}

    async def attend(self) -> bool:
        """Attend to the end; False when the engine leaves the work to the next one."""
        self._log = taker = await self._make_log()
        taker.claimed = self._means.maker.is_claimed(self._means.step)
        if self._is_found:
            failpoints.reach("recovery.looking")
            self._tell(Look.LOOKING)
        else:
            failpoints.reach("target.intent.before")
            await self._means.recorder.started(self._row, claimed=taker.claimed)
            failpoints.reach("target.intent.kept")
        if taker.claimed and self._means.gate.holding.is_set():
            return False
        self._interruptible = task = asyncio.current_task()
        try:
            if not self._is_given_up:
                await self._until_recorded(taker)
        except asyncio.CancelledError:
            if not (self._is_leaving or self._is_given_up):
                raise
            assert task is not None
            task.uncancel()
            if not self._is_given_up:
                return False
        finally:
            self._means.lost_lines.found(self._row.id)
        if self._interruptible is not None:
            self._tell(Look.UNKNOWN)
            await self._end(taker, self._given_up())
        return True

    def leave(self) -> None:
        """Stop following, where the target keeps the work. Nothing is said to the target."""
        if self._log is not None and self._log.claimed and self._interruptible is not None:
            self._is_leaving = True
            self._interruptible.cancel()

    def give_up(self) -> None:
        """End the attempt now, as it is known: whatever goes on there, nobody waits for it."""
        self._is_given_up = True
        if self._interruptible is not None:
            self._interruptible.cancel()

    def _given_up(self) -> Outcome:
        return outcomes.given_up() if self._may_run else outcomes.cancelled(started=False)

    async def _until_recorded(self, taker: TargetLog) -> None:
        resume = taker.position if self._is_found else None
        while True:
            async with AsyncExitStack() as held:
                session, outcome = await self._visit(held, taker, resume)
                verdict = self._judge(taker, outcome, resume)
                if isinstance(verdict, Outcome):
                    await self._end(taker, verdict)
                    # What is unknown keeps its claim: it is the evidence, and can be asked again.
                    if session is not None and verdict.state is not TargetState.UNKNOWN:
                        failpoints.reach("target.settling")
                        await session.settle()
                        failpoints.reach("target.settled")
                    return
            if verdict is _Next.LOOK:
                await self._wait_for_next_look(taker, outcome)
                resume = taker.position
            else:
                await self._begin_anew(taker, outcome)
                resume = None

    # ------------------------------------------------------------------ one visit

    async def _visit(
        self, held: AsyncExitStack, taker: TargetLog, resume: Position | None
    ) -> tuple[Session | None, Outcome]:
        """What one connection brought; the session stays open until `held` is closed."""
        session: Session | None = None
        try:
            session = await held.enter_async_context(self._session(patient=resume is not None))
            if session is None:
                return None, outcomes.cancelled(started=False)
            if resume is not None:
                self._reached(taker)
            failpoints.reach("target.entered")
            maker, step = self._means.maker, self._means.step
            claim = None
            if taker.claimed:
                claim = maker.claim(self._host, step, resume, self._running_s())
            work = maker.work(self._host, step, taker.row, claim)
            if resume is None:
                await self._guard(work)
            self._may_run = True
            return session, await session.run(work, taker, self._means.stop)
        except TargetError as error:
            return session, outcomes.refused(error)
        except Exception as bug:
            # One host's bug must not end the others; it is recorded as ours, with its trace.
            log.exception("target.bug", host=self._row.host, step=self._row.step)
            return session, Outcome(
                state=TargetState.UNKNOWN,
                code=TargetCode.DISPATCH_FAILURE,
                message=f"a bug in Jobdeck, see engine.log: {type(bug).__name__}",
            )

    async def _guard(self, work: Work) -> None:
        """TargetError where the work, now that its values are known, meets a rule that nobody
        has acknowledged.
        """
        maker, step = self._means.maker, self._means.step
        if not maker.is_open(step):
            return
        # In a thread: a long text takes longer than the loop may wait.
        found = await asyncio.to_thread(maker.unforeseen, self._host, step, work)
        if not found:
            return
        stops = [hit for hit in found if hit.level is not Level.SCAN]
        decision = Decision.REFUSED if stops else Decision.NOTED
        await self._means.recorder.dangers(self._row, found, decision)
        if stops:
            first = stops[0]
            raise TargetError(
                TargetCode.UNAUTHORIZED,
                f"with its values, `{first.meaning or first.command}` meets the rule {first.rule}"
                f" ({first.level}): {first.message}",
                hint="it was not started; it would have to be known at the start of the run",
            )

    @asynccontextmanager
    async def _session(self, *, patient: bool) -> AsyncIterator[Session | None]:
        """An open session; None when the run was stopped first, which a patient one goes through."""
        means = self._means
        opening = means.executors(self._host, means.step).open(
            means.maker.target(self._host, means.step)
        )
        if patient:
            async with means.gate.looking:
                session: Session | None = await opening.__aenter__()
        else:
            session = await _unless_stopped(opening.__aenter__(), means.stop)
        if session is None:
            yield None
            return
        try:
            yield session
        finally:
            await opening.__aexit__(None, None, None)

    def _reached(self, taker: TargetLog) -> None:
        failpoints.reach("target.reached-again")
        self._tell(Look.FOLLOWING)
        away_s = self._means.lost_lines.found(self._row.id)
        if away_s is not None:
            taker.note(f"Jobdeck: the host was reached again after {away_s:.0f} s\n")

    def _running_s(self) -> float:
        return max(0.0, (self._means.clock.now() - self._began).total_seconds())

    # ------------------------------------------------------------------ what follows from it

    def _judge(
        self, taker: TargetLog, outcome: Outcome, resume: Position | None
    ) -> Outcome | _Next:
        """The outcome to record, or what to do next."""
        stopped = self._means.stop.is_set()
        if outcome.never_started:
            return self._judge_absence(taker, outcome, stopped=stopped)
        if outcome.may_be_followed or (resume is not None and _is_refusal(outcome)):
            return self._judge_lost_line(outcome, stopped=stopped)
        runs_again = outcome.state is TargetState.UNKNOWN and outcome.code in _RUNS_AGAIN
        if runs_again and self._reruns_left and not stopped:
            self._reruns_left -= 1
            return _Next.BEGIN_ANEW
        self._tell(Look.UNKNOWN if outcome.state is TargetState.UNKNOWN else Look.HARVESTED)
        return outcome

    def _judge_absence(
        self, taker: TargetLog, outcome: Outcome, *, stopped: bool
    ) -> Outcome | _Next:
        if taker.has_output or self._running_s() > _CLAIMS_KEPT_S:
            self._tell(Look.UNKNOWN)
            return Outcome(
                state=TargetState.UNKNOWN,
                code=TargetCode.CLAIM_BROKEN,
                message="its claim is not there any more (was it removed by hand, or too old?);"
                " how it ended cannot be known (look at the host)",
            )
        if stopped:
            self._tell(Look.HARVESTED)
            return outcomes.cancelled(started=False)
        if self._ids_used >= _MOST_IDS:
            return outcomes.refused(
                TargetError(
                    TargetCode.CONNECTION_LOST,
                    f"the connection broke {self._ids_used} times before the work could start;"
                    " nothing was started",
                )
            )
        self._ids_used += 1
        return _Next.BEGIN_ANEW

    def _judge_lost_line(self, outcome: Outcome, *, stopped: bool) -> Outcome | _Next:
        row = self._row
        lost_for_s = self._means.lost_lines.lost(row.id, self._means.run_id, row.host)
        patience_s = self._means.reattach_s
        if stopped:
            patience_s = min(patience_s, _STOPPING_PATIENCE_S)
        if outcome.code not in _FINAL_REFUSALS and lost_for_s < patience_s:
            return _Next.LOOK
        self._tell(Look.UNKNOWN)
        return Outcome(
            state=TargetState.UNKNOWN,
            code=TargetCode.CANCEL_UNVERIFIED if stopped else TargetCode.LINE_LOST,
            message=f"the connection was lost, and the host could not be asked again: "
            f"{outcome.message}; it keeps the work and its output: look again when it is back",
        )

    async def _wait_for_next_look(self, taker: TargetLog, outcome: Outcome) -> None:
        failpoints.reach("target.lost")
        if taker.position != self._seen_until:
            self._seen_until, self._looks = taker.position, 0
        if self._looks == 0 and not self._is_found:
            taker.note(f"Jobdeck: {outcome.message}; looking for it\n")
        delay_s = _DELAYS_S[min(self._looks, len(_DELAYS_S) - 1)]
        self._looks += 1
        self._tell(Look.LOOKING)
        stop = self._means.stop
        if stop.is_set():
            await asyncio.sleep(delay_s)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await stop.wait()

    async def _begin_anew(self, taker: TargetLog, outcome: Outcome) -> None:
        """Prepare another start, under another id."""
        if not outcome.never_started:
            taker.note(f"Jobdeck: {outcome.message}; the step is idempotent, so it runs again\n")
        row = msgspec.structs.replace(taker.row, attempt_id=self._means.new_id(), positions={})
        failpoints.reach("target.renewing")
        await self._means.recorder.renewed(taker.row, row.attempt_id)
        failpoints.reach("target.renewed")
        taker.begin_anew(row, self._new_digest())
        self._began = self._means.clock.now()
        self._means.lost_lines.found(self._row.id)
        self._looks = 0
        self._tell(Look.STARTED)

    # ------------------------------------------------------------------ the record

    async def _end(self, taker: TargetLog, outcome: Outcome) -> None:
        """Record the outcome; from here on nothing breaks in."""
        self._interruptible = None
        failpoints.reach("target.worked")
        await self._record(taker, outcome)
        failpoints.reach("target.ended")

    async def _record(self, taker: TargetLog, outcome: Outcome) -> None:
        mask_text = self._means.maker.masker.mask_text
        end, problems = taker.end(outcome, timestamp(self._means.clock.now()))
        values: dict[str, Any] = dict(end.outputs)
        try:
            values.update(read_outputs_file(outcome.outputs_file, mask_text))
        except Invalid as error:
            problems.append(str(error))
        end = msgspec.structs.replace(end, outputs=values, message=mask_text(end.message))
        if problems and end.state is TargetState.SUCCESS:
            end = msgspec.structs.replace(
                end,
                state=TargetState.LOG_ERROR,
                code=TargetCode.INVALID_OUTPUTS,
                message=f"it ended well, but set unusable outputs: {'; '.join(problems)}"[:2000],
            )
        self.outputs = values
        transit(f"target {taker.row.host}", TargetState.RUNNING, end.state)
        await self._means.recorder.ended(taker.row, TargetState.RUNNING, end)

    async def _make_log(self) -> TargetLog:
        """A log that goes on after what is stored of the target already."""
        means, row = self._means, self._row
        digest, sets, budget = self._new_digest(), SetLines(), means.budget
        own = budget.target()
        if row.size_bytes:
            lines = await means.reader.read(lambda c: self._replay(c, digest, sets))
            own = budget.target(row.size_bytes, lines, row.dropped_bytes)
        return TargetLog(row, means.recorder, means.maker.masker, digest, own, sets)

    def _replay(self, connection: Connection, digest: OutputDigest, sets: SetLines) -> int:
        """Show what is stored to `digest` and `sets`, as if it came now; its number of lines.

        Not where the work begins anew: then only the new output counts.
        """
        lines = 0
        for segment in output.iter_all(connection, self._row.id):
            lines += segment.data.count(b"\n")
            if self._is_found and segment.stream != Stream.NOTE:
                digest.feed(segment.stream, segment.data)
            if self._is_found and segment.stream == Stream.OUT:
                sets.feed(segment.data)
        return lines

    def _new_digest(self) -> OutputDigest:
        return OutputDigest((self._host.name, self._host.address))

    def _tell(self, look: Look) -> None:
        if self._is_looked_after:
            self._means.recovery.note(self._row.id, look)
        if look is Look.STARTED:
            self._is_looked_after = False


def _is_refusal(outcome: Outcome) -> bool:
    """Whether there was no connection to ask on."""
    return outcome.code in outcomes.STATE_OF_REFUSAL


async def _unless_stopped(
    entering: Coroutine[Any, Any, Session], stop: StopSignal
) -> Session | None:
    """The session, or None when `stop` came first and there is none yet."""
    try:
        async with stop.breaks():
            return await entering
    except (TimeoutError, TargetError):
        if not stop.is_set():
            raise
        return None

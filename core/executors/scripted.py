"""A double of an executor: hosts that do what a script says. For tests and simulations.

It keeps the protocol's promises (a stop is obeyed, back-pressure is honoured, a far
side's "no" is a TargetError, work under a claim is started once and can be followed)
and counts what it was asked to do, so that "nothing ran twice" can be checked.

Its hosts outlive the engines that use them: what is claimed stays claimed.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from core.errors import TargetError
from core.executors import outcomes
from core.executors.dialect import POSIX
from core.executors.protocol import (
    Claim,
    Outcome,
    OutputLimitReached,
    Position,
    Session,
    Sink,
    Stream,
    Target,
    Work,
)
from core.executors.stopping import StopSignal

_LOST = "the script lost the line"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a scripted host does with one piece of work."""

    output: tuple[tuple[Stream, bytes], ...] = ()
    exit_code: int = 0
    outputs_file: bytes | None = None
    refuses: TargetError | None = None
    """Raised when a session is opened."""
    until: asyncio.Event | None = None
    """The work lasts until this is set."""
    deaf: bool = False
    """A stop changes nothing: the host does not answer to it."""
    lost_at: tuple[int, ...] = ()
    """The line is lost, once each, when so many bytes of output have come in all; ascending.
    At the number of all bytes it is lost before the exit status."""
    lost_on_the_way: bool = False
    """The line is lost before the work reaches the host: nothing is claimed, nothing begins."""
    unclaimed: str = ""
    """Why the host can hold no claim; "": it can."""
    broken: str = ""
    """Evidence: whoever comes back after a lost line finds neither the work nor its status."""


@dataclass(slots=True)
class _Held:
    """A host's record of one attempt; direct work has one that nobody finds again."""

    behaviour: Behaviour
    losses: list[int] = field(default_factory=list)
    """Those of `lost_at` that are still to come."""
    ended: Outcome | None = None
    """How the engine ended it."""

    def room(self, came: int) -> int:
        """Bytes that may follow the first `came` before the line is lost."""
        return max(0, self.losses[0] - came) if self.losses else sys.maxsize

    def loses_the_line(self, came: int) -> bool:
        """Whether the line is lost after `came` bytes; each loss happens once."""
        is_lost = self.room(came) == 0
        if is_lost:
            del self.losses[0]
        return is_lost


class ScriptedExecutor:
    """Hosts whose behaviour is a function of the target and the work."""

    def __init__(self, script: Callable[[Target, Work | None], Behaviour]) -> None:
        self._script = script
        self._claims: dict[str, _Held | None] = {}
        """Attempt id -> what is held; None: it can never start."""
        self._fences: dict[str, int] = {}
        """Run id -> the highest epoch that looked after its work."""
        self.started: Counter[str] = Counter()
        """How often work began, by attempt id."""
        self.settled: Counter[str] = Counter()
        """How often a claim was given up, by attempt id."""
        self.works: list[tuple[str, Work]] = []
        """Every work that began, with its host, in order."""
        self.looks: list[tuple[str, Work]] = []
        """Every work that was looked for with `resume`, with its host, in order."""
        self.running = 0
        self.most_running = 0

    @property
    def claimed(self) -> set[str]:
        """Attempts whose claims the hosts still hold."""
        return {attempt_id for attempt_id, held in self._claims.items() if held is not None}

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[Session]:
        refused = self._script(target, None).refuses
        await asyncio.sleep(0)
        if refused is not None:
            raise refused
        yield _ScriptedSession(self, target)

    async def close(self) -> None:
        """Nothing is kept open."""

    def behave(self, target: Target, work: Work) -> Behaviour:
        """What happens now that `work` comes to `target`."""
        return self._script(target, work)

    def begin(self, target: Target, work: Work) -> None:
        """`work` begins."""
        self.started[work.attempt_id] += 1
        self.works.append((target.host, work))

    def arrive(self, target: Target, work: Work, claim: Claim) -> _Held | Outcome:
        """The claim that `work` follows from now on, or why there is none."""
        if claim.epoch < self._fences.get(claim.run_id, 0):
            return outcomes.fenced(started_nothing=claim.resume is None)
        if claim.resume is not None:
            self._fences[claim.run_id] = claim.epoch
            self.looks.append((target.host, work))
            held = self._claims.setdefault(work.attempt_id, None)
            if held is not None and held.behaviour.broken:
                return outcomes.claim_broken(held.behaviour.broken)
            return held or outcomes.claim_absent()
        if work.attempt_id in self._claims:
            return self._claims[work.attempt_id] or outcomes.claim_absent()
        behaviour = self.behave(target, work)
        if behaviour.lost_on_the_way:
            return outcomes.line_lost(_LOST, started=False)
        held = _Held(behaviour, list(behaviour.lost_at))
        if not behaviour.unclaimed:
            self._claims[work.attempt_id] = held
            self.begin(target, work)
        return held

    def settle(self, attempt_id: str) -> None:
        """The host forgets a claim; a tombstone stays."""
        if self._claims.get(attempt_id) is not None:
            del self._claims[attempt_id]
            self.settled[attempt_id] += 1


class _ScriptedSession:
    def __init__(self, executor: ScriptedExecutor, target: Target) -> None:
        self._executor = executor
        self._target = target
        self._last: Work | None = None

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        executor, claim = self._executor, work.claim
        if claim is not None:
            found = executor.arrive(self._target, work, claim)
        else:
            behaviour = executor.behave(self._target, work)
            found = _Held(behaviour, list(behaviour.lost_at))
        if isinstance(found, Outcome):
            return found
        self._last = work
        executor.running += 1
        executor.most_running = max(executor.most_running, executor.running)
        try:
            is_direct = claim is None or bool(found.behaviour.unclaimed)
            if is_direct:
                if claim is not None:
                    await sink.unclaimed(found.behaviour.unclaimed)
                executor.begin(self._target, work)
            return await self._follow(found, work, sink, stop, is_direct=is_direct)
        finally:
            executor.running -= 1

    async def settle(self) -> None:
        if self._last is not None:
            self._executor.settle(self._last.attempt_id)

    async def _follow(
        self, held: _Held, work: Work, sink: Sink, stop: StopSignal, *, is_direct: bool
    ) -> Outcome:
        if held.ended is not None:
            return held.ended
        behaviour = held.behaviour
        resume = work.claim.resume if work.claim is not None else None
        try:
            if not await _deliver(held, resume, sink):
                if is_direct:
                    return outcomes.connection_lost(_LOST, started=True)
                return outcomes.line_lost(_LOST, started=True)
        except OutputLimitReached:
            held.ended = outcomes.printed_too_much("")
            return held.ended
        if behaviour.until is not None and behaviour.deaf:
            await behaviour.until.wait()
        elif behaviour.until is not None:
            ended = await _first_of(stop, behaviour.until, work.timeout_s)
            if ended is not None:
                held.ended = ended
                return ended
        outcome = outcomes.exited(behaviour.exit_code, None, POSIX.meaning(behaviour.exit_code))
        if behaviour.outputs_file is not None:
            outcome = outcomes.with_outputs(outcome, behaviour.outputs_file)
        return outcome


async def _deliver(held: _Held, resume: Position | None, sink: Sink) -> bool:
    """Hand over the output from `resume` on; False when the line was lost on the way."""
    known = {Stream.OUT: resume.out, Stream.ERR: resume.err} if resume is not None else {}
    came = 0
    for stream, data in held.behaviour.output:
        if stream is Stream.NOTE:
            if resume is None:
                await _hand_over(sink, stream, data)
            continue
        skipped = min(known.get(stream, 0), len(data))
        known[stream] = known.get(stream, 0) - skipped
        came += skipped
        piece = data[skipped : skipped + held.room(came)]
        await _hand_over(sink, stream, piece)
        came += len(piece)
        if held.loses_the_line(came):
            return False
    return not held.loses_the_line(came)


async def _hand_over(sink: Sink, stream: Stream, data: bytes) -> None:
    if data and not sink.write(stream, data):
        await sink.ready()


async def _first_of(
    stop: asyncio.Event, until: asyncio.Event, timeout_s: float | None
) -> Outcome | None:
    """How the work is ended before `until` is set; None where that comes first."""
    waits = {asyncio.ensure_future(event.wait()) for event in (stop, until)}
    try:
        done, _ = await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if until.is_set():
        return None
    if done:
        return outcomes.cancelled(started=True)
    assert timeout_s is not None
    return outcomes.timed_out(timeout_s, "")

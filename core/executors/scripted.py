"""A double of an executor: hosts that do what a script says. For tests and simulations.

It keeps the protocol's promises (a stop is obeyed, back-pressure is honoured,
a far side's "no" is a TargetError) and counts what it was asked to do, so that
"nothing ran twice" can be checked.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.domain.run import TargetCode, TargetState
from core.errors import TargetError
from core.executors.protocol import Outcome, OutputLimitReached, Session, Sink, Stream, Target, Work


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


class ScriptedExecutor:
    """Hosts whose behaviour is a function of the target and the work."""

    def __init__(self, script: Callable[[Target, Work | None], Behaviour]) -> None:
        self._script = script
        self.started: Counter[str] = Counter()
        """How often work began, by attempt id."""
        self.works: list[tuple[str, Work]] = []
        """Every work that began, with its host, in order."""
        self.running = 0
        self.most_running = 0

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
        """What happens now that `work` begins on `target`."""
        self.started[work.attempt_id] += 1
        self.works.append((target.host, work))
        return self._script(target, work)


class _ScriptedSession:
    def __init__(self, executor: ScriptedExecutor, target: Target) -> None:
        self._executor = executor
        self._target = target

    async def run(self, work: Work, sink: Sink, stop: asyncio.Event) -> Outcome:
        executor = self._executor
        behaviour = executor.behave(self._target, work)
        executor.running += 1
        executor.most_running = max(executor.most_running, executor.running)
        try:
            return await self._perform(behaviour, sink, stop)
        finally:
            executor.running -= 1

    async def settle(self) -> None:
        """Nothing is kept."""

    async def _perform(self, behaviour: Behaviour, sink: Sink, stop: asyncio.Event) -> Outcome:
        try:
            for stream, data in behaviour.output:
                if not sink.write(stream, data):
                    await sink.ready()
        except OutputLimitReached:
            return Outcome(
                state=TargetState.FAILED,
                code=TargetCode.OUTPUT_LIMIT,
                message="it printed more than its limit",
            )
        if behaviour.until is not None and await _stopped_first(stop, behaviour.until):
            return Outcome(
                state=TargetState.TERMINATED, code=TargetCode.CANCELLED, message="cancelled"
            )
        if behaviour.exit_code:
            return Outcome(
                state=TargetState.FAILED,
                code=TargetCode.NON_ZERO_RESULT,
                exit_code=behaviour.exit_code,
                message=f"exit status {behaviour.exit_code}",
            )
        return Outcome(state=TargetState.SUCCESS, exit_code=0, outputs_file=behaviour.outputs_file)


async def _stopped_first(stop: asyncio.Event, until: asyncio.Event) -> bool:
    """Whether `stop` was set before `until`."""
    waits = {asyncio.ensure_future(event.wait()) for event in (stop, until)}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return stop.is_set() and not until.is_set()

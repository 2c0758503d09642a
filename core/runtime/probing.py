"""Asking targets whether work could begin there. Nothing of the work itself is sent, but for
steps that a check tries because they change nothing.

Hosts are reached as a run reaches them: the same executors, logins and judgement of host
keys, so a first key becomes pending here too. Their own program runs directly, under no
claim. One host's trouble is its own finding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack

import structlog

from core.clock import Clock
from core.domain import probing
from core.domain.probing import Finding
from core.domain.run import TargetCode, TargetState
from core.domain.steps import StepBase
from core.domain.tasks import Program
from core.errors import TargetError
from core.executors import outcomes
from core.executors.protocol import Executor, Outcome, Stream, Work
from core.executors.stopping import StopSignal
from core.flow.definition import FrozenHost, RunDefinition
from core.flow.dryrun import PlanLevel, Probe, asked
from core.ids import Ids
from core.runtime.work import WorkMaker

log = structlog.get_logger(__name__)

AT_ONCE = 64
"""Hosts that are asked at the same time."""
TIMEOUT_S = 20.0
"""For a host's answer, once it is reached."""


class _Answer:
    """Takes what a host prints."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.data = b""
        self.came_s = 0.0
        """When the first of it came, in seconds since 1970."""

    def write(self, stream: Stream, data: bytes) -> bool:
        if stream is Stream.OUT:
            self.came_s = self.came_s or self._clock.now().timestamp()
            self.data += data[: max(0, probing.MOST_BYTES - len(self.data))]
        return True

    async def ready(self) -> None:
        """There is always room: what is too much is not kept."""

    async def unclaimed(self, reason: str) -> None:
        """A probe asks for no claim."""


class Probing:
    """One probe, from its start to its last finding."""

    def __init__(
        self,
        definition: RunDefinition,
        maker: WorkMaker,
        executors: Callable[[FrozenHost, StepBase], Executor],
        clock: Clock,
        ids: Ids,
        level: PlanLevel = PlanLevel.PROBE,
    ) -> None:
        self._definition = definition
        self._maker = maker
        self._executors = executors
        self._clock = clock
        self._ids = ids
        self._stop = StopSignal()
        self._findings: dict[int, Finding] = {}
        self._probes = asked(definition, level)

    @property
    def findings(self) -> list[Finding]:
        """What is known so far, in the order of the hosts."""
        return [self._findings[place] for place in sorted(self._findings)]

    @property
    def was_stopped(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask nobody else, and end what is being asked."""
        self._stop.set()

    async def run(self) -> None:
        """Ask every host; returns when all have answered, or were stopped."""
        queue = iter(enumerate(self._probes))
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(self._probes))):
                group.create_task(self._take_from(queue))

    async def _take_from(self, queue: Iterator[tuple[int, Probe]]) -> None:
        for place, probe in queue:
            if self._stop.is_set():
                return
            self._findings[place] = await self._ask(probe)

    async def _ask(self, probe: Probe) -> Finding:
        answer = _Answer(self._clock)
        try:
            outcome = await self._reach(probe, answer)
        except TargetError as error:
            outcome = outcomes.refused(error)
        except Exception as bug:
            # One host's bug must not end the others; it is recorded as ours, with its trace.
            log.exception("probe.bug", host=self._definition.hosts[probe.ordinal].name)
            outcome = Outcome(
                state=TargetState.UNKNOWN,
                code=TargetCode.DISPATCH_FAILURE,
                message=f"a bug in Jobdeck, see engine.log: {type(bug).__name__}",
            )
        return self._finding(probe, outcome, answer)

    async def _reach(self, probe: Probe, answer: _Answer) -> Outcome:
        host, step = self._definition.hosts[probe.ordinal], probe.steps[0]
        opening = self._executors(host, step).open(self._maker.target(host, step))
        async with AsyncExitStack() as stack:
            try:
                async with self._stop.breaks():
                    session = await stack.enter_async_context(opening)
            except TimeoutError:
                return outcomes.cancelled(started=False)
            work = self._rehearsal(host, step) if probe.rehearses else self._work(host, probe)
            return await session.run(work, answer, self._stop)

    def _rehearsal(self, host: FrozenHost, step: StepBase) -> Work:
        work = self._maker.rehearsal(host, step, self._ids.new())
        if work is None:
            raise TargetError(TargetCode.INVALID_OPTIONS, f"{host.name}: nobody can predict it")
        return work

    def _work(self, host: FrozenHost, probe: Probe) -> Work:
        return Work(
            attempt_id=self._ids.new(),
            task=Program(text=probing.PROGRAM),
            env={
                probing.INTERPRETERS: " ".join(probe.interpreters),
                probing.SPOOL: self._maker.spool(host, probe.steps[0]),
            },
            timeout_s=TIMEOUT_S,
        )

    def _finding(self, probe: Probe, outcome: Outcome, answer: _Answer) -> Finding:
        masked = self._maker.masker.mask_text
        found = Finding(
            ordinal=probe.ordinal,
            host=self._definition.hosts[probe.ordinal].name,
            account=probe.account,
            steps=[step.name for step in probe.steps],
            state=outcome.state,
            code=outcome.code,
            message=masked(outcome.message),
        )
        if probe.rehearses or outcome.state is not TargetState.SUCCESS:
            return found
        text = masked(answer.data.decode(errors="replace"))
        return probing.judged(
            found,
            probing.read(text, answer.came_s),
            wanted=probe.interpreters,
            detached=probe.is_detached,
        )

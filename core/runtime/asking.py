"""Asking a host something: a program of ours runs there directly, and its answer is read.

Hosts are reached as a run reaches them: the same executors, logins and judgement of host keys,
so a first key becomes pending here too. One host's trouble is its own reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from core.clock import Clock
from core.domain.run import TargetCode, TargetState
from core.domain.steps import StepBase
from core.domain.tasks import Program
from core.errors import TargetError
from core.executors import outcomes
from core.executors.protocol import Executor, Outcome, Stream, Work
from core.executors.stopping import StopSignal
from core.flow.definition import FrozenHost
from core.ids import Ids
from core.runtime.work import WorkMaker

log = structlog.get_logger(__name__)

AT_ONCE = 64
"""Hosts that are asked at the same time."""
TIMEOUT_S = 20.0
"""For a host's answer, once it is reached."""
MOST_BYTES = 64 * 1024
"""Of a host's answer; what follows is not looked at."""

MakeWork = Callable[[str], Work]
"""An attempt's id -> what is run; TargetError where it cannot be."""

_Item = TypeVar("_Item")


def looking(program: Program, env: Mapping[str, str] | None = None) -> MakeWork:
    """A program of ours that only looks around."""
    return lambda attempt_id: Work(
        attempt_id=attempt_id, task=program, env=dict(env or {}), timeout_s=TIMEOUT_S
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How a host answered."""

    outcome: Outcome
    """Its message is masked."""
    text: str
    """What it printed, masked; "" where it did not come so far."""
    came_s: float
    """When the first of it came, in seconds since 1970; 0: nothing did."""
    reached_s: float | None
    """Seconds until a session was open; None: none was."""
    took_s: float
    """Seconds until all was over."""

    @property
    def is_good(self) -> bool:
        return self.outcome.state is TargetState.SUCCESS


class Asker:
    """Asks hosts, one at a time, until it is stopped."""

    def __init__(
        self,
        maker: WorkMaker,
        executors: Callable[[FrozenHost, StepBase], Executor],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._maker = maker
        self._executors = executors
        self._clock = clock
        self._ids = ids
        self._stop = StopSignal()

    @property
    def was_stopped(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask nobody else, and end what is being asked."""
        self._stop.set()

    async def ask(self, host: FrozenHost, step: StepBase, make: MakeWork) -> Reply:
        """Run what `make` makes there, as the step would log in; never raises for a host."""
        answer = Answer(self._clock)
        begun_s = self._clock.monotonic()
        try:
            work = make(self._ids.new())
            outcome = await self._reach(host, step, work, answer)
        except TargetError as error:
            outcome = outcomes.refused(error)
        except Exception as bug:
            # One host's bug must not end the others; it is recorded as ours, with its trace.
            log.exception("asking.bug", host=host.name)
            outcome = Outcome(
                state=TargetState.UNKNOWN,
                code=TargetCode.DISPATCH_FAILURE,
                message=f"a bug in Jobdeck, see engine.log: {type(bug).__name__}",
            )
        masked = self._maker.masker.mask_text
        return Reply(
            outcome=Outcome(
                state=outcome.state, code=outcome.code, message=masked(outcome.message)
            ),
            text=masked(answer.data.decode(errors="replace")),
            came_s=answer.came_s,
            reached_s=None if answer.open_s is None else answer.open_s - begun_s,
            took_s=self._clock.monotonic() - begun_s,
        )

    async def _reach(self, host: FrozenHost, step: StepBase, work: Work, answer: Answer) -> Outcome:
        opening = self._executors(host, step).open(self._maker.target(host, step))
        async with AsyncExitStack() as stack:
            try:
                async with self._stop.breaks():
                    session = await stack.enter_async_context(opening)
            except TimeoutError:
                return outcomes.cancelled(started=False)
            answer.open_s = self._clock.monotonic()
            return await session.run(work, answer, self._stop)


async def side_by_side(items: Iterable[_Item], ask: Callable[[_Item], Awaitable[None]]) -> None:
    """Call `ask` for every item, AT_ONCE of them at the same time."""
    queue = iter(items)

    async def take(queue: Iterator[_Item]) -> None:
        for item in queue:
            await ask(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(take(queue))


@dataclass(slots=True)
class Answer:
    """A sink that takes what a program of ours prints."""

    clock: Clock
    most_bytes: int = MOST_BYTES
    """What follows is counted, and not kept."""
    data: bytearray = field(default_factory=bytearray)
    size_bytes: int = 0
    came_s: float = 0.0
    open_s: float | None = None

    def write(self, stream: Stream, data: bytes) -> bool:
        if stream is Stream.OUT:
            self.came_s = self.came_s or self.clock.now().timestamp()
            self.size_bytes += len(data)
            self.data += data[: max(0, self.most_bytes - len(self.data))]
        return True

    async def ready(self) -> None:
        """There is always room: what is too much is not kept."""

    async def unclaimed(self, reason: str) -> None:
        """Whoever asks wants no claim."""

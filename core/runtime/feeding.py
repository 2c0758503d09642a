"""Events on their way into a run's machine: stored with all that follows from them, then performed.

Events that come while others are being stored are stored together in one commit, so a flow that
begins a thousand nodes at once does not wait for a thousand commits. What a person asks is
stored by itself: they hear of a disk that refuses, while what the engine has to say waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core import failpoints
from core.errors import IllegalTransition
from core.flow import machine
from core.flow.commands import AnyCommand, FinishRun
from core.flow.events import AnyEvent
from core.flow.machine import FlowState
from core.runtime import consequences
from core.runtime.consequences import Advanced
from core.runtime.recording import write_until_kept
from core.storage.runs import ENGINE_ACTOR
from core.storage.store import Store
from core.storage.writer import Transaction

_MOST = 500
"""Events that one commit takes."""


@dataclass(slots=True)
class _Fed:
    """An event, and who waits for what comes of it."""

    event: AnyEvent
    actor: str
    reason: str
    also: Callable[[Transaction], None] | None
    kept: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Feed:
    """The events of one run, one after the other."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        state: FlowState,
        perform: Callable[[Sequence[AnyCommand]], None],
        at_end: Callable[[Transaction], None],
    ) -> None:
        """`perform` is called when what led to the commands is on disk; `at_end` writes with the
        event that ends the run.
        """
        self.state = state
        self._store = store
        self._run_id = run_id
        self._perform = perform
        self._at_end = at_end
        self._waiting: deque[_Fed] = deque()
        self._storing = asyncio.Lock()

    async def feed(
        self,
        event: AnyEvent,
        actor: str,
        reason: str,
        also: Callable[[Transaction], None] | None,
    ) -> None:
        """Advance, commit the event with all that follows from it (and `also`), then perform.

        IllegalTransition leaves everything as it was.
        """
        fed = _Fed(event, actor, reason, also)
        self._waiting.append(fed)
        async with self._storing:
            while not fed.kept.done():
                await self._store_next()
        await fed.kept

    async def _store_next(self) -> None:
        """Store the events that wait first."""
        taken = self._take()
        kept, advances = self._advance(taken)
        if not advances:
            return
        commands = [command for each in advances for command in each.commands]
        ends = any(isinstance(command, FinishRun) for command in commands)

        def store(tx: Transaction) -> None:
            consequences.keep(tx, self._run_id, advances)
            for fed in kept:
                if fed.also is not None:
                    fed.also(tx)
            if ends:
                self._at_end(tx)

        try:
            if taken[0].actor == ENGINE_ACTOR:
                await write_until_kept(self._store.writer, self._run_id, store)
            else:
                await self._store.writer.write(store)
        except Exception as error:  # noqa: BLE001 - whoever fed the event gets it
            for fed in kept:
                fed.kept.set_exception(error)
            return
        failpoints.reach("event.kept")
        self.state = advances[-1].after
        self._perform(commands)
        for fed in kept:
            fed.kept.set_result(None)

    def _take(self) -> list[_Fed]:
        """The next events: those of the engine together, one of a person alone."""
        taken = [self._waiting.popleft()]
        if taken[0].actor == ENGINE_ACTOR:
            while self._waiting and self._waiting[0].actor == ENGINE_ACTOR and len(taken) < _MOST:
                taken.append(self._waiting.popleft())
        return taken

    def _advance(self, taken: Sequence[_Fed]) -> tuple[list[_Fed], list[Advanced]]:
        """Those that are legal, and what each of them leads to."""
        kept, advances = [], []
        state = self.state
        for fed in taken:
            try:
                after, commands = machine.advance(state, fed.event)
            except IllegalTransition as refused:
                fed.kept.set_exception(refused)
                continue
            failpoints.reach("event.advanced")
            kept.append(fed)
            advances.append(Advanced(fed.event, fed.actor, fed.reason, state, after, commands))
            state = after
        return kept, advances

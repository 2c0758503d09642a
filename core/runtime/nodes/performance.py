"""One attempt of a node that is no step: what it is given, what it is asked, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.clock import Clock
from core.domain import expressions
from core.domain.flow import Control
from core.domain.run import RunState
from core.executors.stopping import StopSignal
from core.flow.definition import RunDefinition
from core.flow.machine import FlowState
from core.runtime.approvals import Approvals
from core.runtime.gate import Gate
from core.runtime.progress import Progress
from core.runtime.recording import write_until_kept
from core.storage import run_writes, runs
from core.storage.journal import JournalFeed
from core.storage.store import Store
from core.storage.writer import Transaction

if TYPE_CHECKING:
    from core.runtime.children import Children

Notify = Callable[[Sequence[str], str, str, str], Awaitable[None]]
"""(channels, subject, body, key): puts a notice into the outbox, once for a key."""

_LONGEST_SLEEP_S = 600.0
"""Then the clock is looked at again: it may have been set."""


@dataclass(frozen=True, slots=True)
class Services:
    """What nodes need from the engine."""

    store: Store
    clock: Clock
    gate: Gate
    journal: JournalFeed
    children: Children
    approvals: Approvals
    notify: Notify


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEnd:
    """How a node's attempt ended."""

    state: RunState = RunState.SUCCEEDED
    reason: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    holds: tuple[int, ...] = ()
    """Indices of the edges out of it whose condition holds."""
    is_error: bool = False
    """It could not be done at all."""


STOPPED = NodeEnd(state=RunState.STOPPED, reason="the run was stopped")


class Performance:
    """One attempt of a node. A person may stop it, a run may be paused, an engine may go."""

    def __init__(
        self,
        *,
        run_id: str,
        definition: RunDefinition,
        node: Control,
        attempt: int,
        look: Callable[[], FlowState],
        progress: Progress,
        services: Services,
        goes_on: asyncio.Event,
        requester: str,
    ) -> None:
        self.run_id = run_id
        self.requester = requester
        """Who asked for the run."""
        self.definition = definition
        self.node = node
        self.attempt = attempt
        self.progress = progress
        self.services = services
        self.goes_on = goes_on
        """Set while the run is not paused."""
        self.stopped = StopSignal()
        self._look = look

    def stop(self, *, force: bool) -> None:
        """End it; there is nothing that force would add."""
        self.stopped.set()

    @property
    def state(self) -> FlowState:
        """Where the run is at this moment."""
        return self._look()

    @property
    def is_leaving(self) -> bool:
        """Whether the engine stops, so that the next one takes this up."""
        return self.services.gate.holding.is_set()

    async def value(self, text: str, more: Mapping[str, Any] | None = None) -> Any:
        """The value of an expression of the node, with `more` names. Raises ExpressionFault."""
        expression = expressions.parse(text)
        return expression.evaluate(await self.scope(expression.names, more))

    async def holds(self, text: str, more: Mapping[str, Any] | None = None) -> bool:
        """Whether a condition of the node holds. Raises ExpressionFault."""
        expression = expressions.parse(text)
        return expression.holds(await self.scope(expression.names, more))

    async def made(self, value: Any, more: Mapping[str, Any] | None = None) -> Any:
        """A value that a person wrote: text with places gets theirs. Raises ExpressionFault."""
        if not isinstance(value, str):
            return value
        template = expressions.parse_template(value)
        return expressions.to_json(template.value(await self.scope(template.names, more)))

    async def filled(self, text: str, more: Mapping[str, Any] | None = None) -> str:
        """A text with its values. Raises ExpressionFault."""
        template = expressions.parse_template(text)
        return template.fill(await self.scope(template.names, more))

    async def scope(
        self, names: Collection[str], more: Mapping[str, Any] | None = None
    ) -> dict[str, expressions.Value]:
        """What expressions of the node see."""
        scope = await self.progress.scope(self.state, names, self.node.name)
        return scope | {name: expressions.as_value(value) for name, value in (more or {}).items()}

    async def may_go_on(self) -> bool:
        """Wait while the run is paused; False when the node is to end or the engine goes."""
        if not self.goes_on.is_set():
            await self.idle(self.goes_on.wait())
        return not (self.stopped.is_set() or self.is_leaving)

    async def begun(self) -> tuple[datetime, dict[str, Any]]:
        """When the attempt began, and what it has kept since then."""
        return await self.services.store.reader.read(
            lambda c: runs.attempt_of(c, self.run_id, self.node.name, self.attempt)
        )

    async def attempt_before(self) -> dict[str, Any]:
        """What the attempt before this one has kept; nothing where the node runs anew."""
        if self.attempt == self.state.attempts.get(self.node.name, 0) + 1:
            return {}
        _, kept = await self.services.store.reader.read(
            lambda c: runs.attempt_of(c, self.run_id, self.node.name, self.attempt - 1)
        )
        return kept

    async def keep(self, values: Mapping[str, Any]) -> None:
        """Keep what another engine will need to go on."""

        def store(tx: Transaction) -> None:
            run_writes.set_step_outputs(tx, self.run_id, self.node.name, self.attempt, values)

        await write_until_kept(self.services.store.writer, self.run_id, store)

    async def sleep_until(self, moment: datetime) -> bool:
        """Wait for a moment; False when it was stopped or the engine goes before."""
        while not (self.stopped.is_set() or self.is_leaving):
            left_s = (moment - self.services.clock.now()).total_seconds()
            if left_s <= 0:
                return True
            await self.idle(asyncio.sleep(min(left_s, _LONGEST_SLEEP_S)))
        return False

    async def idle(self, work: Any) -> None:
        """Until `work` is done, somebody stops the node, or the engine goes."""
        waits = {
            asyncio.ensure_future(each)
            for each in (work, self.stopped.wait(), self.services.gate.holding.wait())
        }
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in waits:
                each.cancel()

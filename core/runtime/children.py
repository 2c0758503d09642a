"""Runs that a node of another run asks for: health checks between batches, and nodes that are runs.

Each is a run like any other, with the engine as its actor and `parent` for where it
came from. The key of its start is the batch or the item, so an engine that comes back after any
crash finds the run that was started and never starts a second one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from core.domain import targets
from core.domain.actions import Stop
from core.domain.flow import ForEach, Nested
from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.errors import ConfirmationRequired, Conflict, RequestError
from core.flow import nesting
from core.flow.commands import StartStep
from core.flow.definition import RunDefinition, RunRequest
from core.runtime.driver import Driver
from core.runtime.rolling import Health
from core.storage.runs import ENGINE_ACTOR, RunRow

if TYPE_CHECKING:
    from core.runtime.runs import Runs


class Children:
    """Starts them, waits for their ends, and stops them with the run that asked."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    async def check(
        self,
        parent: str,
        definition: RunDefinition,
        command: StartStep,
        batch: int,
        hosts: Sequence[str],
        stop: asyncio.Event,
    ) -> Health | None:
        """Check the hosts of a batch; None when the engine stops first."""
        key = f"health/{parent}/{command.step}/{command.attempt}/{batch}"
        try:
            request = await self._request(definition, command, batch, hosts)
            row = await self._start(request, key, parent, definition)
        except (RequestError, Conflict) as error:
            return Health(good=False, reason=f"its health check could not start: {error.brief}")
        ended = await self.wait_for(row, stop)
        if ended is None:
            return None
        good = ended.state is RunState.SUCCEEDED
        return Health(good=good, reason=f"health check {ended.id} {ended.state}")

    async def _request(
        self, definition: RunDefinition, command: StartStep, batch: int, hosts: Sequence[str]
    ) -> RunRequest:
        """The job on the batch's good hosts, unless it names its own targets."""
        rolling = definition.graph.step(command.step).rolling
        assert rolling is not None
        assert rolling.health is not None
        own = await self._runs.names_targets(rolling.health)
        return RunRequest(
            job=rolling.health,
            title=f"check of batch {batch + 1}: {definition.title}"[:200],
            hosts=None if own else tuple(hosts),
            include_away=not own,
            # Whoever started the run has confirmed these hosts, and under which change.
            confirm_hosts=None if own else len(hosts),
            change=definition.change or None,
            acknowledge=definition.acknowledged,
        )

    async def start(
        self,
        parent: str,
        definition: RunDefinition,
        node: Nested,
        values: Mapping[str, Any],
        seen: Mapping[str, Any],
        key: str,
    ) -> RunRow:
        """Start a run of a node, or find it. Raises what a start raises."""
        documents = await self._runs.documents()
        frozen = definition.works[node.name]
        assert definition.request is not None, "every run with such nodes keeps its request"
        child = nesting.request_of(
            node, definition.request, definition.targets, documents, frozen.revision
        )
        item = seen[node.item] if isinstance(node, ForEach) else None
        child = nesting.with_values(child, node, values, item, documents).model_copy(
            update={
                "title": f"{node.name}: {definition.title}"[:200],
                "change": definition.change or None,
                "acknowledge": definition.acknowledged,
            }
        )
        try:
            return await self._start(child, key, parent, definition)
        except ConfirmationRequired as asked:
            # Whoever started the parent has confirmed the hosts that were known then, and no others.
            named = {name for each in asked.touched.values() for name in targets.expand(each)}
            if not named <= set(frozen.hosts):
                raise
            confirmed = child.model_copy(update={"confirm_hosts": asked.hosts})
            return await self._start(confirmed, key, parent, definition)

    async def _start(
        self, request: RunRequest, key: str, parent: str, definition: RunDefinition
    ) -> RunRow:
        return await self._runs.start(
            request, ENGINE_ACTOR, key, parent=parent, reviewed=definition.reviewed
        )

    async def take_up(self, run_id: str, reason: str) -> RunRow | None:
        """A run of an earlier attempt whose failed steps are tried again; None where that cannot be.

        Nothing is tried twice for one reason.
        """
        return await self._runs.take_up(run_id, reason)

    async def outputs(self, run_id: str) -> dict[str, Any]:
        """What the steps of a run have set."""
        return await self._runs.outputs(run_id)

    async def hosts(self, expression: str) -> tuple[str, ...]:
        """Names of the hosts that an expression chooses now."""
        inventory = (await self._runs.documents()).inventory
        return targets.resolve(targets.parse(expression), inventory)

    async def wait_for(self, row: RunRow, stop: asyncio.Event) -> RunRow | None:
        """The run as it ended; None when the engine stops first. `stop` stops it too."""
        await self._runs.taken_up.wait()
        is_told = False
        while row.state not in TERMINAL_RUN_STATES:
            driver = self._runs.live.get(row.id)
            if driver is None or driver.finished.is_set():
                row = await self._runs.row(row.id)
                return row if row.state in TERMINAL_RUN_STATES else None
            if stop.is_set() and not is_told:
                is_told = True
                with suppress(Conflict):  # it has ended in the meantime
                    stopping = Stop(reason=f"run {row.parent} was stopped")
                    await self._runs.act(row.id, stopping, ENGINE_ACTOR)
            await _either(driver, None if is_told else stop)
            row = await self._runs.row(row.id)
        return row


async def _either(driver: Driver, stop: asyncio.Event | None) -> None:
    """Until the run has ended, or `stop` is set."""
    events = [driver.finished] if stop is None else [driver.finished, stop]
    waits = {asyncio.ensure_future(event.wait()) for event in events}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()

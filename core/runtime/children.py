"""Runs that a step of another run asks for: health checks between its batches.

A check is a run like any other, with the engine as its actor and `parent` for where it
came from. The key of its start is the batch, so an engine that comes back after any crash
finds the check that was started and never starts a second one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from core.domain.actions import Stop
from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.errors import Conflict, RequestError
from core.flow.commands import StartStep
from core.flow.definition import RunDefinition, RunRequest
from core.runtime.driver import Driver
from core.runtime.rolling import Health
from core.storage.runs import ENGINE_ACTOR, RunRow

if TYPE_CHECKING:
    from core.runtime.runs import Runs


class Children:
    """Starts checks, waits for their ends, and stops them with the run that asked."""

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
            row = await self._runs.start(
                request, ENGINE_ACTOR, key, parent=parent, reviewed=definition.reviewed
            )
        except (RequestError, Conflict) as error:
            return Health(good=False, reason=f"its health check could not start: {error}")
        ended = await self._wait_for(row, stop)
        if ended is None:
            return None
        good = ended.state is RunState.SUCCEEDED
        return Health(good=good, reason=f"health check {ended.id} {ended.state}")

    async def _request(
        self, definition: RunDefinition, command: StartStep, batch: int, hosts: Sequence[str]
    ) -> RunRequest:
        """The job on the batch's good hosts, unless it names its own targets."""
        rolling = definition.graph.node(command.step).rolling
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

    async def _wait_for(self, row: RunRow, stop: asyncio.Event) -> RunRow | None:
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

"""Starting runs and acting on them: the service behind every door."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog
from pydantic import SecretStr

from core import failpoints
from core.domain.run import RunAction, may_act
from core.domain.values import SecretRef
from core.errors import (
    Conflict,
    Forbidden,
    IllegalTransition,
    RequestError,
    StorageFault,
)
from core.flow import machine, planning
from core.flow.definition import RunDefinition, RunRequest
from core.flow.events import Started
from core.flow.machine import FlowState
from core.runtime.driver import Driver, Tools, give_up, secrets_owner
from core.storage import run_writes, runs
from core.storage.documents import snapshot
from core.storage.runs import RunRow
from core.storage.writer import Transaction

log = structlog.get_logger(__name__)


class KeyReused(RequestError):
    """An idempotency key that already started something else."""

    code = "idempotency-key-reused"


class Runs:
    """The engine's runs: accepts, drives, stops, and takes up again."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._drivers: dict[str, Driver] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False

    @property
    def live(self) -> Mapping[str, Driver]:
        """Drivers of the runs that go on, by run id."""
        return self._drivers

    async def preview(self, request: RunRequest) -> RunDefinition:
        """What would run; nothing is written and nothing leaves the machine."""
        return await self._plan(request, await self._documents())

    async def start(self, request: RunRequest, actor: str, idempotency_key: str | None) -> RunRow:
        """Accept a run: when this returns it is on disk and will be driven to its end.

        The same key with the same request gives the run that it started before.
        """
        if self._draining:
            raise Conflict("the engine is stopping and takes no new runs", hint="try again shortly")
        documents = await self._documents()
        digest = ""
        if idempotency_key:
            # In a thread: the first look for the master key may wait for a keyring.
            digest = await asyncio.to_thread(self._digest, request)
        if idempotency_key and (known := await self._known(actor, idempotency_key, digest)):
            return known
        definition = await self._plan(request, documents)
        secrets = {
            **planning.secret_parameters(request, documents),
            **{name: _text(secret) for name, secret in request.secrets.items()},
        }
        run_id = self._tools.ids.new()
        event = Started()
        failpoints.reach("run.planned")
        state, commands = machine.advance(FlowState(definition.graph), event)

        def write(tx: Transaction) -> tuple[RunDefinition, RunRow] | RunRow:
            if idempotency_key:
                # Of two starts at the same moment, the second finds the first one's key here.
                if found := runs.started_by_key(tx.connection, actor, idempotency_key, tx.now):
                    return _same(found, digest)
                run_writes.remember_key(tx, actor, idempotency_key, digest, run_id)
            sealed = definition.model_copy(
                update={"secrets": self._seal(tx, run_id, secrets)} if secrets else {}
            )
            run_writes.create(tx, run_id, sealed, actor, len(sealed.hosts))
            run_writes.append_event(tx, run_id, event, actor)
            run_writes.set_run_state(tx, run_id, state.run, actor)
            failpoints.reach("run.created")
            return sealed, runs.get(tx.connection, run_id)

        answer = await self._tools.store.writer.write(write)
        if isinstance(answer, RunRow):
            return answer
        failpoints.reach("run.accepted")
        driver = Driver(self._tools, run_id, answer[0], state)
        self._watch(driver)
        driver.begin(commands)
        failpoints.reach("run.begun")
        return answer[1]

    async def act(self, run_id: str, action: RunAction, actor: str, reason: str = "") -> RunRow:
        """Do what an operator asks of a run; IllegalTransition when its state forbids it."""
        row = await self._get(run_id)
        driver = self._drivers.get(row.id)
        if driver is None or not may_act(action, row.state):
            raise IllegalTransition(
                f"run {row.id} is {row.state}; {action} is not possible",
                hint="" if driver else "it has ended",
            )
        failpoints.reach("run.cancelling")
        await driver.cancel(actor, reason)
        failpoints.reach("run.cancelled")
        return await self._get(row.id)

    async def recover(self) -> int:
        """Take up every run that had not ended; how many there are."""
        live = await self._tools.store.reader.read(runs.live_runs)
        failpoints.reach("recovery.begun")
        for run_id in live:
            try:
                await self._take_up(run_id)
            except StorageFault:
                raise
            except Exception as bug:
                # A record that we cannot read must not keep the engine from all the others.
                log.exception("run.bug", run=run_id)
                await give_up(self._tools, run_id, bug)
        return len(live)

    async def _take_up(self, run_id: str) -> None:
        read = self._tools.store.reader.read
        definition = await read(partial(runs.definition_of, run_id=run_id))
        events = await read(partial(runs.events_of, run_id=run_id))
        failpoints.reach("recovery.read")
        driver = Driver(self._tools, run_id, definition, machine.fold(definition.graph, events))
        await driver.resume()
        self._watch(driver)
        failpoints.reach("recovery.taken-up")
        log.info("run.resumed", run=run_id)

    def refuse_new(self, *, hold: bool) -> None:
        """Take no new runs; with `hold`, also start no target that still waits."""
        self._draining = True
        if hold:
            self._tools.gate.holding.set()

    async def drain(self) -> None:
        """Wait until no run goes on.

        Under `hold` that is when the running targets have ended; those that wait
        stay in the record and go on when an engine starts again.
        """
        while self._drivers:
            await asyncio.gather(*(driver.finished.wait() for driver in [*self._drivers.values()]))
            await asyncio.sleep(0)

    def _watch(self, driver: Driver) -> None:
        self._drivers[driver.run_id] = driver

        async def forget() -> None:
            await driver.finished.wait()
            del self._drivers[driver.run_id]
            self._tools.on_output(driver.run_id)

        task = asyncio.get_running_loop().create_task(forget())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _plan(self, request: RunRequest, documents: planning.Documents) -> RunDefinition:
        """In a thread: freezing ten thousand hosts takes longer than the loop may wait."""
        return await asyncio.to_thread(planning.plan, request, documents)

    async def _documents(self) -> planning.Documents:
        return await self._tools.store.reader.read(snapshot)

    async def _get(self, run_id: str) -> RunRow:
        return await self._tools.store.reader.read(lambda c: runs.get(c, run_id))

    async def _known(self, actor: str, key: str, digest: str) -> RunRow | None:
        now = self._tools.clock.now()
        found = await self._tools.store.reader.read(
            lambda c: runs.started_by_key(c, actor, key, now)
        )
        return None if found is None else _same(found, digest)

    def _digest(self, request: RunRequest) -> str:
        """Tells whether two requests are the same. Keyed where a request may hold secrets."""
        body = request.model_dump(mode="json", exclude={"secrets"})
        body["secrets"] = {name: _text(value) for name, value in request.secrets.items()}
        text = json.dumps(body, sort_keys=True)
        may_hold_secrets = request.secrets or request.parameters
        data = self._tools.vault.fingerprint(text) if may_hold_secrets else text.encode()
        return hashlib.sha256(data).hexdigest()

    def _seal(
        self, tx: Transaction, run_id: str, secrets: Mapping[str, str]
    ) -> dict[str, SecretRef]:
        return {
            name: self._tools.vault.put(tx, f"{secrets_owner(run_id)}{name}", text)
            for name, text in secrets.items()
        }


def _same(found: tuple[str, RunRow], digest: str) -> RunRow:
    """The run that a key started, when it was started by this very request."""
    if found[0] != digest:
        raise KeyReused(
            "this idempotency key has already started a different run",
            hint="use a new key for a new request",
        )
    return found[1]


def _text(secret: Any) -> str:
    if isinstance(secret, SecretStr):
        return secret.get_secret_value()
    raise Forbidden("a run takes the text of a secret, not a reference to another's")

"""Dry runs: made, kept, looked at again. A probe is the engine's: it goes on whoever leaves.

A dry run resolves what a start would, without asking the guard rails: what they would say
is part of what it shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog

from core.domain.probing import Finding
from core.errors import Conflict, IllegalTransition, StorageFault
from core.flow import dryrun, expecting, guards, inside, planning
from core.flow.comparing import digest
from core.flow.dangers import StepHit
from core.flow.definition import ADHOC, RunDefinition, RunRequest
from core.flow.dryrun import PlanLevel, PlanState
from core.flow.guards import Touched
from core.runtime.asking import Asker
from core.runtime.driver import Tools
from core.runtime.probing import Probing
from core.runtime.runs import Runs
from core.runtime.work import WorkMaker, open_secrets
from core.storage import plans, runs
from core.storage.documents import snapshot
from core.storage.plans import PlanRow
from core.storage.reading import Connection
from core.storage.writer import Transaction, timestamp

log = structlog.get_logger(__name__)

_RUNS_READ = 20
"""Earlier runs by which it is told how long a run is likely to take."""
MOST_PROBES = 4
"""Probes that go on at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A dry run with everything that it holds."""

    row: PlanRow
    definition: RunDefinition
    rails: tuple[Touched, ...]
    """The environments that it would touch, as they are now."""
    dangers: Sequence[StepHit]
    """Rules for dangerous commands that it meets, by the rules of now."""
    findings: Sequence[Finding]
    typical_s: Mapping[str, float]
    """Node -> seconds that it usually took in earlier runs."""


class Plans:
    """The engine's dry runs."""

    def __init__(self, tools: Tools, runs: Runs) -> None:
        self._tools = tools
        self._runs = runs
        self._live: dict[str, Probing] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    async def recover(self) -> None:
        """Close what an engine that was lost has left open."""
        await self._tools.store.writer.write(plans.interrupt)

    async def make(self, request: RunRequest, level: PlanLevel, actor: str) -> Plan:
        """Resolve a request and keep the answer; a probe begins, and goes on after this.

        Secrets of the job need not be given: a plan keeps only their names.
        """
        if level.asks_hosts:
            self._check_room()
        moment = await self._runs.moment(request)
        documents = moment.documents
        request = dryrun.with_hidden(request, planning.missing_secrets(request, documents))
        definition = await self._runs.resolve(request, moment)
        given = planning.secret_parameters(request, documents)
        named = dryrun.with_secret_names(definition, [*given, *request.secrets])
        row = PlanRow(
            id=self._tools.ids.new(),
            at=timestamp(self._tools.clock.now()),
            actor=actor,
            level=level,
            state=PlanState.PROBING if level.asks_hosts else PlanState.READY,
            title=definition.title,
            origin=definition.origin,
            digest=await asyncio.to_thread(digest, named),
            target_count=len(definition.hosts),
            counts={},
            run_id=None,
        )
        probing = await self._probing(row.id, definition, level) if level.asks_hosts else None
        await self._tools.store.writer.write(lambda tx: plans.create(tx, row, named))
        if probing is not None:
            self._begin(row.id, probing)
        return Plan(
            row=row,
            definition=named,
            rails=guards.touched(inside.hosts(named), documents),
            dangers=await asyncio.to_thread(inside.find_dangers, named, documents),
            findings=[],
            typical_s=await self._typical(row.origin),
        )

    async def get(self, plan_id: str) -> Plan:
        """One dry run, with what is known so far of a probe that goes on."""
        documents = await self._tools.store.reader.read(snapshot)

        def read(c: Connection) -> tuple[PlanRow, RunDefinition, list[Finding]]:
            row = plans.get(c, plan_id)
            return row, plans.definition_of(c, row.id), plans.findings_of(c, row.id)

        row, definition, findings = await self._tools.store.reader.read(read)
        if row.state is PlanState.PROBING and (probing := self._live.get(row.id)):
            findings = probing.findings
            row = msgspec.structs.replace(row, counts=plans.counts_of(findings))
        return Plan(
            row=row,
            definition=definition,
            rails=guards.touched(inside.hosts(definition), documents),
            dangers=await asyncio.to_thread(inside.find_dangers, definition, documents),
            findings=findings,
            typical_s=await self._typical(row.origin),
        )

    async def _typical(self, origin: str) -> dict[str, float]:
        if origin == ADHOC:
            return {}
        return expecting.typical(
            await self._tools.store.reader.read(
                lambda c: runs.durations_of(c, origin, runs_read=_RUNS_READ)
            )
        )

    async def now(self, plan_id: str) -> RunDefinition:
        """What the request of a plan would do by the documents of this moment."""
        planned = await self._tools.store.reader.read(
            lambda c: plans.definition_of(c, plans.get(c, plan_id).id)
        )
        request = dryrun.request_of(planned)
        moment = await self._runs.moment(request)
        names = set(planning.secret_names(request, moment.documents)) & planned.secrets.keys()
        whole = dryrun.with_hidden(request, names)
        definition = await self._runs.resolve(whole, moment)
        return dryrun.with_secret_names(definition, planned.secrets)

    async def cancel(self, plan_id: str) -> PlanRow:
        """Stop a probe; what it has seen is kept. IllegalTransition when it has ended."""
        row = await self._tools.store.reader.read(partial(plans.get, plan_id=plan_id))
        probing = self._live.get(row.id)
        if probing is None:
            raise IllegalTransition(f"plan {row.id} is {row.state}; there is no probe to cancel")
        probing.stop()
        await asyncio.wait({self._tasks[row.id]})
        return await self._tools.store.reader.read(partial(plans.get, plan_id=row.id))

    async def close(self) -> None:
        """Stop every probe, and wait until what they saw is kept."""
        self._closed = True
        for probing in self._live.values():
            probing.stop()
        if self._tasks:
            await asyncio.wait([*self._tasks.values()])

    def _check_room(self) -> None:
        if self._closed:
            raise Conflict("the engine is stopping and probes nothing", hint="try again shortly")
        if len(self._live) >= MOST_PROBES:
            raise Conflict(
                f"{MOST_PROBES} probes go on already", hint="wait for one of them, or cancel it"
            )

    async def _probing(self, plan_id: str, definition: RunDefinition, level: PlanLevel) -> Probing:
        opened = await open_secrets(definition, self._tools.store, self._tools.vault)
        maker = WorkMaker(plan_id, definition, opened, {}, {}, self._tools.ways)
        tools = self._tools
        asker = Asker(maker, tools.executors, tools.clock, tools.ids)
        return Probing(definition, maker, asker, level)

    def _begin(self, plan_id: str, probing: Probing) -> None:
        self._live[plan_id] = probing
        task = asyncio.get_running_loop().create_task(self._probe(plan_id, probing))
        self._tasks[plan_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(plan_id, None))

    async def _probe(self, plan_id: str, probing: Probing) -> None:
        def write(tx: Transaction) -> None:
            state = PlanState.CANCELLED if probing.was_stopped else PlanState.READY
            plans.end(tx, plan_id, state, probing.findings)

        try:
            await probing.run()
            await self._tools.store.writer.write(write)
        except StorageFault as fault:
            # The next engine says that it was interrupted; nothing but a look is lost.
            log.error("probe.not-kept", plan=plan_id, reason=str(fault))
        finally:
            del self._live[plan_id]

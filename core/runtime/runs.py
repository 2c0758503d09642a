"""Starting runs and acting on them: the service behind every door."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from core import failpoints
from core.domain.actions import Action, Afterwards, Pause, Rerun, Resolve, Resume, Retry
from core.domain.resolving import STATE_OF
from core.domain.run import AFTERWARDS, TERMINAL_RUN_STATES, RunAction, RunState
from core.errors import (
    AcknowledgementRequired,
    Conflict,
    Forbidden,
    IllegalTransition,
    RequestError,
    StorageFault,
)
from core.flow import dangers, dryrun, guards, inside, machine, planning
from core.flow.commands import AnyCommand
from core.flow.definition import RunDefinition, RunRequest
from core.flow.events import (
    AnyEvent,
    Queued,
    ReviewRefused,
    ReviewRequested,
    Started,
    TurnCame,
)
from core.flow.machine import FlowState
from core.runtime import consequences, reviews, secrets
from core.runtime.acting import Asked, Known, foresee, understand
from core.runtime.children import Children
from core.runtime.consequences import Advanced
from core.runtime.driver import Driver, Tools, give_up
from core.runtime.nodes import Services
from core.runtime.queue import RunQueue
from core.runtime.resolving import Moment, moment_of, resolve, resolve_and_look
from core.runtime.yielding import Yielding
from core.storage import approvals, contents, hosts, operations, plans, run_writes, runs
from core.storage import dangers as kept_dangers
from core.storage.documents import Snapshot, snapshot
from core.storage.reading import Connection
from core.storage.runs import ENGINE_ACTOR, RunRow
from core.storage.writer import Transaction

log = structlog.get_logger(__name__)


class KeyReused(RequestError):
    """An idempotency key that already started something else."""

    code = "idempotency-key-reused"


class Runs:
    """The engine's runs: accepts, drives, stops, and takes up again."""

    def __init__(self, tools: Tools, queue: RunQueue) -> None:
        self._tools = tools
        tools.approvals.told_to(self._look_at_review)
        self._queue = queue
        self._drivers: dict[str, Driver] = {}
        self.yielding = Yielding(tools.store, tools.clock, queue, self._drivers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._acting = asyncio.Lock()
        self._draining = False
        self._services = Services(
            store=tools.store,
            clock=tools.clock,
            gate=tools.gate,
            journal=tools.store.feed,
            children=Children(self),
            approvals=tools.approvals,
            notify=tools.notify,
        )
        self.taken_up = asyncio.Event()
        """Set when every run that an earlier engine left has its driver again."""

    @property
    def live(self) -> Mapping[str, Driver]:
        """Drivers of the runs that go on, by run id."""
        return self._drivers

    async def preview(self, request: RunRequest) -> RunDefinition:
        """What would run; nothing is written and nothing leaves the machine."""
        request = await self._whole(request)
        moment = await self.moment(request)
        definition, found = await self._resolve_and_look(request, moment)
        touched = inside.hosts(definition)
        planning.guard(definition, request, moment.documents, found, hosts=touched)
        return definition

    async def start(
        self,
        request: RunRequest,
        actor: str,
        idempotency_key: str | None,
        *,
        parent: str | None = None,
        reviewed: Collection[str] | None = None,
        also: Callable[[Transaction, str], None] | None = None,
    ) -> RunRow:
        """Accept a run: when this returns it is on disk and will be driven to its end, now or in
        its turn. A run with a `parent` has its turn already.

        The same key with the same request gives the run that it started before. `parent`: the
        live run whose step asks for it, which a stopping engine lets finish. `reviewed`: rules
        that were approved for it already; then nobody else is asked. `also` writes in the
        transaction that creates the run, and is given its id; what it raises leaves no run.
        """
        if self._draining and parent is None:
            raise Conflict("the engine is stopping and takes no new runs", hint="try again shortly")
        digest = ""
        if idempotency_key:
            # In a thread: the first look for the master key may wait for a keyring.
            digest = await asyncio.to_thread(self._digest, request)
        if idempotency_key and (known := await self._known(actor, idempotency_key, digest)):
            return known
        plan_id, request = request.plan, await self._whole(request)
        moment = await self.moment(request)
        documents = moment.documents
        definition, met = await self._resolve_and_look(request, moment)
        texts = {
            **planning.secret_parameters(request, documents),
            **{name: secrets.text_of(secret) for name, secret in request.secrets.items()},
        }
        plan = None if plan_id is None else await self._fresh(plan_id, definition, texts)
        await self._guard(definition, request, documents, met, actor, reviewed)
        definition = dangers.let_on(definition, documents, met, request.acknowledge)
        run_id = self._tools.ids.new()
        wanted = {} if reviewed is not None else dangers.reviews(met, documents, definition.title)
        self._queue.use(documents)
        event: AnyEvent = ReviewRequested()
        if not wanted:
            event = await self._turn_of(run_id, definition, actor, has_turn=parent is not None)
        places = guards.touched(inside.hosts(definition), documents)
        environments = {place.environment for place in places if place.environment}
        failpoints.reach("run.planned")
        created = FlowState(definition.graph, batch_counts=definition.batch_counts)
        state, commands = machine.advance(created, event)

        def write(tx: Transaction) -> tuple[RunDefinition, RunRow] | RunRow:
            if idempotency_key:
                # Of two starts at the same moment, the second finds the first one's key here.
                if found := runs.started_by_key(tx.connection, actor, idempotency_key, tx.now):
                    return _same(found, digest)
                run_writes.remember_key(tx, actor, idempotency_key, digest, run_id)
            sealed = definition.model_copy(
                update={"secrets": secrets.seal(tx, self._tools.vault, run_id, texts)}
                if texts
                else {}
            )
            run_writes.create(tx, run_id, sealed, actor, len(sealed.hosts), parent, environments)
            kept_dangers.add(tx, run_id, actor, met)
            if plan is not None:
                plans.link(tx, plan, run_id)
            why = reviews.reason_of(wanted) if wanted else ""
            began = Advanced(event, actor, why, created, state, commands)
            consequences.keep(tx, run_id, [began])
            reviews.ask(tx, self._tools.approvals, run_id, wanted, definition, actor)
            if also is not None:
                also(tx, run_id)
            failpoints.reach("run.created")
            return sealed, runs.get(tx.connection, run_id)

        answer: tuple[RunDefinition, RunRow] | RunRow | None = None
        try:
            answer = await self._tools.store.writer.write(write)
        finally:
            if not isinstance(answer, tuple):
                self._queue.leave(run_id)
        if isinstance(answer, RunRow):
            return answer
        failpoints.reach("run.accepted")
        sealed, row = answer
        await self._enter(row, sealed, state, commands)
        return row

    async def _enter(
        self,
        row: RunRow,
        definition: RunDefinition,
        state: FlowState,
        commands: Sequence[AnyCommand],
    ) -> None:
        """A run that is on disk begins, or waits for its turn or for people."""
        if state.run is RunState.QUEUED:
            self._queue.wait(self._queue.stored(row, definition))
            failpoints.reach("queue.entered")
            return
        driver = await self._driver(row.id, definition, state)
        self._watch(driver)
        driver.begin(commands)
        if state.awaits_review:
            await self._tools.approvals.set_alarm()
        failpoints.reach("run.begun")

    async def _turn_of(
        self, run_id: str, definition: RunDefinition, actor: str, *, has_turn: bool
    ) -> AnyEvent:
        """Whether a new run begins at once, and holds what it uses then, or waits."""
        now, priority = self._tools.clock.now(), definition.queueing.priority
        item = self._queue.item(run_id, definition, actor, priority, now)
        begins = has_turn or await self._queue.admit(item)
        return definition.beginning if begins else Queued()

    async def _look_at_review(self, run_id: str) -> None:
        """A run that waits for approval begins or ends, when the record says so."""
        async with self._acting:
            driver = self._drivers.get(run_id)
            if driver is None or driver.finished.is_set() or not driver.state.awaits_review:
                return
            rows = await self._tools.store.reader.read(lambda c: approvals.of_run(c, run_id))
            event, reason = reviews.judge(rows, driver.definition)
            if event is None:
                return
            if isinstance(event, Started) and (against := await self._stands_against(driver)):
                event, reason = ReviewRefused(state=RunState.REJECTED), against
            if isinstance(event, Started):
                await self._take_turn(driver, event)
            else:
                await driver.feed(event, ENGINE_ACTOR, reason=reason)

    async def _take_turn(self, driver: Driver, event: Started) -> None:
        """A run that was approved begins, or waits for its turn like any other."""
        item = self._queue.stored(await self._get(driver.run_id), driver.definition)
        if await self._queue.admit(item):
            await driver.feed(event, ENGINE_ACTOR)
        else:
            await driver.feed(Queued(), ENGINE_ACTOR)
            driver.finished.set()  # whoever lets it begin reads it anew
            self._queue.wait(item)

    async def _stands_against(self, driver: Driver) -> str:
        """What the rails and rules of this moment say against an approved run; "" is nothing."""
        documents, run = await self.documents(), driver.definition
        found = await asyncio.to_thread(inside.find_dangers, run, documents)
        problems = [
            *guards.refusals(guards.touched(inside.hosts(run), documents), run.change),
            *dangers.refusals(found),
            *dangers.unreviewed(found, run.reviewed),
        ]
        return f"approved, but {'; '.join(map(str, problems))}" if problems else ""

    async def _guard(
        self,
        definition: RunDefinition,
        request: RunRequest,
        documents: planning.Documents,
        met: Sequence[dangers.StepHit],
        actor: str,
        reviewed: Collection[str] | None,
    ) -> None:
        """Ask rails and rules whether it may start, with the dangers that it meets."""
        try:
            planning.guard(
                definition, request, documents, met, reviewed, hosts=inside.hosts(definition)
            )
        except (Forbidden, AcknowledgementRequired):
            await self._remember_refusal(definition.origin.partition("@")[0], actor, met)
            raise

    async def act(self, run_id: str, action: Action, actor: str) -> RunRow:
        """Do what an operator asks of a run; the errors of `acting.understand` change nothing.

        A run that had ended goes on: when this returns it is on disk and will be driven.
        """
        row = await self._get(run_id)
        # In a thread: the first look for the master key may wait for a keyring.
        if isinstance(action, Afterwards) and action.secrets:
            await asyncio.to_thread(self._tools.vault.unlock)
        async with self._acting:
            driver = await self._settled(row.id)
            is_live = driver is not None and not driver.finished.is_set()
            if driver is None or not is_live:
                driver = await self._read(row.id)
            known = Known(id=row.id, definition=driver.definition, state=driver.state)
            asked = await self._tools.store.reader.read(lambda c: understand(c, known, action))
            waits = driver.state.awaits_turn
            if not is_live:
                self._may_take_up(asked.action, waits=waits)
                await driver.remember()
            if isinstance(action, Resolve):
                driver.recount(asked.step, STATE_OF[action.verdict], len(asked.ordinals))
            found: list[dangers.StepHit] = []
            if isinstance(action, Afterwards):
                found = await self._guard_again(asked, action, actor)
            failpoints.reach("run.acting")
            goes_on = not is_live and not waits and row.parent is None
            if goes_on:
                await self._queue.claim(self._queue.stored(row, driver.definition))
            try:
                await driver.feed(
                    await driver.decided(asked.event),
                    actor,
                    reason=action.reason,
                    also=lambda tx: asked.keep(tx, self._tools.vault, actor, found),
                )
            except BaseException:
                if goes_on:
                    self._queue.leave(row.id)
                raise
            if not is_live and not driver.state.awaits_turn:
                self._drive(row, driver, waited=waits)
            failpoints.reach("run.acted")
        if isinstance(action, Pause | Resume):
            await self._hand_down(row.id, action)
        return await self._get(row.id)

    async def _settled(self, run_id: str) -> Driver | None:
        """The driver of a run; one that gives way has let go of it by then."""
        driver = self._drivers.get(run_id)
        if driver is not None and driver.is_letting_go:
            await driver.finished.wait()
        return driver

    async def foresee(self, run_id: str, action: Action) -> Asked:
        """What an action would mean for a run; the errors of `acting.foresee`. Nothing is changed."""
        row = await self._get(run_id)
        driver = self._drivers.get(row.id)
        if driver is None or driver.finished.is_set():
            driver = await self._read(row.id)
        known = Known(id=row.id, definition=driver.definition, state=driver.state)
        return await self._tools.store.reader.read(lambda c: foresee(c, known, action))

    async def _hand_down(self, run_id: str, action: Pause | Resume) -> None:
        """What is paused pauses with all that it has started; what is asked inside goes up nowhere."""
        for child in await self._tools.store.reader.read(lambda c: runs.live_children(c, run_id)):
            own = action.model_copy(update={"reason": f"run {run_id}: {action.action.word}"})
            with suppress(Conflict):  # it has ended, or was asked already
                await self.act(child, own, ENGINE_ACTOR)

    async def _guard_again(
        self, asked: Asked, action: Afterwards, actor: str
    ) -> list[dangers.StepHit]:
        """Ask the rails and rules of this moment; what is met by the work that is ahead."""
        documents, run = await self.documents(), asked.run
        if isinstance(action, Retry | Rerun) and not action.include_away:
            guards.refuse_away(asked.ahead, await self._away())
        definition = run.definition
        if isinstance(action, Retry) and action.env:
            env = {**definition.env, **action.env}
            definition = definition.model_copy(update={"env": env})
        found = await asyncio.to_thread(
            dangers.find, definition, documents, ahead=asked.ordinals_ahead
        )
        try:
            guards.check(
                asked.touched,
                documents,
                change=action.change or run.definition.change,
                confirm_hosts=action.confirm_hosts,
                dangers=[
                    *dangers.refusals(found),
                    *dangers.unreviewed(found, run.definition.reviewed),
                ],
            )
            dangers.check_acknowledged(found, action.acknowledge)
        except (Forbidden, AcknowledgementRequired):
            await self._remember_refusal(run.id, actor, found)
            raise
        return found

    async def _remember_refusal(
        self, subject: str, actor: str, found: Sequence[dangers.StepHit]
    ) -> None:
        if found:
            await self._tools.store.writer.write(
                lambda tx: kept_dangers.refused(tx, subject, actor, found)
            )

    def _drive(self, row: RunRow, driver: Driver, *, waited: bool) -> None:
        """A run has a driver again; what is left of one that waited needs no turn."""
        if waited:
            self._queue.seat(self._queue.stored(row, driver.definition))
        self._watch(driver)

    def _may_take_up(self, action: RunAction, *, waits: bool) -> None:
        """Conflict when a run that no driver drives cannot get one for this action."""
        if waits:
            return
        if self._draining:
            raise Conflict("the engine is stopping", hint="try again shortly")
        if action not in AFTERWARDS:
            raise Conflict(
                "the engine lost the run when it could not write to its disk",
                hint="`jobdeck engine restart` takes it up again",
            )

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
        await self.yielding.recall()
        self.taken_up.set()
        return len(live)

    async def _take_up(self, run_id: str) -> None:
        driver = await self._read(run_id)
        row = await self._get(run_id)
        failpoints.reach("recovery.read")
        state, waited_s = driver.state, await self.yielding.waited_s(row, driver.definition)
        item = self._queue.stored(row, driver.definition)
        if state.gave_way:
            since = self._tools.clock.now().timestamp() - waited_s
            item = replace(item, since=since, gave_way_to=state.yields_to)
        if state.awaits_turn:
            self._queue.wait(item)
            return
        if row.parent is None:
            self._queue.seat(item, waited_s)
        await driver.resume()
        self._watch(driver)
        await self._look_at_review(run_id)
        failpoints.reach("recovery.taken-up")
        log.info("run.resumed", run=run_id)

    async def begin(self, run_id: str) -> None:
        """Let a run begin, or go on, that waited; nothing happens where it was stopped meanwhile."""
        try:
            async with self._acting:
                await self._settled(run_id)
                driver = await self._read(run_id)
                if not driver.state.awaits_turn:
                    self._queue.leave(run_id)
                    return
                event: AnyEvent = driver.definition.beginning
                if driver.state.gave_way:
                    event = TurnCame()
                    await driver.remember()
                driver.be_patient()
                self._watch(driver)
            failpoints.reach("queue.turn")
            with suppress(IllegalTransition):
                await driver.feed(event, ENGINE_ACTOR)
            failpoints.reach("queue.turn-taken")
        except StorageFault as fault:
            log.error("run.storage", run=run_id, fault=str(fault))
            self._lose(run_id)
        except Exception as bug:
            # A run that cannot be read must not keep others from their turn.
            log.exception("run.bug", run=run_id)
            await give_up(self._tools, run_id, bug)
            self._queue.leave(run_id)
            self._lose(run_id)

    def _lose(self, run_id: str) -> None:
        """Nobody drives a run any more whose driver could not begin."""
        if (driver := self._drivers.get(run_id)) is not None:
            driver.finished.set()

    async def _read(self, run_id: str) -> Driver:
        """A driver of a stored run, as its events left it."""
        read = self._tools.store.reader.read
        definition = await read(partial(runs.definition_of, run_id=run_id))
        events = await read(partial(runs.events_of, run_id=run_id))
        state = machine.fold(definition.graph, events, definition.batch_counts)
        return await self._driver(run_id, definition, state)

    async def _driver(self, run_id: str, definition: RunDefinition, state: FlowState) -> Driver:
        requester = ""
        if any(node.asks_people for node in definition.graph.nodes):
            requester = await self._tools.store.reader.read(
                lambda c: reviews.requester_of(c, runs.requester_of(c, run_id))
            )
        return Driver(self._tools, self._services, run_id, definition, state, requester)

    async def row(self, run_id: str) -> RunRow:
        """A run as it is on record."""
        return await self._get(run_id)

    async def names_targets(self, job: str) -> bool:
        """Whether a job says itself where it runs."""
        spec, _ = (await self.documents()).job(job)
        return spec.targets is not None

    async def outputs(self, run_id: str) -> dict[str, Any]:
        """What the steps of a run have set, later ones over earlier ones."""
        driver = await self._read(run_id)
        await driver.remember()
        return dict(driver.outputs)

    async def take_up(self, run_id: str, reason: str) -> RunRow | None:
        """Try the failed steps of a run again, once for one reason; None where none can be."""
        row = await self._get(run_id)
        known = await self._tools.store.reader.read(lambda c: operations.of_run(c, row.id))
        if row.state not in TERMINAL_RUN_STATES or any(each.reason == reason for each in known):
            return row
        driver = await self._read(run_id)
        steps = machine.steps_for(driver.state, RunAction.RETRY)
        try:
            for step in steps:
                await self.act(run_id, Retry(step=step, reason=reason), ENGINE_ACTOR)
        except (RequestError, Conflict):
            # Its secrets are gone, or a rail asks for somebody: what cannot go on begins anew.
            return None
        return await self._get(run_id) if steps else None

    def refuse_new(self, *, hold: bool) -> None:
        """Take no new runs; with `hold`, also start no target that still waits."""
        self._draining = True
        self._queue.shut()
        if hold:
            self._tools.gate.holding.set()
            for driver in self._drivers.values():
                driver.leave()
        for driver in self._drivers.values():
            if driver.state.awaits_review:
                driver.finished.set()  # nothing of it has begun; the next engine takes it up

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
            # A run that was taken up again has another driver by now.
            if self._drivers.get(driver.run_id) is driver:
                del self._drivers[driver.run_id]
                # One that this engine has lost may go on at its hosts: it keeps what it holds.
                if driver.state.run in TERMINAL_RUN_STATES:
                    self._queue.leave(driver.run_id)
                elif driver.state.gave_way:
                    self._queue.suspend(driver.run_id, driver.state.yields_to)
                    failpoints.reach("yield.given")
            self._tools.on_output(driver.run_id)

        task = asyncio.get_running_loop().create_task(forget())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _whole(self, request: RunRequest) -> RunRequest:
        """The request with what its plan says."""
        if request.plan is None:
            return request
        _, planned = await self._planned(request.plan)
        return dryrun.from_plan(planned, request)

    async def _fresh(self, plan_id: str, definition: RunDefinition, names: Collection[str]) -> str:
        """The id of the plan; PlanOutOfDate when something else would run now."""
        id_, planned = await self._planned(plan_id)
        now = dryrun.with_secret_names(definition, names)
        await asyncio.to_thread(dryrun.check_fresh, id_, planned, now)
        return id_

    async def _planned(self, plan_id: str) -> tuple[str, RunDefinition]:
        """A plan's id and what it would do."""

        def read(c: Connection) -> tuple[str, RunDefinition]:
            row = plans.get(c, plan_id)
            return row.id, plans.definition_of(c, row.id)

        return await self._tools.store.reader.read(read)

    async def moment(self, request: RunRequest) -> Moment:
        """What the request is resolved by, as of now."""
        now = self._tools.clock.now()
        return await self._tools.store.reader.read(lambda c: moment_of(c, request, now))

    async def resolve(self, request: RunRequest, moment: Moment) -> RunDefinition:
        """What would run, if the guard rails let it."""
        definition = await asyncio.to_thread(resolve, self._seeded(request), moment)
        await self._require_contents(definition)
        return definition

    async def _resolve_and_look(
        self, request: RunRequest, moment: Moment
    ) -> tuple[RunDefinition, list[dangers.StepHit]]:
        """As `resolve`, with the dangers that it meets.

        In a thread: freezing ten thousand hosts takes longer than the loop may wait.
        """
        found = await asyncio.to_thread(resolve_and_look, self._seeded(request), moment)
        await self._require_contents(found[0])
        return found

    def _seeded(self, request: RunRequest) -> RunRequest:
        """With what chance follows from, where it has none."""
        return (
            request if request.seed else request.model_copy(update={"seed": self._tools.ids.new()})
        )

    async def _require_contents(self, definition: RunDefinition) -> None:
        if wanted := definition.contents:
            await self._tools.store.reader.read(lambda c: contents.require(c, wanted))

    async def _away(self) -> dict[str, str]:
        """Hosts that take part in nothing that does not ask for them, and why."""
        now = self._tools.clock.now()
        return await self._tools.store.reader.read(lambda c: hosts.away(c, now))

    async def documents(self) -> Snapshot:
        """The documents of this moment."""
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
        body["secrets"] = {name: secrets.text_of(value) for name, value in request.secrets.items()}
        text = json.dumps(body, sort_keys=True)
        may_hold_secrets = request.secrets or request.parameters
        data = self._tools.vault.fingerprint(text) if may_hold_secrets else text.encode()
        return hashlib.sha256(data).hexdigest()


def _same(found: tuple[str, RunRow], digest: str) -> RunRow:
    """The run that a key started, when it was started by this very request."""
    if found[0] != digest:
        raise KeyReused(
            "this idempotency key has already started a different run",
            hint="use a new key for a new request",
        )
    return found[1]

"""Runs: start, preview, list, look at, act on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request, Response
from pydantic import Field

from core.api import cursors, headers
from core.api.dangers import RunDanger
from core.api.moments import since as read_since
from core.api.openapi import fails
from core.api.plan_details import warnings_of
from core.api.problems import FieldProblem
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.run_batches import BatchOut, BatchPlan, batch_plans, batches_out
from core.api.values import Answer, Cursor, Limit, Page
from core.domain.authorization import ObjectKind, Verb
from core.domain.files.carried import Carried
from core.domain.priorities import HostLock, LockMode, Priority
from core.domain.rolling import Rolling
from core.domain.run import RunAction, RunState
from core.domain.steps import Step, StepBase
from core.domain.targets import fold
from core.errors import AcknowledgementRequired, ConfirmationRequired, IllegalTransition
from core.flow import inside, machine
from core.flow.definition import ENGINE_HOST, RunDefinition, RunOutline, RunRequest, body_of
from core.runtime.certificatefiles import has_files
from core.storage import dangers, runs
from core.storage.batches import batches_of
from core.storage.reading import Connection
from core.storage.runs import RunFilter
from core.storage.writer import timestamp

routes = router("runs")


class RunOut(Answer):
    """One run, as lists show it."""

    id: str
    title: str
    origin: str = Field(description="`adhoc`, `job/NAME@REVISION` or `flow/NAME@REVISION`")
    state: RunState
    reason: str = Field(description="why it ended as it did")
    actor: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    target_count: int
    counts: dict[str, int] = Field(
        description="state of a target -> number, over the latest attempt of every step"
    )
    change: str = Field(description="the change number under which it was started, or empty")
    parent: str | None = Field(description="the run whose step asked for this one")
    priority: Priority = Field(description="as of now; it may have been changed")
    environments: list[str] = Field(
        description="environments of the hosts that it was known to touch when it started"
    )
    notes: int = Field(description="number of notes that people left on it")


class RunStarted(RunOut):
    """A run that was accepted."""

    warnings: list[FieldProblem] = Field(
        description="what did not refuse it: accounts that expire; empty where it has ended"
    )


class RunPage(Page[RunOut]):
    """A part of the list of runs."""


class StepOut(Answer):
    """One attempt of one step."""

    step: str
    attempt: int
    state: RunState
    reason: str
    started_at: str | None
    finished_at: str | None
    counts: dict[str, int]
    outputs: dict[str, Any]


class HostsOut(Answer):
    """Some hosts of a run."""

    count: int
    hosts: str = Field(description="folded, such as `web[01-40]`")


class StepSummary(Answer):
    """A step that the run has, whether it started or not."""

    step: str
    kind: str
    count: int = Field(description="number of targets")
    carried: Carried | None = Field(description="which files go where; null: it carries none")


class DefinitionSummary(Answer):
    """What the run was asked to do, in short."""

    secrets: list[str] = Field(
        description="secrets that it was started with; to go on after its end it needs them again"
    )

    targets: str
    steps: list[StepSummary]
    hosts: str = Field(description="folded, such as `web[01-40]`")
    left_out: dict[str, str] = Field(description="hosts that were chosen and were away: why")
    parameters: dict[str, Any]
    concurrency: int
    timeout_s: float | None
    is_test: bool = Field(description="a trial of the work itself")
    locks: dict[str, LockMode] = Field(description="named locks that it holds while it goes on")
    lock_hosts: HostLock = Field(description="how it locks its hosts meanwhile")
    override: str = Field(
        description="why it began although the engine was frozen or drained; empty: it did not"
    )


class RunDetail(RunOut):
    """One run with its steps and what may be asked of it."""

    steps: list[StepOut]
    batches: list[BatchOut] = Field(description="of rolling steps, in their newest attempt")
    actions: list[RunAction]
    direct: HostsOut = Field(
        description="where no claim could be made, so that the work ran directly, in the latest"
        " attempt of any step; their output says why"
    )
    dangers: list[RunDanger] = Field(description="rules for dangerous commands that it met")
    definition: DefinitionSummary


class PreviewStep(Answer):
    """Where one step would run."""

    step: str
    kind: str
    hosts: list[str]
    count: int
    folded: str
    rolling: Rolling | None = Field(description="the settled rules of a step that rolls")
    batches: list[BatchPlan] = Field(description="in order; none where the step does not roll")


class Preview(Answer):
    """What a start would do. Nothing was written, and nothing left the machine."""

    title: str
    steps: list[PreviewStep]
    hosts: int = Field(description="number of hosts of the inventory that it would touch")
    confirm_hosts: int | None = Field(
        description="what `confirm_hosts` must say; null where no guard rail asks"
    )
    acknowledge: list[str] = Field(
        description="rules for dangerous commands that a start must acknowledge, and this did not"
    )
    seed: str = Field(
        description="give it to the start for the very same order and times; empty where chance"
        " has no part in them"
    )


@routes.post("/runs", status_code=202, operation_id="startRun", responses=fails(404, 409))
@asks(Verb.START, ObjectKind.RUN)
async def start(
    body: RunRequest, request: Request, response: Response, engine: TheEngine, actor: TheActor
) -> RunStarted:
    """Start a run. It is on disk when this answers, and goes on whoever stays to watch.

    With an `Idempotency-Key`, the same request again gives the same run.
    """
    row = await engine.runs.start(body, actor.name, headers.idempotency_key(request))
    response.headers["Location"] = f"/api/v1/runs/{row.id}"
    driver = engine.runs.live.get(row.id)
    accounts = {} if driver is None else driver.definition.accounts
    warned = partial(warnings_of, accounts, engine.clock.now().date())
    return RunStarted(
        **RunOut.model_validate(row).model_dump(),
        warnings=await asyncio.to_thread(warned) if has_files(accounts) else warned(),
    )


@routes.post("/runs/preview", operation_id="previewRun", responses=fails(404))
@asks(Verb.READ, ObjectKind.RUN)
async def preview(body: RunRequest, engine: TheEngine) -> Preview:
    """What a start would run, and where."""
    confirm, rules = None, tuple[str, ...]()
    definition: RunDefinition | None = None
    while definition is None:
        try:
            definition = await engine.runs.preview(body)
        except ConfirmationRequired as asked:
            confirm = asked.hosts
            body = body.model_copy(update={"confirm_hosts": confirm})
        except AcknowledgementRequired as asked:
            rules = asked.rules
            body = body.model_copy(update={"acknowledge": (*body.acknowledge, *rules)})
    return Preview(
        title=definition.title,
        steps=[_preview_step(definition, step) for step in definition.graph.steps],
        hosts=sum(host.name != ENGINE_HOST for host in inside.hosts(definition)),
        confirm_hosts=confirm,
        acknowledge=list(rules),
        seed=definition.seed,
    )


@routes.get("/runs", operation_id="listRuns")
@asks(Verb.READ, ObjectKind.RUN)
async def list_runs(
    engine: TheEngine,
    state: Annotated[list[RunState] | None, Query(description="any of these")] = None,
    origin: Annotated[str, Query(description="`adhoc`, or the name of a job or a flow")] = "",
    actor: Annotated[str, Query(description="who started it")] = "",
    q: Annotated[str, Query(description="words in the title, the steps or the targets")] = "",
    host: Annotated[str, Query(description="a host that it touched")] = "",
    since: Annotated[str | None, Query(description="a time in ISO 8601, or `2h`, `3d` ago")] = None,
    noted: Annotated[bool | None, Query(description="whether people left notes on it")] = None,
    parent: Annotated[str, Query(description="id of the run that asked for it")] = "",
    nested: Annotated[
        bool | None, Query(description="whether another run asked for it; empty: both")
    ] = None,
    environment: Annotated[str, Query(description="it touches hosts of this environment")] = "",
    ids: Annotated[
        list[str] | None, Query(alias="id", max_length=1000, description="one of these, whole")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> RunPage:
    """Runs, newest first."""
    scope = (
        f"runs {state} {origin} {actor} {q} {host} {since} {noted} {parent} {nested}"
        f" {environment} {ids}"
    )
    where = RunFilter(
        states=tuple(state or ()),
        origin=origin,
        actor=actor,
        text=q,
        host=host,
        since="" if since is None else timestamp(read_since(since, engine.clock.now())),
        noted=noted,
        parent=parent,
        nested=nested,
        environment=environment,
        ids=tuple(ids or ()),
    )
    before = cursors.text_position(scope, cursor)
    rows = await engine.store.reader.read(
        lambda c: runs.list_runs(c, where, before=before, limit=limit + 1)
    )
    return RunPage(
        items=[RunOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursors.encode(scope, rows[limit - 1].id) if len(rows) > limit else None,
    )


@routes.get("/runs/{run}", operation_id="getRun")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def get(run: str, engine: TheEngine) -> RunDetail:
    """One run with its steps. A beginning of the id is enough where no other run has it."""

    def read(c: Connection) -> RunDetail:
        row = runs.get(c, run)
        outline = runs.outline_of(c, row.id)
        steps = runs.steps_of(c, row.id)
        return RunDetail(
            **RunOut.model_validate(row).model_dump(),
            steps=[StepOut.model_validate(step) for step in steps],
            batches=batches_out(outline, batches_of(c, row.id)),
            actions=_actions(c, row.id, outline),
            direct=_direct(c, row.id, outline, steps),
            dangers=[RunDanger.model_validate(each) for each in dangers.of_run(c, row.id)],
            definition=_summary(outline),
        )

    return await engine.store.reader.read(read)


@routes.get("/runs/{run}/definition", operation_id="getRunDefinition")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def definition(run: str, engine: TheEngine) -> dict[str, Any]:
    """Everything that was fixed when the run started; secrets are references."""
    frozen = await engine.store.reader.read(lambda c: runs.definition_of(c, runs.get(c, run).id))
    return dict(body_of(frozen))


def _actions(connection: Connection, run_id: str, outline: RunOutline) -> list[RunAction]:
    """What may be asked of a run; nothing where its events cannot be read."""
    try:
        state = machine.fold(
            outline.graph, runs.events_of(connection, run_id), outline.batch_counts
        )
    except (msgspec.MsgspecError, IllegalTransition):
        return []
    return list(machine.actions(state))


def _direct(
    connection: Connection, run_id: str, outline: RunOutline, steps: Sequence[runs.StepRow]
) -> HostsOut:
    """Hosts that were asked for a claim and could make none."""
    latest = {step.step: step.attempt for step in sorted(steps, key=lambda step: step.attempt)}
    detached = [
        (step.name, latest[step.name])
        for step in outline.graph.steps
        if step.is_detached and step.name in latest
    ]
    hosts = runs.unclaimed_hosts(connection, run_id, detached)
    return HostsOut(count=len(hosts), hosts=fold(hosts))


def _summary(outline: RunOutline) -> DefinitionSummary:
    return DefinitionSummary(
        secrets=list(outline.secrets),
        targets=outline.targets,
        steps=[
            StepSummary(
                step=node.name,
                kind=node.kind,
                count=len(outline.step_hosts.get(node.name, ())),
                carried=node.carried if isinstance(node, StepBase) else None,
            )
            for node in outline.graph.nodes
        ],
        hosts=fold(host.name for host in outline.hosts),
        left_out=outline.left_out,
        parameters=outline.parameters,
        concurrency=outline.concurrency,
        timeout_s=outline.timeout_s,
        is_test=outline.is_test,
        locks=outline.queueing.locks,
        lock_hosts=outline.queueing.lock_hosts,
        override=outline.queueing.override,
    )


def _preview_step(definition: RunDefinition, step: Step) -> PreviewStep:
    names = [definition.hosts[ordinal].name for ordinal in definition.step_hosts[step.name]]
    return PreviewStep(
        step=step.name,
        kind=step.kind,
        hosts=names,
        count=len(names),
        folded=fold(names),
        rolling=step.rolling,
        batches=batch_plans(definition, step.name),
    )

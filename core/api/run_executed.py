"""What was really executed: the step as it was frozen, where, as whom, with which variables.

Values of secrets are nowhere in the answer, only their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from core.api.routes import TheEngine, asks, router
from core.api.run_groups import Attempt, StepName
from core.api.run_places import attempt_of
from core.api.values import Answer
from core.domain.authorization import ObjectKind, Verb
from core.domain.run import TargetState
from core.domain.steps import StepBase
from core.domain.targets import fold
from core.errors import NotFound
from core.flow import environment, executed
from core.flow.definition import RunDefinition
from core.flow.events import AnyEvent
from core.runtime.engine import Engine
from core.runtime.progress import Progress
from core.storage import runs
from core.storage.reading import Connection
from core.storage.runs import StepRow, TargetFilter, TargetRow

routes = router("runs")


class WayOut(Answer):
    """Hosts that were reached alike, and who worked there."""

    protocol: str
    account: str = Field(description="empty where none is needed")
    user: str = Field(description="who logged in; empty: the engine's own user")
    become: str = Field(description="who the work ran as then, such as `root (sudo)`; or empty")
    shell: str = Field(description="what read command lines")
    count: int
    hosts: str = Field(description="folded, such as `web[01-40]`")


class ScriptOut(Answer):
    """The script document's revision that was copied into the run."""

    name: str
    revision: int
    language: str
    text: str


class Executed(Answer):
    """What one attempt of a step was given to do."""

    step: str
    attempt: int
    kind: str
    started_at: str | None
    settings: dict[str, Any] = Field(description="the step as it ran, defaults left out")
    script: ScriptOut | None = Field(description="null: it uses no script document")
    ways: list[WayOut] = Field(description="hosts where it began, by how they were reached")
    env: dict[str, str] = Field(description="variables with the same value on all of them")
    differing: list[str] = Field(description="variables whose values differ from host to host")
    secrets: list[str] = Field(description="variables that are secret; their values are not kept")


@dataclass(frozen=True, slots=True)
class _Read:
    """What is on record of one attempt."""

    run_id: str
    definition: RunDefinition
    place: StepRow
    before: Sequence[StepRow]
    """Attempts that had ended when it began, oldest first."""
    events: Sequence[AnyEvent]
    began: Sequence[TargetRow]
    """Its targets whose turn came."""


@routes.get("/runs/{run}/executed", operation_id="getExecuted")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def get_executed(
    run: str, engine: TheEngine, step: StepName = "", attempt: Attempt = 0, host: str = ""
) -> Executed:
    """What was really executed, and where; with `host`, on that host alone."""
    found = await engine.store.reader.read(lambda c: _read(c, run, step, attempt))
    node = found.definition.graph.node(found.place.step)
    settings = node.model_dump(mode="json", exclude_defaults=True, exclude={"name", "kind"})
    script = found.definition.scripts.get(node.name)
    targets = [row for row in found.began if host in ("", row.host)]
    if host and not targets:
        place = f"attempt {found.place.attempt} of step {node.name}"
        raise NotFound("host", host, [row.host for row in found.began], place=place)
    hosts = [found.definition.hosts[row.ordinal] for row in targets]
    step_run = node if isinstance(node, StepBase) else None
    env, differing = executed.alike(await _variables(engine, found, targets))
    return Executed(
        step=node.name,
        attempt=found.place.attempt,
        kind=node.kind,
        started_at=found.place.started_at,
        settings=settings,
        script=None if script is None else ScriptOut.model_validate(script),
        ways=[
            WayOut(
                protocol=way.protocol,
                account=way.account,
                user=way.user,
                become=way.become,
                shell=way.shell,
                count=len(way.hosts),
                hosts=fold(way.hosts),
            )
            for way in (executed.ways(found.definition, step_run, hosts) if step_run else ())
        ],
        env=env,
        differing=differing,
        secrets=sorted(found.definition.secrets) if step_run else [],
    )


def _read(c: Connection, run: str, step: str, attempt: int) -> _Read:
    run_id = runs.get(c, run).id
    place = attempt_of(c, run_id, step, attempt)
    where = TargetFilter(step=place.step, attempt=place.attempt)
    begun = place.started_at or ""
    return _Read(
        run_id,
        runs.definition_of(c, run_id),
        place,
        [row for row in runs.steps_of(c, run_id) if row.finished_at and row.finished_at <= begun],
        runs.events_of(c, run_id),
        [
            row
            for row in runs.targets_of(c, run_id, where)
            if row.started_at and row.state is not TargetState.LAST_SUCCESS
        ],
    )


async def _variables(
    engine: Engine, found: _Read, targets: Sequence[TargetRow]
) -> list[dict[str, str]]:
    """The variables on each target, without those that are secret."""
    definition, place = found.definition, found.place
    node = definition.graph.node(place.step)
    if not isinstance(node, StepBase):
        return []
    known = Progress(found.run_id, definition, engine.store.reader, engine.clock)
    for row in found.before:
        await known.remember(row)
    changed = executed.changed_by_retries(definition, found.events, place.step, place.attempt)
    common = environment.shared(definition, known.outputs)
    all_given = []
    for target in targets:
        host = definition.hosts[target.ordinal]
        own = known.host_outputs.get(host.name, {})
        given = environment.said(definition, host, node, common, own, changed)
        given |= environment.marks(found.run_id, place.step, place.attempt, host)
        all_given.append({n: text for n, text in given.items() if n not in definition.secrets})
    return all_given

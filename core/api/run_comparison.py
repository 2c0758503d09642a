"""Two runs side by side: what was asked differently, and how each host answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from core.api.document_history import FieldChangeOut
from core.api.routes import TheEngine, asks, router
from core.api.run_groups import Diff, Rules, StepName, chosen_rules, normalised
from core.api.run_places import target_of, targets_of
from core.api.runs import RunOut
from core.api.values import Answer
from core.domain import textdiff
from core.domain.authorization import ObjectKind, Verb
from core.domain.run import TargetState
from core.domain.targets import fold
from core.errors import NotFound
from core.flow import comparing
from core.flow.comparing import Difference, PairGroup
from core.flow.definition import RunDefinition
from core.storage import runs
from core.storage.reading import Connection
from core.storage.runs import RunRow

routes = router("runs")

Other = Annotated[str, Query(alias="with", description="the run to compare with")]


class AnswerOut(Answer):
    """How the hosts of a group answered on one side."""

    state: TargetState | None = Field(description="null: it has not answered, as in a plan")
    exit_code: int | None


class PairGroupOut(Answer):
    """Hosts of one step whose two answers stand to each other in the same way."""

    step: str
    difference: Difference
    a: AnswerOut | None = Field(description="null: not a target on this side")
    b: AnswerOut | None
    count: int
    folded: str = Field(description="such as `web[01-40]`")
    hosts: list[str]


class Compared(Answer):
    """What differs between two runs, or between a plan and a run."""

    definition: list[FieldChangeOut] = Field(description="what was asked differently; null is none")
    counts: dict[Difference, int] = Field(description="hosts of all steps together")
    groups: list[PairGroupOut] = Field(description="by step, differences first")


class RunComparison(Compared):
    """What differs between two runs."""

    a: RunOut
    b: RunOut


@routes.get("/runs/{run}/comparison", operation_id="compareRuns")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def compare(run: str, engine: TheEngine, other: Other, step: StepName = "") -> RunComparison:
    """Two runs host by host, by the latest attempt of every step, and what they were asked to do."""

    def read(c: Connection) -> list[Side]:
        return [side_of(c, run_id, step) for run_id in (run, other)]

    a, b = await engine.store.reader.read(read)
    if step and not (a.has(step) or b.has(step)):
        known = [node.name for side in (a, b) for node in side.definition.graph.nodes]
        raise NotFound("step", step, known)
    found = await asyncio.to_thread(compared, a.definition, a.answers, b.definition, b.answers)
    return RunComparison(a=RunOut.model_validate(a.row), b=RunOut.model_validate(b.row), **found)


@routes.get("/runs/{run}/comparison/output", operation_id="compareRunOutput")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def compare_output(
    run: str,
    engine: TheEngine,
    other: Other,
    host: Annotated[str, Query(min_length=1)],
    step: StepName = "",
    rules: Rules = None,
) -> Diff:
    """The lines in which one host's output differs from one run to the other."""
    chosen = chosen_rules(rules)

    def read(c: Connection) -> list[bytes]:
        return [_output(c, run_id, step, host) for run_id in (run, other)]

    def _output(c: Connection, run_id: str, step: str, host: str) -> bytes:
        row = runs.get(c, run_id)
        target = target_of(c, row.id, step=step, attempt=0, ordinal=None, host=host)
        frozen = runs.definition_of(c, row.id).hosts[target.ordinal]
        return normalised(c, target, frozen, chosen)

    before, after = await engine.store.reader.read(read)
    found = await asyncio.to_thread(textdiff.line_diff, before, after)
    return Diff.model_validate(found)


class Side:
    """One run, read for a comparison."""

    def __init__(
        self, row: RunRow, definition: RunDefinition, answers: Sequence[comparing.Answer]
    ) -> None:
        self.row = row
        self.definition = definition
        self.answers = answers

    def has(self, step: str) -> bool:
        return any(node.name == step for node in self.definition.graph.nodes)


def side_of(c: Connection, run_id: str, step: str = "") -> Side:
    """A run's definition and its hosts' answers, of `step` or of all that started."""
    row = runs.get(c, run_id)
    latest = {each.step: each for each in runs.steps_of(c, row.id) if step in ("", each.step)}
    answers = [
        comparing.Answer(
            step=target.step,
            host=target.host,
            state=target.state,
            exit_code=target.exit_code,
            digest=target.digest,
        )
        for place in latest.values()
        for target in targets_of(c, row.id, place)
    ]
    return Side(row, runs.definition_of(c, row.id), answers)


def compared(
    a: RunDefinition,
    a_answers: Iterable[comparing.Answer],
    b: RunDefinition,
    b_answers: Iterable[comparing.Answer],
) -> dict[str, Any]:
    """The fields of a `Compared`."""
    groups = comparing.grouped(comparing.pairs(a_answers, b_answers))
    counts = {
        difference: sum(len(group.hosts) for group in groups if group.difference is difference)
        for difference in Difference
    }
    return {
        "definition": [
            FieldChangeOut.model_validate(change) for change in comparing.definition_changes(a, b)
        ],
        "counts": counts,
        "groups": [_group_out(group) for group in groups],
    }


def _group_out(group: PairGroup) -> PairGroupOut:
    return PairGroupOut(
        step=group.step,
        difference=group.difference,
        a=_answer_out(group.a),
        b=_answer_out(group.b),
        count=len(group.hosts),
        folded=fold(group.hosts),
        hosts=list(group.hosts),
    )


def _answer_out(answer: comparing.Answer | None) -> AnswerOut | None:
    return None if answer is None else AnswerOut.model_validate(answer)

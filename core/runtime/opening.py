"""The targets of a step's attempt as it opens: which wait for their turn, which stand as before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.domain.run import GOOD_TARGET_STATES, TargetState
from core.flow.commands import StartStep
from core.flow.definition import RunDefinition
from core.storage.run_writes import NewTarget
from core.storage.runs import TargetRow


def line_up(
    definition: RunDefinition,
    command: StartStep,
    before: Sequence[TargetRow],
    new_id: Callable[[], str],
) -> list[NewTarget]:
    """The attempt's targets, in the step's order; `before` is the attempt before it.

    Who does not run again stands in the new attempt as in the old one, so the newest attempt
    tells how each target of the step stands. It keeps its attempt id: that names what ran.
    """
    ordinals = definition.step_hosts[command.step]
    batch_of = {
        ordinal: number
        for number, batch in enumerate(definition.batches.get(command.step, ()))
        for ordinal in batch
    }
    chosen = frozenset(ordinals if command.targets is None else command.targets)
    stands = {row.ordinal: row for row in before}
    lined_up = []
    for ordinal in ordinals:
        row = stands.get(ordinal)
        if row is not None and not (ordinal in chosen and _may_run(command, row)):
            lined_up.append(_standing(row))
            continue
        state = TargetState.WAITING if ordinal in chosen else TargetState.NOT_STARTED
        host = definition.hosts[ordinal].name
        lined_up.append(
            NewTarget(
                ordinal=ordinal,
                host=host,
                attempt_id=new_id(),
                state=state,
                batch=batch_of.get(ordinal, 0),
            )
        )
    return lined_up


def _may_run(command: StartStep, row: TargetRow) -> bool:
    return command.winners or row.state not in GOOD_TARGET_STATES


def _standing(row: TargetRow) -> NewTarget:
    fields = {name: getattr(row, name) for name in NewTarget.__struct_fields__}
    if row.state in GOOD_TARGET_STATES:
        fields["state"] = TargetState.LAST_SUCCESS
    return NewTarget(**fields)

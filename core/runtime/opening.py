"""The targets of a step's attempt as it opens: which wait for their turn, which stand as before,
and which a lost engine left in the middle of direct work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core import failpoints
from core.domain.run import GOOD_TARGET_STATES, BatchState, TargetCode, TargetState, transit
from core.flow.commands import StartStep
from core.flow.definition import RunDefinition
from core.runtime.recording import Place, write_until_kept
from core.storage import batches, output, run_writes, runs
from core.storage.run_writes import NewTarget, TargetEnd
from core.storage.runs import TargetRow
from core.storage.store import Store
from core.storage.writer import Transaction


async def open_attempt(
    store: Store,
    definition: RunDefinition,
    place: Place,
    command: StartStep,
    own: Sequence[int],
    states: Sequence[BatchState],
    new_id: Callable[[], str],
) -> list[TargetRow]:
    """The attempt's targets: stored ones after a restart, else new ones.

    `own`: ordinals of all that the step has; `states`: its batches'.
    """
    run_id, step, attempt = place.run_id, place.step, place.attempt
    # Made here: whatever makes ids belongs to the loop, and the write is another thread's.
    ids = [new_id() for _ in own]

    def open_all(tx: Transaction) -> list[TargetRow]:
        known, rows, before = runs.stored_attempt(tx.connection, run_id, step, attempt)
        if not known:
            targets = line_up(definition, command, own, before, iter(ids).__next__)
            run_writes.open_step(tx, run_id, step, attempt, targets)
            if states:
                offsets_s = definition.offsets_s.get(step)
                batches.open_batches(tx, run_id, step, attempt, states, offsets_s)
        elif lost := [row for row in rows if row.state is TargetState.RUNNING and not row.claimed]:
            may_repeat = definition.graph.step(step).may_repeat
            _settle_lost(tx, place, lost, may_repeat=may_repeat)
        else:
            return rows
        return runs.targets_of_attempt(tx.connection, run_id, step, attempt)

    failpoints.reach("step.opening")
    rows = await write_until_kept(store.writer, run_id, open_all)
    failpoints.reach("step.opened")
    return rows


def _settle_lost(
    tx: Transaction, place: Place, lost: Sequence[TargetRow], *, may_repeat: bool
) -> None:
    """Say what is known of targets that ran directly when the engine was lost."""
    ends = []
    for row in lost:
        state = transit(f"target {row.host}", row.state, TargetState.UNKNOWN)
        message = (
            f"the engine ended while this ran (started {row.started_at});"
            " whether it finished there is not known"
        )
        if may_repeat:
            state = transit(f"target {row.host}", state, TargetState.WAITING)
            message = ""
        ends.append(
            TargetEnd(
                id=row.id,
                state=state,
                finished_at=tx.at,
                code=None if may_repeat else TargetCode.ENGINE_LOST,
                message=message,
                size_bytes=output.size(tx.connection, row.id),
            )
        )
    run_writes.finish_targets(tx, ends)
    changes = [
        (row.ordinal, end.state.value, end.code, None) for row, end in zip(lost, ends, strict=True)
    ]
    run_writes.journal_targets(tx, place.run_id, place.step, place.attempt, changes)


def line_up(
    definition: RunDefinition,
    command: StartStep,
    own: Sequence[int],
    before: Sequence[TargetRow],
    new_id: Callable[[], str],
) -> list[NewTarget]:
    """The attempt's targets, in the order of `own`; `before` is the attempt before it.

    Who does not run again stands in the new attempt as in the old one, so the newest attempt
    tells how each target of the step stands. It keeps its attempt id: that names what ran.
    """
    batch_of = {
        ordinal: number
        for number, batch in enumerate(definition.batches.get(command.step, ()))
        for ordinal in batch
    }
    chosen = frozenset(own if command.targets is None else command.targets)
    stands = {row.ordinal: row for row in before}
    lined_up = []
    for ordinal in own:
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

"""Changing runs: every function is part of one transaction, and journals what it did.

Nothing here decides: states come from `core.flow` and `core.domain.run`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import zstandard
from sqlalchemy import bindparam, delete, func, insert, select, update

from core.domain.run import RunState, TargetCode, TargetState
from core.flow.definition import RunDefinition, body_of
from core.flow.events import Abandoned, AnyEvent
from core.storage import contents
from core.storage.runs import ENGINE_ACTOR, KEY_KEPT, LIVE_STATES, job_of
from core.storage.tables import idempotency, run, run_definition, run_event, step_run, target_run
from core.storage.writer import Transaction, timestamp


class NewTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A target of an attempt that opens: one that waits, or one that stands as before."""

    ordinal: int
    host: str
    attempt_id: str
    state: TargetState = TargetState.WAITING
    code: TargetCode | None = None
    exit_code: int | None = None
    signal: str | None = None
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    digest: str = ""
    outputs: dict[str, Any] = {}
    claimed: int = 0
    batch: int = 0
    resolved_by: str = ""


class TargetEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded when an attempt on a host ends."""

    id: int
    state: TargetState
    finished_at: str
    code: TargetCode | None = None
    exit_code: int | None = None
    signal: str | None = None
    message: str = ""
    size_bytes: int = 0
    dropped_bytes: int = 0
    digest: str = ""
    outputs: dict[str, Any] = {}


class TargetProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How much of what a target printed is stored, while it goes on."""

    id: int
    positions: dict[str, list[int]]
    size_bytes: int
    dropped_bytes: int


def create(
    tx: Transaction,
    run_id: str,
    definition: RunDefinition,
    actor: str,
    target_count: int,
    parent: str | None = None,
    environments: Collection[str] = (),
) -> None:
    """Record an accepted run in state created, with its frozen definition.

    `parent`: the run whose step asked for it. `environments`: those of the hosts that it is
    known to touch.
    """
    body = _json(body_of(definition)).encode()
    steps = " ".join(node.name for node in definition.graph.nodes)
    tx.connection.execute(
        _NEW_RUN,
        {
            "id": run_id,
            "title": definition.title,
            "origin": definition.origin,
            "job": job_of(definition.origin),
            "state": RunState.CREATED.value,
            "actor": actor,
            "created_at": tx.at,
            "target_count": target_count,
            "counts": "{}",
            "parent": parent,
            "change": definition.change,
            "priority": definition.queueing.priority.value,
            "environments": _json(sorted(environments)),
            "summary": f"{definition.title} {definition.origin} {steps} {definition.targets}",
        },
    )
    contents.hold(tx, run_id, definition.contents)
    packed = zstandard.ZstdCompressor(level=3).compress(body)
    tx.connection.execute(_NEW_DEFINITION, {"run_id": run_id, "body": packed})
    data = {"title": definition.title, "origin": definition.origin, "targets": target_count}
    if definition.queueing.override:
        data["override"] = definition.queueing.override
    tx.journal(actor, "run.created", run_id, data)


def remember_key(tx: Transaction, actor: str, key: str, digest: str, run_id: str) -> None:
    """Bind an idempotency key to the run that it started, in the run's own transaction.

    Keys older than KEY_KEPT are forgotten by the way; the engine's own are kept, as a run may
    come back to one after any time.
    """
    expired = timestamp(tx.now - KEY_KEPT)
    tx.connection.execute(
        delete(idempotency).where(idempotency.c.at < expired, idempotency.c.actor != ENGINE_ACTOR)
    )
    tx.connection.execute(
        insert(idempotency),
        {"actor": actor, "key": key, "request_digest": digest, "run_id": run_id, "at": tx.at},
    )


def append_event(tx: Transaction, run_id: str, event: AnyEvent, actor: str) -> None:
    """Store one of the machine's events."""
    append_events(tx, run_id, [(event, actor)])


def append_events(tx: Transaction, run_id: str, events: Sequence[tuple[AnyEvent, str]]) -> None:
    """Store events of the machine, each with whoever caused it, in this order."""
    rows = [
        {
            "run": run_id,
            "at": tx.at,
            "actor": actor,
            "event": msgspec.json.encode(event).decode(),
        }
        for event, actor in events
    ]
    tx.connection.execute(_APPEND_EVENT, rows)


class NodeChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an attempt of a node that has no targets."""

    step: str
    attempt: int
    state: RunState
    reason: str = ""
    is_new: bool = False


def change_nodes(tx: Transaction, run_id: str, changes: Sequence[NodeChange]) -> None:
    """Record attempts of nodes that begin and end, in this order; quick for thousands."""
    opened = [
        {
            "run_id": run_id,
            "step": change.step,
            "attempt": change.attempt,
            "state": change.state.value,
            "started_at": tx.at,
        }
        for change in changes
        if change.is_new
    ]
    if opened:
        tx.connection.execute(_NEW_STEP, opened)
    changed = [
        _step_change(tx, run_id, change.step, change.attempt, change.state, change.reason)
        for change in changes
        if not change.is_new
    ]
    if changed:
        tx.connection.execute(_CHANGE_STEP, changed)
    for change in changes:
        told = {
            "step": change.step,
            "attempt": change.attempt,
            "state": change.state.value,
            "reason": change.reason,
        }
        tx.journal("engine", "run.step", run_id, told)


def set_run_state(
    tx: Transaction, run_id: str, state: RunState, actor: str, *, reason: str = ""
) -> None:
    """Change a run's state; its times follow from the state. No `reason` keeps the last one.

    A run that goes on has not ended: neither its end nor the reason of it stands any more.
    """
    values = {"its": run_id, "new_state": state.value, "new_reason": reason[:500]}
    if state is RunState.RUNNING:
        tx.connection.execute(_GO_ON, {**values, "now": tx.at})
    else:
        tx.connection.execute(_CHANGE_RUN, {**values, "new_end": _end(tx, state)})
    tx.journal(actor, "run.state", run_id, {"state": state.value, "reason": reason})


def open_step(
    tx: Transaction,
    run_id: str,
    step: str,
    attempt: int,
    targets: Sequence[NewTarget],
) -> None:
    """Record a step's attempt and its targets, in the order of the run."""
    tx.connection.execute(
        _NEW_STEP,
        {
            "run_id": run_id,
            "step": step,
            "attempt": attempt,
            "state": RunState.RUNNING.value,
            "started_at": tx.at,
        },
    )
    if targets:
        common = {"run_id": run_id, "step": step, "attempt": attempt}
        rows = [{**common, **_row(target)} for target in targets]
        tx.connection.execute(_NEW_TARGET, rows)
    data = {"step": step, "attempt": attempt, "state": RunState.RUNNING.value}
    tx.journal("engine", "run.step", run_id, {**data, "targets": len(targets)})


def set_step_state(
    tx: Transaction,
    run_id: str,
    step: str,
    attempt: int,
    state: RunState,
    *,
    reason: str = "",
) -> None:
    """Change the state of a step's attempt. No `reason` keeps the last one."""
    change = _step_change(tx, run_id, step, attempt, state, reason)
    tx.connection.execute(_CHANGE_STEP, change)
    data = {"step": step, "attempt": attempt, "state": state.value, "reason": reason}
    tx.journal("engine", "run.step", run_id, data)


def set_step_outputs(
    tx: Transaction, run_id: str, step: str, attempt: int, outputs: Mapping[str, Any]
) -> None:
    """Keep the values that a step's attempt set."""
    place = {"run": run_id, "node": step, "number": attempt}
    tx.connection.execute(_SET_OUTPUTS, {**place, "new_outputs": _json(outputs)})


def set_counts(
    tx: Transaction,
    run_id: str,
    step: str,
    attempt: int,
    step_counts: Mapping[str, int],
    run_counts: Mapping[str, int],
) -> None:
    """Keep the numbers that lists and progress show beside what they count."""
    place = {"run": run_id, "node": step, "number": attempt}
    tx.connection.execute(_SET_STEP_COUNTS, {**place, "new_counts": _json(step_counts)})
    tx.connection.execute(_SET_RUN_COUNTS, {"its": run_id, "new_counts": _json(run_counts)})


def abandon(tx: Transaction, run_id: str, reason: str) -> None:
    """End a run that nobody drives any more: what ran is unknown, what waited never started."""
    append_event(tx, run_id, Abandoned(), "engine")
    places: dict[tuple[str, int], list[tuple[Any, ...]]] = {}
    for row in tx.connection.execute(_OPEN_TARGETS, {"run": run_id}):
        end = (row.ordinal, _ABANDONED[row.state].value, TargetCode.DISPATCH_FAILURE.value, None)
        places.setdefault((row.step, row.attempt), []).append(end)
    for old, new in _ABANDONED.items():
        tx.connection.execute(
            update(target_run)
            .where(target_run.c.run_id == run_id, target_run.c.state == old)
            .values(
                state=new.value,
                code=TargetCode.DISPATCH_FAILURE.value,
                message=reason,
                finished_at=tx.at,
            )
        )
    for (step, attempt), ends in places.items():
        journal_targets(tx, run_id, step, attempt, ends)
    _recount(tx, run_id)
    live = select(step_run.c.step, step_run.c.attempt).where(
        step_run.c.run_id == run_id, step_run.c.state.in_(LIVE_STATES)
    )
    for step, attempt in tx.connection.execute(live).all():
        set_step_state(tx, run_id, step, attempt, RunState.ABNORMAL, reason=reason)
    set_run_state(tx, run_id, RunState.ABNORMAL, "engine", reason=reason)


class StepPlace(msgspec.Struct, frozen=True):
    """One attempt of one step of a run."""

    run_id: str
    step: str
    attempt: int


def resolve_targets(
    tx: Transaction,
    place: StepPlace,
    ordinals: Sequence[int],
    state: TargetState,
    actor: str,
    said: str,
) -> None:
    """Change the state of targets that were unknown; the evidence stays, what was `said` follows.

    A target that is asked again goes on as it was left, and is nobody's word.
    """
    message = target_run.c.message
    values: dict[str, Any] = {
        "state": state.value,
        "message": message + f"; {said}",
        "resolved_by": actor,
    }
    if state is TargetState.RUNNING:
        values = {"state": state.value, "finished_at": None, "message": "", "code": None}
    elif state is TargetState.SUCCESS:
        values["code"] = None
    where = (
        target_run.c.run_id == place.run_id,
        target_run.c.step == place.step,
        target_run.c.attempt == place.attempt,
    )
    for start in range(0, len(ordinals), _MOST_NAMED):
        named = ordinals[start : start + _MOST_NAMED]
        tx.connection.execute(
            update(target_run).where(*where, target_run.c.ordinal.in_(named)).values(values)
        )
    changes = [(ordinal, state.value, None, None) for ordinal in ordinals]
    journal_targets(tx, place.run_id, place.step, place.attempt, changes)
    _recount(tx, place.run_id)


def judge_again(tx: Transaction, place: StepPlace, reason: str) -> None:
    """Replace why a step's attempt, and its run where that has ended, ended as they did."""
    of_step = (step_run.c.step == place.step, step_run.c.attempt == place.attempt)
    tx.connection.execute(
        update(step_run).where(step_run.c.run_id == place.run_id, *of_step).values(reason=reason)
    )
    has_ended = run.c.state.not_in(LIVE_STATES)
    tx.connection.execute(
        update(run).where(run.c.id == place.run_id, has_ended).values(reason=reason)
    )


def _recount(tx: Transaction, run_id: str) -> None:
    """Count the targets of every attempt anew, and those of the run."""
    counts: dict[tuple[str, int], dict[str, int]] = {}
    for row in tx.connection.execute(_COUNTS, {"run": run_id}):
        counts.setdefault((row.step, row.attempt), {})[row.state] = row.targets
    latest = {step: of_step for (step, _), of_step in counts.items()}
    total = {
        state.value: sum(of_step.get(state, 0) for of_step in latest.values())
        for state in TargetState
    }
    kept = {state: count for state, count in total.items() if count}
    for (step, attempt), of_step in counts.items():
        set_counts(tx, run_id, step, attempt, of_step, kept)


def _step_change(
    tx: Transaction, run_id: str, step: str, attempt: int, state: RunState, reason: str
) -> dict[str, Any]:
    """The parameters of `_CHANGE_STEP`."""
    return {
        "run": run_id,
        "node": step,
        "number": attempt,
        "new_state": state.value,
        "new_reason": reason[:500],
        "new_end": _end(tx, state),
    }


def _end(tx: Transaction, state: RunState) -> str | None:
    """When what is in this state ended, if it has."""
    return None if state in LIVE_STATES else tx.at


# Made once: making a statement takes SQLAlchemy seven times as long as running it.
_NEW_RUN = insert(run)
_NEW_DEFINITION = insert(run_definition)
_NEW_STEP = insert(step_run)
_NEW_TARGET = insert(target_run)
_LAST_EVENT = select(func.max(run_event.c.seq)).where(run_event.c.run_id == bindparam("run"))
_APPEND_EVENT = insert(run_event).values(
    run_id=bindparam("run"), seq=func.coalesce(_LAST_EVENT.scalar_subquery(), 0) + 1
)
_OF_RUN = update(run).where(run.c.id == bindparam("its"))
_GO_ON = _OF_RUN.values(
    state=bindparam("new_state"),
    reason=bindparam("new_reason"),
    started_at=func.coalesce(run.c.started_at, bindparam("now")),
    finished_at=None,
)
_CHANGE_RUN = _OF_RUN.values(
    state=bindparam("new_state"),
    reason=func.coalesce(func.nullif(bindparam("new_reason"), ""), run.c.reason),
    finished_at=func.coalesce(bindparam("new_end"), run.c.finished_at),
)
_SET_RUN_COUNTS = _OF_RUN.values(counts=bindparam("new_counts"))
_OF_STEP = update(step_run).where(
    step_run.c.run_id == bindparam("run"),
    step_run.c.step == bindparam("node"),
    step_run.c.attempt == bindparam("number"),
)
_CHANGE_STEP = _OF_STEP.values(
    state=bindparam("new_state"),
    reason=func.coalesce(func.nullif(bindparam("new_reason"), ""), step_run.c.reason),
    finished_at=func.coalesce(bindparam("new_end"), step_run.c.finished_at),
)
_SET_OUTPUTS = _OF_STEP.values(outputs=bindparam("new_outputs"))
_SET_STEP_COUNTS = _OF_STEP.values(counts=bindparam("new_counts"))
_MOST_NAMED = 500
"""Targets that one statement names: SQLite bounds the variables of a statement."""
_ABANDONED = {
    TargetState.RUNNING.value: TargetState.UNKNOWN,
    TargetState.WAITING.value: TargetState.NOT_STARTED,
}
_OPEN_TARGETS = (
    select(target_run.c.step, target_run.c.attempt, target_run.c.ordinal, target_run.c.state)
    .where(target_run.c.run_id == bindparam("run"), target_run.c.state.in_(_ABANDONED))
    .order_by(target_run.c.id)
)
_COUNTS = (
    select(
        target_run.c.step,
        target_run.c.attempt,
        target_run.c.state,
        func.count().label("targets"),
    )
    .where(target_run.c.run_id == bindparam("run"))
    .group_by(target_run.c.step, target_run.c.attempt, target_run.c.state)
    .order_by(target_run.c.attempt)
)


_MARK_RUNNING = (
    update(target_run)
    .where(target_run.c.id == bindparam("row"))
    .values(
        state=TargetState.RUNNING.value, started_at=bindparam("at"), claimed=bindparam("is_claimed")
    )
)
_NOTE_PROGRESS = (
    update(target_run)
    .where(target_run.c.id == bindparam("row"))
    .values(
        positions=bindparam("new_positions"),
        size_bytes=bindparam("new_size"),
        dropped_bytes=bindparam("new_dropped"),
    )
)
_FINISH = (
    update(target_run)
    .where(target_run.c.id == bindparam("row"))
    .values(
        {name: bindparam(f"new_{name}") for name in TargetEnd.__struct_fields__ if name != "id"}
    )
)


def mark_running(tx: Transaction, intents: Mapping[int, bool]) -> None:
    """Record the intent: from here on, something may reach these targets.

    `intents`: target -> whether it keeps a claim, so that it can be asked how it went.
    """
    rows = [{"row": id_, "at": tx.at, "is_claimed": int(it)} for id_, it in intents.items()]
    tx.connection.execute(_MARK_RUNNING, rows)


def note_progress(tx: Transaction, progress: Sequence[TargetProgress]) -> None:
    """Record how much of the targets' own files is stored, together with the output itself."""
    rows = [
        {
            "row": each.id,
            "new_positions": _json(each.positions),
            "new_size": each.size_bytes,
            "new_dropped": each.dropped_bytes,
        }
        for each in progress
    ]
    tx.connection.execute(_NOTE_PROGRESS, rows)


def renew_attempt(tx: Transaction, id_: int, attempt_id: str) -> None:
    """Give an attempt that never started a new id; the old one can start nothing any more."""
    tx.connection.execute(
        update(target_run)
        .where(target_run.c.id == id_)
        .values(attempt_id=attempt_id, positions="{}", started_at=tx.at)
    )


def drop_claim(tx: Transaction, id_: int) -> None:
    """Record that the target keeps no claim: the attempt runs directly."""
    tx.connection.execute(update(target_run).where(target_run.c.id == id_).values(claimed=0))


def finish_targets(tx: Transaction, ends: Sequence[TargetEnd]) -> None:
    """Record how attempts ended."""
    rows = []
    for end in ends:
        values = _row(end)
        rows.append({"row": end.id, **{f"new_{k}": v for k, v in values.items() if k != "id"}})
    tx.connection.execute(_FINISH, rows)


def journal_targets(
    tx: Transaction, run_id: str, step: str, attempt: int, changes: Sequence[tuple[Any, ...]]
) -> None:
    """One journal entry for many targets: (ordinal, state, code, exit code) each."""
    data = {"step": step, "attempt": attempt, "targets": [list(change) for change in changes]}
    tx.journal("engine", "run.targets", run_id, data)


def _row(target: NewTarget | TargetEnd) -> dict[str, Any]:
    """The fields of a target as columns."""
    return {**msgspec.to_builtins(target), "outputs": _json(target.outputs)}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

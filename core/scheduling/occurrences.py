"""Triggers by events: which of the things that happened make a schedule due. Pure.

Each rule takes what the trigger remembers and what was seen, and gives what it remembers next and
the occurrence, if there is one. Memory and slot are kept in one write, and an occurrence has a
cause by which it is known again: nothing that is seen twice is started twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.domain import expressions
from core.domain.expressions import ExpressionFault, NotAValue, as_value
from core.domain.happenings import AfterSpec, ConditionSpec, FileSpec, JournalSpec, Need
from core.domain.run import RunState

Memory = Mapping[str, Any]
"""JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Something for which a schedule is due."""

    at: datetime
    cause: str
    """What tells it from all others; the word before the first space says of what kind it is."""
    event: Mapping[str, Any]
    """JSON values: what a schedule's `given` may name."""


Found = tuple[Memory, Occurrence | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """A run that has ended."""

    id: str
    work: str
    """`job/NAME` or `flow/NAME`; "" of an ad-hoc run."""
    state: RunState
    ended_at: datetime


def after(spec: AfterSpec, memory: Memory, run: EndedRun) -> Found:
    """A run has ended. What `all` waits for is remembered by work; a slot takes all of it."""
    if run.work not in spec.works or run.state not in spec.states:
        return memory, None
    name = run.work.partition("/")[2]
    event = {"run": run.id, "work": run.work, "name": name, "state": run.state.value}
    occurrence = Occurrence(at=run.ended_at, cause=f"run {run.id}", event=event)
    if spec.need is Need.ANY:
        return memory, occurrence
    within = timedelta(seconds=spec.within_s)
    ended = {
        work: each
        for work, each in memory.get("ended", {}).items()
        if abs(run.ended_at - datetime.fromisoformat(each["at"])) <= within
    }
    ended[run.work] = {"run": run.id, "at": run.ended_at.isoformat()}
    if not all(work in ended for work in spec.works):
        return {**memory, "ended": ended}, None
    runs = {work: each["run"] for work, each in ended.items()}
    whole = Occurrence(at=run.ended_at, cause=occurrence.cause, event={**event, "runs": runs})
    return {**memory, "ended": {}}, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An entry of the journal."""

    seq: int
    at: datetime
    actor: str
    type: str
    subject: str
    data: Mapping[str, Any]


def written(spec: JournalSpec, entry: Written) -> Occurrence | None:
    """An entry was written. One of which the filter has no value does not fit."""
    if entry.type not in spec.types:
        return None
    event = {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "type": entry.type,
        "subject": entry.subject,
        "data": dict(entry.data),
    }
    if spec.where is not None:
        try:
            scope = {name: as_value(value) for name, value in {**event, "at": entry.at}.items()}
            if not expressions.parse(spec.where).holds(scope):
                return None
        except (ExpressionFault, NotAValue):
            return None
    return Occurrence(at=entry.at, cause=f"entry {entry.seq}", event=event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A file as it stands."""

    identity: str
    """Differs when it is another file, or other bytes were written."""
    size_bytes: int
    changed_at: datetime


def file(spec: FileSpec, memory: Memory, seen: Seen | None, now: datetime) -> Found:
    """A file was looked at; None: there is none. What is there at the first look causes nothing."""
    identity = None if seen is None else seen.identity
    if "known" not in memory or identity is None or identity == memory["known"]:
        return {"known": identity}, None
    if memory.get("new") != identity:
        memory = {"known": memory["known"], "new": identity, "since": now.isoformat()}
    memory = _not_ahead(memory, now)
    since = datetime.fromisoformat(memory["since"])
    if seen is None or now - since < timedelta(seconds=spec.stable_s):
        return memory, None
    event = {
        "path": spec.path,
        "size": seen.size_bytes,
        "changed_at": seen.changed_at.isoformat(),
    }
    cause = f"file {since:%Y-%m-%dT%H:%M:%SZ} {identity}"
    return {"known": identity}, Occurrence(at=now, cause=cause, event=event)


def condition(spec: ConditionSpec, memory: Memory, hosts: Sequence[str], now: datetime) -> Found:
    """Hosts were looked at, and these are as the condition says."""
    memory = _not_ahead(memory, now)
    if len(hosts) < spec.count:
        return {key: memory[key] for key in ("fired",) if key in memory}, None
    since = datetime.fromisoformat(memory.get("since", now.isoformat()))
    memory = {**memory, "since": since.isoformat()}
    if now - since < timedelta(seconds=spec.for_s) or not _has_cooled(spec, memory, since, now):
        return memory, None
    cause = f"condition {now.isoformat()}"
    event = {"hosts": [*hosts], "since": since.isoformat()}
    return {**memory, "fired": now.isoformat()}, Occurrence(at=now, cause=cause, event=event)


def _has_cooled(spec: ConditionSpec, memory: Memory, since: datetime, now: datetime) -> bool:
    if "fired" not in memory:
        return True
    fired = datetime.fromisoformat(memory["fired"])
    if not spec.cooldown_s:
        return fired < since
    return now - fired >= timedelta(seconds=spec.cooldown_s)


def _not_ahead(memory: Memory, now: datetime) -> Memory:
    """Memory in which what a clock that was ahead has noted is of this moment: else it would be
    waited for until that clock's time.
    """
    moments = {key: memory[key] for key in ("since", "fired") if key in memory}
    ahead = [key for key, text in moments.items() if datetime.fromisoformat(text) > now]
    return {**memory, **dict.fromkeys(ahead, now.isoformat())} if ahead else memory


def given(wanted: Mapping[str, str], event: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by what an event says. Raises: ExpressionFault where it does not say it,
    NotAValue where that is too deep or too large.
    """
    scope = {name: as_value(value) for name, value in event.items()}
    return {
        name: expressions.to_json(expressions.parse(text).evaluate(scope))
        for name, text in wanted.items()
    }


def as_text(memory: Memory) -> str:
    """Memory as it is kept."""
    return json.dumps(memory, sort_keys=True) if memory else ""


def as_memory(text: str) -> Memory:
    """Memory from what was kept."""
    found: Memory = json.loads(text) if text else {}
    return found

"""The fire ledger's rules: what becomes of each slot. Pure: values in, values out.

`settle` looks at the slots behind a cursor and gives every one of them exactly one verdict: due,
or a reason why it is not started. `overlap` decides for a slot that is due and not yet started.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby, islice
from typing import Any

import msgspec
from msgspec.structs import replace

from core.domain.expressions import ExpressionFault, NotAValue
from core.domain.schedule import Misfire, Overlap, ScheduleSpec
from core.scheduling import occurrences
from core.scheduling.occurrences import Occurrence
from core.scheduling.triggers import Trigger, due_at, in_turn

ON_TIME = timedelta(seconds=60)
"""A slot that is looked at within so much of its time was not missed: it is started, whatever
the schedule says of those that were."""
MOST_SLOTS = 10_000
"""Slots that one look settles; the next look goes on."""


class Verdict(StrEnum):
    """What became of a slot."""

    DUE = "due"
    """It is to be started, and is not yet."""
    STARTED = "started"
    """It has its run."""
    MISSED = "missed"
    """Nobody could start it in time."""
    SKIPPED = "skipped"
    """The schedule itself says that it is not started."""
    REFUSED = "refused"
    """Its start was refused: guard rails, rules, or a job that cannot be run."""


VERDICT_TRANSITIONS: Mapping[Verdict, frozenset[Verdict]] = {
    Verdict.DUE: frozenset(Verdict),
    Verdict.STARTED: frozenset(),
    Verdict.MISSED: frozenset(),
    Verdict.SKIPPED: frozenset(),
    Verdict.REFUSED: frozenset(),
}
"""Verdict -> what it may become. Of a slot that waits `due` becomes `due`, with another reason."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One slot that is due, or slots in a row of which none is started for the same reason."""

    first: datetime
    last: datetime
    count: int = 1
    verdict: Verdict
    reason: str = ""
    cause: str | None = None
    """The event that it is the slot of, by what tells it from all others; None: the moment does."""
    given: Mapping[str, Any] = {}
    """Parameters that the event gives its run."""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What a look found."""

    entries: tuple[Entry, ...] = ()
    cursor: datetime
    """The last slot that has its verdict, or where the look began."""
    next_due: datetime | None = None
    """When the next slot is to be started; None: there is none."""
    more: bool = False
    """Whether slots are left that are due already."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at a schedule goes by."""

    name: str
    trigger: Trigger
    cursor: datetime
    now: datetime
    paused: str = ""
    """Who paused it and why; "" where it is not."""
    engine_started: datetime | None = None
    """When this engine started: the slot of `at_start`."""
    counted: int = 0
    """Slots that had a verdict before: `every_nth` counts all of them."""

    @property
    def spec(self) -> ScheduleSpec:
        return self.trigger.spec


def settle(look: Look) -> Settled:
    """A verdict for every slot behind the cursor that is due by now."""
    due: dict[datetime, datetime] = {}
    next_due = None
    for slot, at in in_turn(look.name, look.spec, _slots(look)):
        if at > look.now:
            next_due = at
            break
        due[slot] = at
        if len(due) > MOST_SLOTS:
            break
    more = next_due is None and len(due) > MOST_SLOTS
    if more:
        # The newest slots may still be wanted: they are judged with those that follow.
        due = dict(islice(due.items(), len(due) - look.spec.misfire_max))
    if not due:
        return Settled(cursor=look.cursor, next_due=next_due)
    return Settled(
        entries=tuple(_grouped(_verdicts(look, due, are_newest=not more))),
        cursor=next(reversed(due)),
        next_due=look.now if more else next_due,
        more=more,
    )


def settle_events(look: Look, happened: Sequence[Occurrence]) -> Settled:
    """A verdict for each thing that happened; two of one moment are a microsecond apart."""
    spec, moments = look.spec, list[datetime]()
    taken = list[Occurrence]()
    for each in sorted(happened, key=lambda each: each.at):
        if spec.enabled and look.trigger.covers(each.at):
            soonest = moments[-1] + timedelta(microseconds=1) if moments else each.at
            moments.append(max(each.at, soonest))
            taken.append(each)
    verdicts = _verdicts(look, {moment: moment for moment in moments}, are_newest=True)
    entries = tuple(_of_event(spec, *each) for each in zip(verdicts, taken, strict=True))
    return Settled(entries=entries, cursor=look.cursor)


def _of_event(spec: ScheduleSpec, entry: Entry, occurrence: Occurrence) -> Entry:
    if entry.verdict is not Verdict.DUE:
        return replace(entry, cause=occurrence.cause)
    try:
        given = occurrences.given(spec.given, occurrence.event)
    except ExpressionFault as fault:
        why = "; ".join(str(problem) for problem in fault.problems)
    except NotAValue as odd:
        why = str(odd)
    else:
        return replace(entry, cause=occurrence.cause, given=given)
    reason = f"the event does not give what `given` asks for: {why}"
    return replace(entry, cause=occurrence.cause, verdict=Verdict.REFUSED, reason=reason)


def _slots(look: Look) -> Iterator[datetime]:
    if look.spec.trigger.at_start:
        started = look.engine_started
        if look.spec.enabled and started is not None and started > look.cursor:
            yield from filter(look.trigger.covers, [started])
        return
    yield from look.trigger.slots(look.cursor)


Due = Mapping[datetime, datetime]
"""Slots in order, each with the moment at which it was to start."""


def _verdicts(look: Look, due: Due, *, are_newest: bool) -> Iterator[Entry]:
    wanted = {slot for place, slot in enumerate(due) if _counts(look, place)}
    chosen = _chosen(look, due, wanted, are_newest)
    for slot, at in due.items():
        verdict, reason = _verdict(look, slot, look.now - at, slot in wanted, slot in chosen)
        yield Entry(first=slot, last=slot, verdict=verdict, reason=reason)


def _counts(look: Look, place: int) -> bool:
    """Whether every_nth lets the slot at a place behind the cursor start."""
    return passes(look.spec, look.counted + place)


def passes(spec: ScheduleSpec, number: int) -> bool:
    """Whether `every_nth` lets a slot start before which there were so many."""
    return number % spec.every_nth == 0


def _verdict(
    look: Look, slot: datetime, late: timedelta, is_wanted: bool, is_chosen: bool
) -> tuple[Verdict, str]:
    if look.paused:
        return Verdict.SKIPPED, look.paused
    if day_off := look.trigger.off(slot):
        return Verdict.SKIPPED, f"a day off in calendar {day_off}"
    if not is_wanted:
        return Verdict.SKIPPED, f"one slot in {look.spec.every_nth} is started (every_nth)"
    if is_chosen:
        return Verdict.DUE, ""
    if late > _grace(look.spec):
        return Verdict.MISSED, f"nobody could start it within its grace of {look.spec.grace_s} s"
    if look.spec.misfire is Misfire.SKIP:
        return Verdict.MISSED, "nobody could start it at its time (misfire: skip)"
    return Verdict.MISSED, f"a later slot took its place (misfire: {look.spec.misfire})"


def _chosen(look: Look, due: Due, wanted: Set[datetime], are_newest: bool) -> frozenset[datetime]:
    """The slots that are to be started: those on time, and of the newest what misfire says."""
    could = [
        slot
        for slot in due
        if slot in wanted
        and look.now - due[slot] <= _grace(look.spec)
        and not look.trigger.off(slot)
    ]
    on_time = [slot for slot in could if look.now - due[slot] <= ON_TIME]
    if not are_newest:
        return frozenset(on_time)
    match look.spec.misfire:
        case Misfire.SKIP:
            return frozenset(on_time)
        case Misfire.LAST:
            return frozenset(on_time or could[-1:])
        case Misfire.ALL:
            return frozenset({*on_time, *could[-look.spec.misfire_max :]})


def _grouped(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Slots in a row that are not started for one reason, as one; every slot that is due alone."""
    for (verdict, reason), group in groupby(entries, key=lambda each: (each.verdict, each.reason)):
        some = list(group)
        if verdict is Verdict.DUE:
            yield from some
        else:
            yield Entry(
                first=some[0].first,
                last=some[-1].last,
                count=len(some),
                verdict=verdict,
                reason=reason,
            )


def is_too_late(name: str, spec: ScheduleSpec, slot: datetime, now: datetime) -> bool:
    """Whether a slot that waits for its start has outlived its grace."""
    return now - due_at(name, spec, slot) > _grace(spec)


def overlap(
    spec: ScheduleSpec, live: int, waiting: int, *, is_last: bool = True
) -> tuple[Verdict, str] | None:
    """What a due slot does beside `live` runs of its schedule and `waiting` slots before it.

    None: it starts now. DUE: it waits; under `replace`, for the end of runs that are to be stopped.
    `is_last`: no later slot of the schedule is due.
    """
    runs = {0: "an earlier slot", 1: "a run of the schedule"}.get(
        live, f"{live} runs of the schedule"
    )
    goes_on = f"{runs} went on" if live else f"{runs} waited"
    match spec.overlap:
        case Overlap.REPLACE if not is_last:
            return Verdict.SKIPPED, "a later slot took its place (overlap: replace)"
        case Overlap.REPLACE if live:
            return Verdict.DUE, f"it replaces {runs}, and waits for the end"
        case Overlap.SKIP if live or waiting:
            return Verdict.SKIPPED, f"{goes_on} (overlap: skip)"
        case Overlap.PARALLEL if live + waiting >= spec.overlap_max:
            return Verdict.SKIPPED, f"{goes_on} (overlap: parallel)"
        case Overlap.QUEUE if live or waiting:
            if waiting >= spec.overlap_max:
                return Verdict.SKIPPED, f"{waiting} slots waited already (overlap: queue)"
            return Verdict.DUE, f"waits for {runs}"
    return None


def _grace(spec: ScheduleSpec) -> timedelta:
    return timedelta(seconds=spec.grace_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A slot that is to come."""

    slot: datetime
    due_at: datetime
    """Later than the slot by its jitter."""
    calendar: str = ""
    """The calendar on whose days it falls, so that it will be skipped."""
    is_passed_over: bool = False
    """Whether `every_nth` passes it over."""


def forecast(
    name: str, trigger: Trigger, after: datetime, count: int, counted: int = 0
) -> list[Forecast]:
    """The next slots behind a moment; `counted` slots were before them."""
    slots = islice(trigger.slots(after), count)
    return [
        Forecast(
            slot=slot,
            due_at=at,
            calendar=trigger.off(slot),
            is_passed_over=not passes(trigger.spec, counted + place),
        )
        for place, (slot, at) in enumerate(in_turn(name, trigger.spec, slots))
    ]

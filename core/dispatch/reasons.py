"""Why a run waits: everything in its way at a moment, as values and in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from core.dispatch import ageing
from core.dispatch.items import LOCKS, Item, Kind, Mode, Use
from core.dispatch.lines import Waiting
from core.dispatch.queue import Queue
from core.domain.priorities import Priority
from core.domain.targets import fold

MOST_RUNS = 5
"""Runs that one reason names; more of them say nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing in a run's way."""

    kind: Kind
    names: str = ""
    """Of it, hosts folded; "" for the engine as a whole."""
    mode: Mode = Mode.SLOT
    """How the run would use it."""
    runs: tuple[str, ...] = ()
    """Runs that hold it, at most MOST_RUNS of them."""
    count: int = 0
    """How many hold it."""
    limit: int | None = None
    """Runs at the same time, where it is a matter of number."""
    older: str = ""
    """The run that may not be overtaken there, where it is nobody who holds it."""
    detail: str = ""
    """What else there is to say: who froze the engine, how busy a host is."""

    @property
    def text(self) -> str:
        """One sentence."""
        them = ", ".join(self.runs) + (", …" if self.count > len(self.runs) else "")
        who = f"run{'s' if self.count > 1 else ''} {them}"
        what = self.kind.value if not self.names else f"{self.kind} {self.names}"
        match self.kind:
            case Kind.FREEZE:
                return f"nothing begins: the engine is frozen by {self.detail}"
            case Kind.YIELD:
                verb = "give" if self.count > 1 else "gives"
                return f"{who} {verb} way to it, at the end of its step or batch"
            case Kind.LOAD:
                return f"host {self.names} is busy: {self.detail}"
            case Kind.HOST_LOCK if self.older:
                return f"run {self.older} waits for host {self.names} too, and has waited longer"
            case Kind.LOCK if self.older:
                return f"run {self.older} waits for lock {self.names} too, and has waited longer"
            case _ if self.older:
                return f"what {what} has left is kept for run {self.older}, which has waited longer"
            case Kind.HOST_LOCK:
                return f"waits for {who} on host {self.names}"
            case Kind.LOCK:
                return f"waits for {who}, which has lock {self.names}"
            case _:
                return f"{what} has {self.count} of at most {self.limit} runs: {who}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Where a run stands that waits."""

    priority: Priority
    level: Priority | None
    """The class in which it stands now, as it has risen; None: above all."""
    aged_at: float
    """From then on, nobody overtakes it."""
    reasons: tuple[Reason, ...]
    """Empty: it begins at the next decision."""
    unknown_loads: str
    """Hosts whose load is asked and not known, folded: they keep it from nothing."""


def why(queue: Queue, waiting: Waiting, now: float) -> Why:
    """Why a run waits."""
    item = waiting.item
    level = waiting.level(now, queue.rules.ageing_s)
    unknown = [host for host in item.hosts if queue.load_of(host) is None]
    return Why(
        priority=item.priority,
        level=None if level == ageing.AGED else list(Priority)[level],
        aged_at=waiting.due,
        reasons=tuple(_reasons(queue, waiting)),
        unknown_loads=fold(unknown),
    )


def _reasons(queue: Queue, waiting: Waiting) -> Iterator[Reason]:
    item = waiting.item
    if queue.rules.frozen and not item.override:
        yield Reason(kind=Kind.FREEZE, detail=queue.rules.frozen)
    found = [_Found.of(queue, *each) for each in queue.obstacles(waiting)]
    for _, alike in groupby(sorted(found, key=_Found.key), key=_Found.key):
        together = list(alike)
        yield together[0].reason(queue, [each.use.resource.name for each in together])
    if victims := sorted(queue.claims.victims_of(item.run_id)):
        yield Reason(kind=Kind.YIELD, runs=tuple(victims[:MOST_RUNS]), count=len(victims))
    for host in queue.busy_hosts(item):
        yield Reason(kind=Kind.LOAD, names=host, detail=_how_busy(queue, item, host))


@dataclass(frozen=True, slots=True)
class _Found:
    """An obstacle, and what makes it the same as that of other hosts."""

    use: Use
    holders: tuple[str, ...]
    older: str

    @classmethod
    def of(cls, queue: Queue, use: Use, older: Waiting | None) -> _Found:
        holders = () if older else tuple(queue.held.holders(use.resource))
        return cls(use, holders, older.item.run_id if older else "")

    def key(self) -> tuple[int, str, tuple[str, ...], str]:
        kind, name = self.use.resource
        # Hosts that the same runs hold are one reason; nothing else is like another.
        return (
            list(Kind).index(kind),
            "" if kind is Kind.HOST_LOCK else name,
            self.holders,
            self.older,
        )

    def reason(self, queue: Queue, names: list[str]) -> Reason:
        resource = self.use.resource
        is_lock = resource.kind in LOCKS
        return Reason(
            kind=resource.kind,
            names=fold(names) if resource.kind in (Kind.HOST, Kind.HOST_LOCK) else resource.name,
            mode=self.use.mode,
            runs=self.holders[:MOST_RUNS],
            count=len(self.holders),
            limit=None if is_lock else queue.rules.limits.get(resource),
            older=self.older,
        )


def _how_busy(queue: Queue, item: Item, host: str) -> str:
    load, limits = queue.load_of(host), item.load[host]
    assert load is not None, "only what is known is busy"
    parts = []
    if (most := limits.max_load_per_cpu) and (load.per_cpu or 0) > most:
        parts.append(f"load/CPU {load.per_cpu:.2f} > {most:g}")
    if (
        (least := limits.min_free_mem_mb)
        and load.free_mem_mb is not None
        and load.free_mem_mb < least
    ):
        parts.append(f"{load.free_mem_mb:.0f} < {least} MB free")
    return "; ".join(parts)


def holds(queue: Queue, run_id: str) -> list[Use]:
    """What a run that has begun holds besides its places: its locks."""
    begun = queue.held.get(run_id)
    return [use for use in begun.item.uses if use.resource.kind in LOCKS] if begun else []

"""What people say about when a run may begin: how urgent it is, what it locks, what it spares."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from core.domain.priorities import HostLock, LockMode, Priority
from core.domain.values import Name, Value


class Lock(Value):
    """Something that a run must have while it goes on, by a name that people agree on."""

    name: Name
    mode: LockMode = LockMode.EXCLUSIVE


def _names_differ(locks: tuple[Lock, ...]) -> tuple[Lock, ...]:
    names = [lock.name for lock in locks]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"each lock stands once: {', '.join(twice)} stands twice")
    return locks


Locks = Annotated[
    tuple[Lock, ...],
    Field(
        max_length=50,
        description="named locks that the run holds from its beginning to its end",
    ),
    AfterValidator(_names_differ),
]

MaxLoadPerCpu = Annotated[float, Field(gt=0, le=1000)]
MinFreeMemMb = Annotated[int, Field(ge=1, le=1 << 30)]
MaxRuns = Annotated[int, Field(ge=1, le=100_000)]


class LoadLimits(Value):
    """How busy a host may be for a run to begin there, by the newest sample of its facts."""

    max_load_per_cpu: MaxLoadPerCpu | None = None
    min_free_mem_mb: MinFreeMemMb | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing is asked."""
        return self.max_load_per_cpu is None and self.min_free_mem_mb is None

    def stricter(self, other: LoadLimits) -> LoadLimits:
        """Both at once."""
        loads = [
            each for each in (self.max_load_per_cpu, other.max_load_per_cpu) if each is not None
        ]
        frees = [each for each in (self.min_free_mem_mb, other.min_free_mem_mb) if each is not None]
        return LoadLimits(
            max_load_per_cpu=min(loads, default=None), min_free_mem_mb=max(frees, default=None)
        )


class Queueing(Value):
    """What a run asks of the queue, frozen with it."""

    priority: Priority = Priority.NORMAL
    locks: dict[str, LockMode] = Field(default_factory=dict)
    """Name -> mode, of the job, its steps and the request together; the stronger mode holds."""
    lock_hosts: HostLock = HostLock.NONE
    load: LoadLimits = LoadLimits()
    """What the job asks of its hosts; environments ask besides."""
    override: str = ""
    """Why it begins although the engine is frozen or drains; "" where it does not."""


def locks_together(*parts: tuple[Lock, ...]) -> dict[str, LockMode]:
    """All of them, each once and as strong as any part asks, in the order of their names."""
    together: dict[str, LockMode] = {}
    for lock in sorted((lock for part in parts for lock in part), key=lambda each: each.name):
        if together.get(lock.name) is not LockMode.EXCLUSIVE:
            together[lock.name] = lock.mode
    return together

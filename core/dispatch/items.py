"""Runs as the queue sees them: how urgent, whose, and what they use. And what there is of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from core.domain.priorities import Priority
from core.domain.queueing import LoadLimits


class Kind(StrEnum):
    """Kinds of things that keep runs waiting."""

    ENGINE = "engine"
    ENVIRONMENT = "environment"
    HOST = "host"
    ACCOUNT = "account"
    JOB = "job"
    FLOW = "flow"
    LOCK = "lock"
    HOST_LOCK = "host-lock"
    YIELD = "yield"
    """Runs that were asked to give way."""
    LOAD = "load"
    """A host that is busy: not ours to give."""
    FREEZE = "freeze"
    """Somebody froze the engine."""


LOCKS = frozenset({Kind.LOCK, Kind.HOST_LOCK})
OUTSIDE = frozenset({Kind.LOAD, Kind.FREEZE})
"""What no other run can give back: who waits for it keeps nothing from others."""


class Mode(StrEnum):
    """How a run uses a resource."""

    SLOT = "slot"
    """One of as many runs as its limit says."""
    SHARED = "shared"
    EXCLUSIVE = "exclusive"


class Resource(NamedTuple):
    """Something of which there is only so much."""

    kind: Kind
    name: str = ""


class Use(NamedTuple):
    """A resource, and how a run uses it from its beginning to its end."""

    resource: Resource
    mode: Mode


@lru_cache(maxsize=1 << 16)
def use(kind: Kind, name: str = "", mode: Mode = Mode.SLOT) -> Use:
    """A use, made once: thousands of runs name the same hosts."""
    return Use(Resource(kind, name), mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One run. All times are seconds of one clock."""

    run_id: str
    owner: str
    """Between owners, turns are fair."""
    priority: Priority
    since: float
    """When it was accepted; of a run that gave way, later by the time that it went on."""
    uses: tuple[Use, ...] = ()
    """Each resource once, in one order for all runs."""
    hosts: tuple[str, ...] = ()
    """The hosts of which a load limit is asked, if any."""
    load: Mapping[str, LoadLimits] = field(default_factory=dict)
    """Environment's and job's limits by host, where there are any."""
    override: bool = False
    """Whether it begins although the engine is frozen."""
    gave_way_to: str = ""
    """The run for which it was suspended; "" where it has not begun yet."""


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a host was when it was looked at last."""

    per_cpu: float | None = None
    free_mem_mb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for the queue as a whole."""

    ageing_s: float = 900.0
    """A run rises one class each time it has waited this long."""
    limits: Mapping[Resource, int] = field(default_factory=dict)
    """Runs at the same time; a resource that is not here has room for all."""
    frozen: str = ""
    """Who froze the engine, and why: nothing begins; "" where it does."""

"""The queue: who waits, why, and whether the engine lets runs begin."""

from __future__ import annotations

from console.answers.base import Answer


class WaitReason(Answer, frozen=True, kw_only=True):
    """One thing in a run's way."""

    kind: str
    names: str = ""
    mode: str = ""
    runs: list[str] = []
    count: int = 0
    limit: int | None = None
    older: str = ""
    detail: str = ""
    text: str = ""
    """In English, for kinds that this console does not know."""


class Place(Answer, frozen=True, kw_only=True):
    """A run that waits."""

    run_id: str
    title: str = ""
    owner: str = ""
    position: int = 0
    since: str = ""
    aged_at: str = ""
    priority: str = ""
    level: str | None = None
    reasons: list[WaitReason] = []
    unknown_loads: str = ""
    gave_way_to: str = ""
    """The run for which it was suspended."""


class Admission(Answer, frozen=True, kw_only=True):
    """Whether the engine lets runs begin."""

    mode: str = "open"
    reason: str = ""
    actor: str = ""
    at: str = ""


class Queue(Answer, frozen=True, kw_only=True):
    """Who waits, the first one first."""

    waiting: int = 0
    begun: int = 0
    admission: Admission = Admission()
    places: list[Place] = []


class QueueStatus(Answer, frozen=True, kw_only=True):
    """How the queue is, in one look."""

    waiting: int = 0
    begun: int = 0
    oldest_at: str | None = None
    admission: Admission = Admission()


class Hold(Answer, frozen=True, kw_only=True):
    """A lock that a run holds."""

    kind: str
    name: str
    mode: str


class WhyWaits(Answer, frozen=True, kw_only=True):
    """Where a run stands."""

    run_id: str
    title: str = ""
    state: str = ""
    parent: str | None = None
    place: Place | None = None
    holds: list[Hold] = []
    yields_to: str = ""
    """The run to which it is to give way."""
    answer: str = ""

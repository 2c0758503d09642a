"""Schedules and their slots."""

from __future__ import annotations

from console.answers.base import Answer


class Fire(Answer, frozen=True, kw_only=True):
    """What became of a slot of a schedule, or of slots in a row that were not started."""

    slot: str
    last_slot: str
    count: int
    verdict: str
    reason: str = ""
    run_id: str | None = None
    actor: str = ""
    at: str = ""
    cause: str | None = None


class Schedule(Answer, frozen=True, kw_only=True):
    """A schedule, and how it is."""

    name: str
    work: str
    trigger: str = ""
    owner: str = ""
    enabled: bool = True
    paused_by: str = ""
    pause_reason: str = ""
    next_slot: str | None = None
    last: Fire | None = None


class ForecastSlot(Answer, frozen=True, kw_only=True):
    """A slot that is to come."""

    slot: str
    due_at: str
    local: str
    calendar: str = ""
    is_passed_over: bool = False


class Why(Answer, frozen=True, kw_only=True):
    """What became of a slot, or why there is none."""

    schedule: str
    slot: str
    answer: str
    fire: Fire | None = None

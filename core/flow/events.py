"""What happens to a run: the machine's input. Stored, so every shape stays readable for ever."""

from __future__ import annotations

import msgspec

from core.domain.run import RunState


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Base of all events."""


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """The run was accepted and may begin."""


class StepFinished(Event, frozen=True, kw_only=True, tag="step_finished"):
    """Every target of a step's attempt is in a terminal state."""

    step: str
    attempt: int
    state: RunState


class RetryDue(Event, frozen=True, kw_only=True, tag="retry_due"):
    """The delay before a step's next attempt is over."""

    step: str
    attempt: int
    """The attempt to start."""


class CancelRequested(Event, frozen=True, kw_only=True, tag="cancel_requested"):
    """Somebody asked that the run ends."""


AnyEvent = Started | StepFinished | RetryDue | CancelRequested

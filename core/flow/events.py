"""What happens to a run: the machine's input. Stored, so every shape stays readable for ever."""

from __future__ import annotations

import msgspec

from core.domain.priorities import Priority
from core.domain.run import RunState


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Base of all events."""


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """The run was accepted and may begin."""

    at: str = ""
    """The node to begin with; "": the graph's own."""
    left_out: tuple[str, ...] = ()
    """Optional nodes that are passed by."""


class ReviewRequested(Event, frozen=True, kw_only=True, tag="review_requested"):
    """The run was accepted, and begins when others have approved it."""


class ReviewRefused(Event, frozen=True, kw_only=True, tag="review_refused"):
    """A run that waits for approval will not begin."""

    state: RunState
    """How it ends: rejected, or timed out."""


class Queued(Event, frozen=True, kw_only=True, tag="queued"):
    """The run was accepted and waits for its turn."""


class YieldRequested(Event, frozen=True, kw_only=True, tag="yield_requested"):
    """A more urgent run wants what the run holds; the run gives way at its next boundary."""

    to: str
    """The id of that run."""
    priority: Priority
    """How urgent that one is."""


class YieldWithdrawn(Event, frozen=True, kw_only=True, tag="yield_withdrawn"):
    """Nobody wants any more what the run holds."""


class TurnCame(Event, frozen=True, kw_only=True, tag="turn_came"):
    """A run that gave way has its turn again."""


class StepFinished(Event, frozen=True, kw_only=True, tag="step_finished"):
    """Every target of a step's attempt is in a terminal state; or what else the node did is done."""

    step: str
    attempt: int
    state: RunState
    holds: tuple[int, ...] = ()
    """Indices of the edges out of it whose condition holds."""
    marked: str = ""
    """Its output `tag`."""
    is_error: bool = False
    """It could not be done at all."""


class RetryDue(Event, frozen=True, kw_only=True, tag="retry_due"):
    """The delay before a step's next attempt is over."""

    step: str
    attempt: int
    """The attempt to start."""


class CancelRequested(Event, frozen=True, kw_only=True, tag="cancel_requested"):
    """Somebody asked that the run ends."""


class ForceStopRequested(Event, frozen=True, kw_only=True, tag="force_stop_requested"):
    """Somebody asked that a run which stops ends now, whatever cannot be verified."""


class RetryRequested(Event, frozen=True, kw_only=True, tag="retry_requested"):
    """Somebody asked for another attempt of a step; a run that had ended goes on."""

    step: str
    attempt: int
    """The attempt to start."""
    targets: tuple[int, ...]
    """Ordinals of the targets that may run; the others stand as they are."""
    winners: bool = False
    """Whether those of them that had succeeded run again too."""
    env: dict[str, str] = {}
    """Variables of the step that are others from here on."""


class StepIgnored(Event, frozen=True, kw_only=True, tag="step_ignored"):
    """Somebody decided that a step's failure counts no more."""

    step: str
    holds: tuple[int, ...] = ()


class StepSkipped(Event, frozen=True, kw_only=True, tag="step_skipped"):
    """Somebody decided that nobody waits for a step any more."""

    step: str
    holds: tuple[int, ...] = ()


class TargetsResolved(Event, frozen=True, kw_only=True, tag="targets_resolved"):
    """Somebody said how targets ended of which that was unknown; the step is judged again."""

    step: str
    attempt: int
    state: RunState
    """Of the step, now."""
    good: tuple[int, ...] = ()
    """Batches of a rolling step that had failed, and are good now."""
    holds: tuple[int, ...] = ()


class LookRequested(Event, frozen=True, kw_only=True, tag="look_requested"):
    """Somebody asked that hosts are asked again how an attempt went."""

    step: str
    attempt: int
    batches: tuple[int, ...] = ()
    """Those of a rolling step that these hosts are in."""


class Abandoned(Event, frozen=True, kw_only=True, tag="abandoned"):
    """The engine lost track of the run and drives it no further."""


class BatchFinished(Event, frozen=True, kw_only=True, tag="batch_finished"):
    """Every target of a batch is in a terminal state."""

    step: str
    attempt: int
    batch: int
    """From 0."""
    good: bool
    ran: bool = True
    """False where none of its targets had anything to do in this attempt."""
    over: bool = False
    """More failed in the step than is borne: no further batch starts."""


class BatchDue(Event, frozen=True, kw_only=True, tag="batch_due"):
    """A batch's planned time has come, or its soak is over."""

    step: str
    attempt: int
    batch: int


class BatchChecked(Event, frozen=True, kw_only=True, tag="batch_checked"):
    """A batch's health check has ended."""

    step: str
    attempt: int
    batch: int
    good: bool


class ContinueRequested(Event, frozen=True, kw_only=True, tag="continue_requested"):
    """Somebody let the next batch of a step start."""

    step: str


class PauseRequested(Event, frozen=True, kw_only=True, tag="pause_requested"):
    """Somebody asked that nothing more begins until the run is let go on."""


class ResumeRequested(Event, frozen=True, kw_only=True, tag="resume_requested"):
    """Somebody let a run that was paused go on."""


class PauseBeforeRequested(Event, frozen=True, kw_only=True, tag="pause_before_requested"):
    """Somebody asked that the run pauses before a node, or that it does not any more."""

    step: str
    wanted: bool = True


class FailRequested(Event, frozen=True, kw_only=True, tag="fail_requested"):
    """Somebody decided that a node which is under way has failed."""

    step: str


class WayChosen(Event, frozen=True, kw_only=True, tag="way_chosen"):
    """Somebody said where a gateway leads that found no way itself."""

    step: str
    target: str


class RerunRequested(Event, frozen=True, kw_only=True, tag="rerun_requested"):
    """Somebody asked that a node and all that follows it run anew."""

    step: str


class RollbackRequested(Event, frozen=True, kw_only=True, tag="rollback_requested"):
    """Somebody asked that what was done is undone."""

    to: str = ""
    """The node whose work stays; what followed it is undone. "": all of it."""


BatchEvent = BatchFinished | BatchDue | BatchChecked
"""What happens to one batch."""

AnyEvent = (
    Started
    | ReviewRequested
    | ReviewRefused
    | Queued
    | YieldRequested
    | YieldWithdrawn
    | TurnCame
    | StepFinished
    | RetryDue
    | CancelRequested
    | ForceStopRequested
    | RetryRequested
    | StepIgnored
    | StepSkipped
    | TargetsResolved
    | LookRequested
    | Abandoned
    | BatchFinished
    | BatchDue
    | BatchChecked
    | ContinueRequested
    | PauseRequested
    | ResumeRequested
    | PauseBeforeRequested
    | FailRequested
    | WayChosen
    | RerunRequested
    | RollbackRequested
)

"""What the machine wants done: its output. Performed by the runtime after they are stored."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from core.domain.run import RunState


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all commands."""


class StartStep(Command, frozen=True, kw_only=True):
    """Run a step's attempt; attempts after the first leave out the targets that succeeded."""

    step: str
    attempt: int
    targets: tuple[int, ...] | None = None
    """Ordinals of the targets that may run; None is all of the step's."""
    winners: bool = False
    """Targets that succeeded in the attempt before are not left out."""
    env: Mapping[str, str] = {}
    """Variables that somebody changed for this attempt."""


class WaitForRetry(Command, frozen=True, kw_only=True):
    """Feed RetryDue back after a delay."""

    step: str
    attempt: int
    delay_s: float


class StopStep(Command, frozen=True, kw_only=True):
    """End what the step is doing; StepFinished follows when it has ended."""

    step: str
    force: bool = False
    """Do not wait for what cannot be ended: it is recorded as it is known."""


class FinishRun(Command, frozen=True, kw_only=True):
    """The run is over."""

    state: RunState
    reason: str = ""


class GiveWay(Command, frozen=True, kw_only=True):
    """Let go of the run: nothing of it is under way, and it waits for its turn."""


class BatchCommand(Command, frozen=True, kw_only=True):
    """About one batch of a rolling step's attempt."""

    step: str
    attempt: int
    batch: int


class StartBatch(BatchCommand, frozen=True, kw_only=True):
    """Run the batch's targets; BatchFinished follows."""


class WaitForBatch(BatchCommand, frozen=True, kw_only=True):
    """Feed BatchDue back at the batch's planned time, or when it has soaked."""


class CheckBatch(BatchCommand, frozen=True, kw_only=True):
    """Run the batch's health check; BatchChecked follows."""


class EndStep(Command, frozen=True, kw_only=True):
    """No batch is left: end what still waits, judge the step; StepFinished follows."""

    step: str
    attempt: int


AnyCommand = (
    StartStep
    | WaitForRetry
    | StopStep
    | FinishRun
    | GiveWay
    | StartBatch
    | WaitForBatch
    | CheckBatch
    | EndStep
)

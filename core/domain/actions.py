"""What an operator asks of a run, as values: one class for each action, with its own fields.

Where an action is legal says `core.domain.run`; what follows from it, `core.flow.machine`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core.domain.patterns import CHANGE
from core.domain.resolving import Verdict
from core.domain.retrying import RetryScope
from core.domain.run import RunAction
from core.domain.values import Env, EnvName, Name, Secret, Value

MAX_REASON_CHARACTERS = 500


class ActionBase(Value):
    """What every action has."""

    action: RunAction
    reason: str = Field("", max_length=MAX_REASON_CHARACTERS, description="kept in the record")


class OfStep(ActionBase):
    """An action that is about one step."""

    step: Name | None = Field(
        None, description="the step; empty where the run has only one that it can be"
    )


class Afterwards(OfStep):
    """An action that takes an ended run up again."""

    confirm_hosts: int | None = Field(
        None, ge=0, description="the number of hosts, where a guard rail asks to confirm it"
    )
    change: str | None = Field(
        None,
        max_length=128,
        pattern=CHANGE,
        description="the change number, where a guard rail asks for one; empty: that of the start",
    )
    acknowledge: tuple[Name, ...] = Field(
        (), max_length=100, description="rules for dangerous commands that whoever asks knows of"
    )
    secrets: dict[EnvName, Secret] = Field(
        default_factory=dict,
        description="the secrets that the run was started with: they were erased at its end",
    )


class Stop(ActionBase):
    """Start nothing more, end what runs, and verify it."""

    action: Literal[RunAction.STOP] = RunAction.STOP


class ForceStop(ActionBase):
    """End a run whose stop hangs: what cannot be verified is recorded as unknown."""

    action: Literal[RunAction.FORCE_STOP] = RunAction.FORCE_STOP


class Retry(Afterwards):
    """Run a step again, with the very definition, values and hosts of the run, unless `env` says."""

    action: Literal[RunAction.RETRY] = RunAction.RETRY
    scope: RetryScope | None = Field(
        None, description="which targets of the step; empty: those that failed, or `hosts`"
    )
    hosts: tuple[str, ...] | None = Field(
        None,
        description="exactly these targets, instead of `scope`; also where the outcome is unknown",
    )
    include_away: bool = Field(
        False, description="also on hosts that are in maintenance, or that their source has lost"
    )
    env: Env = Field(
        default_factory=dict,
        max_length=100,
        description="variables of the step that are others from here on; on record, so no secrets",
    )

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.scope is not None and self.hosts is not None:
            raise ValueError("give `scope` or `hosts`, not both")
        return self


class Ignore(Afterwards):
    """Let a step's failure count no more, and start what follows it."""

    action: Literal[RunAction.IGNORE] = RunAction.IGNORE


class Skip(OfStep):
    """Wait for a step no longer, and start what follows it."""

    action: Literal[RunAction.SKIP] = RunAction.SKIP


class Resolve(Afterwards):
    """Say how targets ended of which that is unknown, or have their hosts asked again."""

    action: Literal[RunAction.RESOLVE] = RunAction.RESOLVE
    verdict: Verdict
    hosts: tuple[str, ...] | None = Field(
        None, description="these targets; empty: all of the step that are unknown"
    )


class Continue(OfStep):
    """Let the next batch of a rolling step start."""

    action: Literal[RunAction.CONTINUE] = RunAction.CONTINUE


class Pause(ActionBase):
    """Let what runs come to its end, and begin nothing more."""

    action: Literal[RunAction.PAUSE] = RunAction.PAUSE


class Resume(ActionBase):
    """Let a run that was paused go on."""

    action: Literal[RunAction.RESUME] = RunAction.RESUME


class PauseBefore(OfStep):
    """Have the run pause when it comes to a step, or not any more."""

    action: Literal[RunAction.PAUSE_BEFORE] = RunAction.PAUSE_BEFORE
    wanted: bool = Field(True, description="false takes it back")


class Fail(OfStep):
    """End a step that is under way: it has failed."""

    action: Literal[RunAction.FAIL] = RunAction.FAIL


class ChooseWay(Afterwards):
    """Say where a gateway leads that found no way itself."""

    action: Literal[RunAction.CHOOSE_WAY] = RunAction.CHOOSE_WAY
    to: Name = Field(description="the node that an edge of the gateway leads to")


class Rerun(Afterwards):
    """Run a step and all that follows it anew, on all of their targets."""

    action: Literal[RunAction.RERUN] = RunAction.RERUN
    include_away: bool = Field(
        False, description="also on hosts that are in maintenance, or that their source has lost"
    )


class RollBack(Afterwards):
    """Undo what the run did, the last thing first."""

    action: Literal[RunAction.ROLL_BACK] = RunAction.ROLL_BACK
    step: Name | None = Field(
        None, description="the step whose work stays; what followed it is undone. Empty: all of it"
    )


Action = Annotated[
    Stop
    | ForceStop
    | Retry
    | Ignore
    | Skip
    | Resolve
    | Continue
    | Pause
    | Resume
    | PauseBefore
    | Fail
    | ChooseWay
    | Rerun
    | RollBack,
    Field(discriminator="action"),
]

"""Step kinds: what a step says, whatever runs it.

A new kind is one class here, one entry in `STEP_KINDS`, and one executor; its
API schema, its YAML and its forms follow from the class.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core.domain.captures import OutputRule
from core.domain.patterns import INTERPRETER
from core.domain.rolling import Rolling
from core.domain.values import Env, EnvName, Name, Value

MAX_PROGRAM_CHARACTERS = 1 << 20


class Retry(Value):
    """Automatic attempts after a failed one, on the targets that did not succeed."""

    times: int = Field(0, ge=0, le=10)
    delay_s: float = Field(0, ge=0, le=3600, description="before the second attempt")
    backoff: float = Field(1, ge=1, le=10, description="each further delay is this much longer")

    def delay_before(self, attempt: int) -> float:
        """Seconds to wait before `attempt` (2 is the first retry)."""
        return min(float(self.delay_s * self.backoff ** (attempt - 2)), 3600.0)


class Execution(StrEnum):
    """How work is tied to the connection that started it."""

    DETACHED = "detached"
    """The host keeps the work, its output and its exit status: a lost line or engine loses nothing."""
    DIRECT = "direct"
    """The work hangs on its connection: nothing is kept on the host, and a cut leaves it unknown."""


class StepBase(Value):
    """What every kind of step has."""

    name: Name
    targets: str | None = Field(None, description="target expression; empty: the job's")
    timeout_s: float | None = Field(None, gt=0, le=30 * 86400, description="per target")
    retry: Retry = Retry()
    idempotent: bool = Field(False, description="may run again where the outcome is unknown")
    continue_on_error: bool = Field(False, description="a failure is ignored, the next step starts")
    allow_empty: bool = Field(False, description="matching no host is not a failure")
    run_as: Name | None = Field(None, description="account, instead of each host's own")
    concurrency: int | None = Field(None, ge=1, le=2000, description="targets at the same time")
    rolling: Rolling | None = Field(None, description="batches; empty: all targets alike")
    execution: Execution = Field(
        Execution.DETACHED, description="whether a host keeps what runs when the connection is lost"
    )
    env: Env = Field(default_factory=dict)
    outputs: OutputRule = Field(
        OutputRule.FAIL, description="when hosts set different values for one output"
    )
    host_outputs: tuple[EnvName, ...] = Field(
        (), description="outputs that stay per host: each host sees its own in later steps"
    )


class CommandStep(StepBase):
    """A command line, given to /bin/sh on each target."""

    kind: Literal["command"]
    command: str = Field(min_length=1, max_length=MAX_PROGRAM_CHARACTERS)


class ScriptUse(Value):
    """A script document: its current revision, or a pinned one."""

    name: Name
    revision: int | None = Field(None, ge=1, description="empty: the revision current at the start")


class ScriptStep(StepBase):
    """A script with an interpreter, sent to each target as a temporary file."""

    kind: Literal["script"]
    text: str | None = Field(None, min_length=1, max_length=MAX_PROGRAM_CHARACTERS)
    script: ScriptUse | None = None
    language: str | None = Field(
        None,
        max_length=255,
        pattern=INTERPRETER,
        description="interpreter: a name (sh, bash, python3, perl …) or a path",
    )
    args: tuple[str, ...] = Field((), max_length=256)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.text is None) == (self.script is None):
            raise ValueError("give `text` or `script`, one of the two")
        if self.script is not None and self.language is not None:
            raise ValueError("`language` belongs to the script document")
        return self


class LocalStep(StepBase):
    """A command line run once, by /bin/sh on the engine's own machine."""

    kind: Literal["local"]
    command: str = Field(min_length=1, max_length=MAX_PROGRAM_CHARACTERS)

    @model_validator(mode="after")
    def _has_no_targets(self) -> Self:
        if (self.targets, self.run_as, self.rolling) != (None, None, None):
            raise ValueError(
                "a local step runs once, on the engine's machine; drop `targets`, `run_as`, `rolling`"
            )
        return self


Step = Annotated[CommandStep | ScriptStep | LocalStep, Field(discriminator="kind")]

STEP_KINDS: dict[str, type[StepBase]] = {
    "command": CommandStep,
    "script": ScriptStep,
    "local": LocalStep,
}


class Language(StrEnum):
    """Interpreters that most hosts have; any other name or path is taken too."""

    SH = "sh"
    BASH = "bash"
    PYTHON = "python3"

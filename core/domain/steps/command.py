"""Command lines, on each target or once on the engine's own machine."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from core.domain.steps.base import MAX_PROGRAM_CHARACTERS, Given, StepBase
from core.domain.tasks import Program


class CommandStep(StepBase):
    """A command line, given to /bin/sh on each target."""

    kind: Literal["command"]
    command: str = Field(min_length=1, max_length=MAX_PROGRAM_CHARACTERS)

    def task(self, given: Given) -> Program:
        return Program(text=self.command)


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

    @property
    def runs_once(self) -> bool:
        return True

    def task(self, given: Given) -> Program:
        return Program(text=self.command)

"""Scripts with an interpreter."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from core.domain.patterns import INTERPRETER
from core.domain.steps.base import MAX_PROGRAM_CHARACTERS, FrozenScript, ScriptUse, StepBase
from core.domain.tasks import Program


class Language(StrEnum):
    """Interpreters that most hosts have; any other name or path is taken too."""

    SH = "sh"
    BASH = "bash"
    PYTHON = "python3"


class ScriptStep(StepBase):
    """A script with an interpreter, sent to each target as a temporary file."""

    collects_outputs: ClassVar[bool] = True

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

    def task(self, script: FrozenScript | None) -> Program:
        if script is not None:
            return Program(text=script.text, interpreter=script.language, args=self.args)
        assert self.text is not None
        return Program(text=self.text, interpreter=self.language or "sh", args=self.args)

    def script_used(self) -> ScriptUse | None:
        return self.script

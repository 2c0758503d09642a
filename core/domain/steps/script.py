"""Scripts with an interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from core.domain.command_rules.values import CommandText, Judged, language_of
from core.domain.patterns import INTERPRETER
from core.domain.steps.base import (
    MAX_PROGRAM_CHARACTERS,
    FrozenScript,
    Given,
    ProgramStep,
    ScriptUse,
)
from core.domain.tasks import Program
from core.domain.values import Lines


class Language(StrEnum):
    """Interpreters that most hosts have; any other name or path is taken too."""

    SH = "sh"
    BASH = "bash"
    PYTHON = "python3"
    POWERSHELL = "powershell"
    CMD = "cmd"


class ScriptStep(ProgramStep):
    """A script with an interpreter, sent to each target as a temporary file."""

    collects_outputs: ClassVar[bool] = True

    kind: Literal["script"]
    text: Lines | None = Field(None, min_length=1, max_length=MAX_PROGRAM_CHARACTERS)
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

    def task(self, given: Given) -> Program:
        text = self.text if given.script is None else given.script.text
        assert text is not None
        return Program(
            text=text,
            interpreter=self.interpreter(given.script),
            args=self.args,
            cwd=self.cwd,
        )

    def judged(self, given: Given) -> Sequence[Judged]:
        text = self.text if given.script is None else given.script.text
        assert text is not None
        where = "text" if given.script is None else f"script {given.script.name}"
        return [
            CommandText(
                language=language_of(self.interpreter(given.script)), text=text, where=where
            )
        ]

    def interpreter(self, script: FrozenScript | None) -> str | None:
        return self.language or "sh" if script is None else script.language

    def script_used(self) -> ScriptUse | None:
        return self.script

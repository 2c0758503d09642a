"""Command lines, on each target or once on the engine's own machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core.domain.command_rules.values import CommandText, Judged, language_of
from core.domain.patterns import INTERPRETER
from core.domain.quoting import quote_posix
from core.domain.steps.base import MAX_PROGRAM_CHARACTERS, FrozenScript, Given, ProgramStep
from core.domain.tasks import Program
from core.domain.values import Lines

_Word = Annotated[str, Field(max_length=MAX_PROGRAM_CHARACTERS)]


class CommandStep(ProgramStep):
    """A command line, given to /bin/sh on each target, or to the shell of a Windows host."""

    kind: Literal["command"]
    command: Lines = Field(min_length=1, max_length=MAX_PROGRAM_CHARACTERS)

    def task(self, given: Given) -> Program:
        return Program(text=self.command, cwd=self.cwd)

    def judged(self, given: Given) -> Sequence[Judged]:
        language = language_of(given.shell)
        return [CommandText(language=language, text=self.command, where="command")]


class LocalStep(ProgramStep):
    """A command line or a program, run once on the engine's own machine."""

    kind: Literal["local"]
    command: Lines | None = Field(
        None, min_length=1, max_length=MAX_PROGRAM_CHARACTERS, description="for a shell to read"
    )
    shell: str | None = Field(
        None,
        max_length=255,
        pattern=INTERPRETER,
        description="what reads `command`: a name or a path; empty: /bin/sh",
    )
    program: tuple[_Word, ...] | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="a program and its arguments, which no shell reads, instead of `command`",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.targets, self.run_as, self.rolling) != (None, None, None):
            raise ValueError(
                "a local step runs once, on the engine's machine; drop `targets`, `run_as`, `rolling`"
            )
        if (self.command is None) == (self.program is None):
            raise ValueError("give `command` or `program`, one of the two")
        if self.shell is not None and self.program is not None:
            raise ValueError("no shell reads a `program`; drop `shell`")
        return self

    @property
    def runs_once(self) -> bool:
        return True

    def interpreter(self, script: FrozenScript | None) -> str | None:
        return self.shell or "sh"

    def judged(self, given: Given) -> Sequence[Judged]:
        language = language_of(self.shell)
        where = "command" if self.program is None else "program"
        return [CommandText(language=language, text=self.task(given).text, where=where)]

    def task(self, given: Given) -> Program:
        if self.program is not None:
            words = " ".join(quote_posix(word) for word in self.program)
            return Program(text=f"exec {words}", cwd=self.cwd)
        assert self.command is not None
        return Program(text=self.command, interpreter=self.shell, cwd=self.cwd)

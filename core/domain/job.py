"""Jobs and scripts: what people save to run again."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from core.domain.patterns import INTERPRETER
from core.domain.priorities import HostLock, Priority
from core.domain.queueing import Locks, MaxLoadPerCpu, MaxRuns, MinFreeMemMb
from core.domain.steps import MAX_PROGRAM_CHARACTERS, Language, Step
from core.domain.values import EnvName, Lines, Regex, TargetText, Value


class ParameterType(StrEnum):
    STRING = "string"
    NUMBER = "number"
    BOOL = "bool"
    CHOICE = "choice"
    SECRET = "secret"
    TARGETS = "targets"
    MAP = "map"
    LIST = "list"


class Parameter(Value):
    """A declared input of a job; its value reaches every step as an environment variable."""

    name: EnvName
    type: ParameterType = ParameterType.STRING
    description: str = ""
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    pattern: Regex | None = Field(None, max_length=500, description="the whole value must match")
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _settings_fit_the_type(self) -> Self:
        if (self.type is ParameterType.CHOICE) != bool(self.choices):
            raise ValueError("`choices` belongs to type choice, which needs at least one")
        if self.type is ParameterType.SECRET and self.default is not None:
            raise ValueError("a secret has no default; it would be stored in plain text")
        if self.pattern is not None and self.type is not ParameterType.STRING:
            raise ValueError("`pattern` belongs to type string")
        bounds = self.minimum is not None or self.maximum is not None
        if bounds and self.type is not ParameterType.NUMBER:
            raise ValueError("`minimum` and `maximum` belong to type number")
        if self.required and self.default is not None:
            raise ValueError("a required parameter has no default; drop one of the two")
        return self


class WorkSpec(Value):
    """What jobs and flows have in common: what they are given, and when they may begin."""

    description: str = ""
    parameters: tuple[Parameter, ...] = Field((), max_length=100)
    targets: TargetText | None = Field(
        None, description="target expression used where a start names none"
    )
    concurrency: int = Field(100, ge=1, le=2000, description="targets at the same time, per step")
    priority: Priority = Field(
        Priority.NORMAL, description="how urgent its runs are where a start says nothing"
    )
    max_runs: MaxRuns | None = Field(None, description="runs of it at the same time; others wait")
    locks: Locks = ()
    lock_hosts: HostLock = Field(
        HostLock.NONE, description="its hosts are locked against other runs that lock hosts"
    )
    max_load_per_cpu: MaxLoadPerCpu | None = Field(
        None, description="its runs wait while one of their hosts is busier, as its facts say"
    )
    min_free_mem_mb: MinFreeMemMb | None = Field(
        None, description="its runs wait while one of their hosts has less, as its facts say"
    )

    @model_validator(mode="after")
    def _parameters_differ(self) -> Self:
        check_differ("parameter", [parameter.name for parameter in self.parameters])
        return self


def check_differ(what: str, names: Sequence[str]) -> None:
    """ValueError where a name stands twice."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{what} names must differ: {', '.join(twice)} stands twice")


class JobSpec(WorkSpec):
    """Ordered steps and their parameters."""

    steps: tuple[Step, ...] = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _steps_differ(self) -> Self:
        check_differ("step", [step.name for step in self.steps])
        return self


class ScriptSpec(Value):
    """A script; each revision of the document is one of its versions."""

    description: str = ""
    language: str = Field(Language.SH, max_length=255, pattern=INTERPRETER)
    text: Lines = Field(min_length=1, max_length=MAX_PROGRAM_CHARACTERS)

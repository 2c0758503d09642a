"""Rules for dangerous commands that were met, as they are answered."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from core.api.values import Answer
from core.domain.command_rules import Decision, Level
from core.flow.dangers import StepHit, hosts_word


class FoundDanger(Answer):
    """One rule that a text meets, and where."""

    rule: str
    level: Level
    message: str
    where: str = Field(description="the field that holds the text")
    line: int
    column: int
    command: str = Field(description="as it is written, shortened")
    meaning: str = Field(description="as it was read, where wrappers or variables hide it")


class StepDanger(FoundDanger):
    """One rule that a step meets."""

    step: str
    hosts: str = Field(description="folded; empty where it runs on none")


class RunDanger(StepDanger):
    """One rule that a run met, and what came of it."""

    at: str
    actor: str
    decision: Decision


def step_dangers(found: Iterable[StepHit]) -> list[StepDanger]:
    """The gravest first, as they were found in each text."""
    return [
        StepDanger(
            **FoundDanger.model_validate(each.hit).model_dump(),
            step=each.step,
            hosts=hosts_word(each.hosts),
        )
        for each in found
    ]

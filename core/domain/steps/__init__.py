"""Step kinds: what a step says, whatever runs it.

A new kind is one file here and one entry below; its API schema, its YAML and its forms
follow from the class.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.domain.steps.base import (
    LAST_TARGETS,
    MAX_PROGRAM_CHARACTERS,
    Execution,
    FrozenScript,
    Given,
    Retry,
    ScriptUse,
    StepBase,
)
from core.domain.steps.command import CommandStep, LocalStep
from core.domain.steps.files import DistributeStep, PullStep, PushStep
from core.domain.steps.http import HttpStep
from core.domain.steps.script import Language, ScriptStep
from core.domain.steps.sql import SqlStep

AnyStep = (
    CommandStep | ScriptStep | LocalStep | HttpStep | SqlStep | PushStep | PullStep | DistributeStep
)
"""Every kind of step; a flow has them beside its other nodes."""

Step = Annotated[AnyStep, Field(discriminator="kind")]

__all__ = [
    "LAST_TARGETS",
    "MAX_PROGRAM_CHARACTERS",
    "AnyStep",
    "CommandStep",
    "DistributeStep",
    "Execution",
    "FrozenScript",
    "Given",
    "HttpStep",
    "Language",
    "LocalStep",
    "PullStep",
    "PushStep",
    "Retry",
    "ScriptStep",
    "ScriptUse",
    "SqlStep",
    "Step",
    "StepBase",
]

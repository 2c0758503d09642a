"""The variables that a step's work sees on one host, by who said them. Pure, and without secrets.

What is sent and what is shown of it later are made here, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.domain import variables
from core.domain.steps import StepBase
from core.flow.definition import FrozenHost, RunDefinition


def shared(definition: RunDefinition, outputs: Mapping[str, Any]) -> dict[str, str]:
    """Values that are the same on every host: parameters, and what earlier nodes have set."""
    values = {**definition.parameters, **outputs}
    return {name: variables.as_text(value) for name, value in values.items()}


def said(
    definition: RunDefinition,
    host: FrozenHost,
    step: StepBase,
    common: Mapping[str, str],
    own: Mapping[str, Any],
    changed: Mapping[str, str],
) -> dict[str, str]:
    """What people and earlier nodes have said, weakest first (`jobdeck help outputs`).

    `common`: as `shared` gives it; `own`: outputs that only this host sees; `changed`: variables
    that somebody changed when the step was tried again.
    """
    return {
        **host.variables,
        **common,
        **{name: variables.as_text(value) for name, value in own.items()},
        **step.env,
        **definition.env,
        **changed,
    }


def marks(run_id: str, step: str, attempt: int, host: FrozenHost) -> dict[str, str]:
    """What Jobdeck itself says, over everything else."""
    return {
        "JOBDECK_RUN": run_id,
        "JOBDECK_STEP": step,
        "JOBDECK_ATTEMPT": str(attempt),
        "JOBDECK_HOST": host.name,
        "JOBDECK_ADDRESS": host.address,
    }

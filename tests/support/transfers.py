"""Transfers in tests: steps become work, as a run makes it."""

from __future__ import annotations

from typing import Any

from core.domain.steps import Given, PullStep, PushStep
from core.executors.protocol import Work
from tests.support.work import new_token

IDS = {"JOBDECK_RUN": "01RUN", "JOBDECK_STEP": "main", "JOBDECK_HOST": "web1"}


def push(env: dict[str, str] | None = None, **spec: Any) -> Work:
    """Work of a push step; `env` is the step's environment."""
    step = PushStep.model_validate({"kind": "push", "name": "main", **spec})
    return _work(step, env or {})


def pull(env: dict[str, str] | None = None, **spec: Any) -> Work:
    step = PullStep.model_validate({"kind": "pull", "name": "main", **spec})
    return _work(step, env or {})


def _work(step: PushStep | PullStep, env: dict[str, str]) -> Work:
    values = {**IDS, **env}
    task = step.task(Given(script=None, env=values))
    return Work(attempt_id=new_token(), task=task, env=values, timeout_s=step.timeout_s)

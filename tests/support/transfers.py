"""Transfers in tests: steps become work, as a run makes it."""

from __future__ import annotations

from typing import Any

from core.domain.steps import Given, PullStep, PushStep
from core.executors.protocol import Work
from tests.support.work import new_token

IDS = {"JOBDECK_RUN": "01RUN", "JOBDECK_STEP": "main", "JOBDECK_HOST": "web1"}


def push(env: dict[str, str] | None = None, *, check: bool = False, **spec: Any) -> Work:
    """Work of a push step; `env` is the step's environment. `check`: its rehearsal."""
    step = PushStep.model_validate({"kind": "push", "name": "main", **spec})
    return _work(step, env or {}, check=check)


def pull(env: dict[str, str] | None = None, *, check: bool = False, **spec: Any) -> Work:
    step = PullStep.model_validate({"kind": "pull", "name": "main", **spec})
    return _work(step, env or {}, check=check)


def _work(step: PushStep | PullStep, env: dict[str, str], *, check: bool) -> Work:
    values = {**IDS, **env}
    given = Given(script=None, env=values)
    task = step.rehearsal(given) if check else step.task(given)
    return Work(attempt_id=new_token(), task=task, env=values, timeout_s=step.timeout_s)

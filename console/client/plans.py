"""Dry runs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from console import answers
from console.client import paths
from console.client.calls import MOST_ITEMS, Calls


class PlanCalls(Calls):
    """Dry runs."""

    def make_plan(self, request: Mapping[str, Any], level: str) -> answers.PlanDetail:
        """Resolve a request without starting it; a probe goes on after this answers."""
        return self._post(answers.PlanDetail, "/plans", {"request": request, "level": level})

    def plans(self, *, limit: int) -> list[answers.Plan]:
        """The newest `limit` dry runs, newest first."""
        found = self._all(answers.Plan, "/plans", {"limit": min(limit, MOST_ITEMS)})
        return list(islice(found, limit))

    def plan(self, plan_id: str) -> answers.PlanDetail:
        return self._get(answers.PlanDetail, f"/plans/{paths.part(plan_id)}")

    def cancel_probe(self, plan_id: str) -> answers.Plan:
        """Stop a probe; returns when it has ended."""
        path = f"/plans/{paths.part(plan_id)}/actions"
        return self._post(answers.Plan, path, {"action": "cancel"})

    def compare_plan(self, plan_id: str, run_id: str | None) -> answers.PlanComparison:
        """A plan and a run; without one, the run that it was started as or what would run now."""
        path = f"/plans/{paths.part(plan_id)}/comparison"
        return self._get(answers.PlanComparison, path, {"run": run_id})

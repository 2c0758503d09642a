"""Flows, beside their documents."""

from __future__ import annotations

from console import answers
from console.client import paths
from console.client.calls import Calls


class FlowCalls(Calls):
    """What the engine says of flows."""

    def flow_problems(self, name: str) -> answers.FlowProblems:
        """What stands against a saved flow now."""
        return self._get(answers.FlowProblems, f"/flows/{paths.part(name)}/problems")

"""The queue; freezing and draining the engine."""

from __future__ import annotations

from console import answers
from console.client import paths
from console.client.calls import Calls


class QueueCalls(Calls):
    """The queue; freezing and draining the engine."""

    def queue(self, limit: int) -> answers.Queue:
        """Runs that wait, the first one first."""
        return self._get(answers.Queue, "/queue", {"limit": limit})

    def why_waits(self, run_id: str) -> answers.WhyWaits:
        """Why a run waits, or that it does not."""
        return self._get(answers.WhyWaits, f"/queue/{paths.part(run_id)}")

    def move_run(self, run_id: str, priority: str) -> answers.WhyWaits:
        path = f"/queue/{paths.part(run_id)}/move"
        return self._post(answers.WhyWaits, path, {"priority": priority})

    def freeze(self, reason: str) -> answers.Admission:
        return self._post(answers.Admission, "/engine/freeze", {"reason": reason})

    def drain(self, reason: str) -> answers.Admission:
        return self._post(answers.Admission, "/engine/drain", {"reason": reason})

    def unfreeze(self) -> answers.Admission:
        return self._post(answers.Admission, "/engine/unfreeze", {})

"""Schedules."""

from __future__ import annotations

from console import answers
from console.client import paths
from console.client.calls import Calls


class ScheduleCalls(Calls):
    """Schedules."""

    def schedules(self) -> list[answers.Schedule]:
        """Every schedule."""
        return self._get(list[answers.Schedule], "/schedules")

    def forecast(self, schedule: str, count: int) -> list[answers.ForecastSlot]:
        """The next slots."""
        path = f"/schedules/{paths.part(schedule)}/next"
        return self._get(list[answers.ForecastSlot], path, {"count": count})

    def fires(self, schedule: str, limit: int) -> list[answers.Fire]:
        """The newest rows of its ledger, newest first."""
        path = f"/schedules/{paths.part(schedule)}/fires"
        return self._get(answers.Page[answers.Fire], path, {"limit": limit}).items

    def why(self, schedule: str, at: str) -> answers.Why:
        """What became of the slot at a moment."""
        return self._get(answers.Why, f"/schedules/{paths.part(schedule)}/why", {"at": at})

    def pause_schedule(self, schedule: str, reason: str) -> answers.Schedule:
        path = f"/schedules/{paths.part(schedule)}/pause"
        return self._post(answers.Schedule, path, {"reason": reason})

    def resume_schedule(self, schedule: str) -> answers.Schedule:
        return self._post(answers.Schedule, f"/schedules/{paths.part(schedule)}/resume", {})

    def fire_schedule(self, schedule: str) -> answers.Run:
        """Start its run now; sent once."""
        return self._post(answers.Run, f"/schedules/{paths.part(schedule)}/fire", {})

"""How a run's newest step stands, counted from the journal as its entries arrive.

So that a console that follows a run of thousands of hosts asks the engine for
nothing while it goes on: the entries say everything. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from core.domain.run import TERMINAL_RUN_STATES, BatchState, TargetState


class Tally:
    """States of the targets of one step's attempt; the next attempt begins anew.

    Feed it every entry of the run, in order. Targets that no entry has named
    still wait, or were carried over from an earlier attempt (`carried`).
    """

    def __init__(self) -> None:
        self.step = ""
        self.attempt = 0
        self.steps_begun = 0
        """Different steps that have started."""
        self.total = 0
        self.carried = 0
        """Targets that succeeded in an earlier attempt, and are not run again."""
        self.batch = (0, 0)
        """Batches of a rolling step that have started, and all of them; zeros where it does not."""
        self._good: set[tuple[str, int]] = set()
        self._states: dict[int, str] = {}

    def note(self, type_: str, data: Mapping[str, Any]) -> None:
        """Take an entry of the run's journal; other types than those of steps say nothing here."""
        if type_ == "run.step" and "targets" in data:
            self._begin(data)
        elif type_ == "run.batch" and self._is_current(data):
            if data["state"] == BatchState.RUNNING:
                self.batch = (max(self.batch[0], data["batch"] + 1), data["of"])
        elif type_ == "run.targets" and self._is_current(data):
            for ordinal, state, *_why in data["targets"]:
                self._states[ordinal] = state
        elif type_ == "run.step" and data.get("state") in TERMINAL_RUN_STATES:
            self._good |= {
                (self.step, ordinal)
                for ordinal, state in self._states.items()
                if state == TargetState.SUCCESS
            }

    @property
    def counts(self) -> dict[str, int]:
        """State -> number of targets in it."""
        counts = Counter(self._states.values())
        counts[TargetState.LAST_SUCCESS] += self.carried
        counts[TargetState.WAITING] += self.total - len(self._states) - self.carried
        return {state: count for state, count in counts.items() if count > 0}

    def _begin(self, data: Mapping[str, Any]) -> None:
        if data["step"] != self.step:
            self.steps_begun += 1
        self.step, self.attempt = data["step"], data["attempt"]
        self.total = data["targets"]
        self.carried = sum(step == self.step for step, _ordinal in self._good)
        self._states = {}
        self.batch = (0, 0)

    def _is_current(self, data: Mapping[str, Any]) -> bool:
        return (data["step"], data["attempt"]) == (self.step, self.attempt)

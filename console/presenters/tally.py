"""How a run's steps stand, counted from the journal as its entries arrive.

So that a console that follows a run of thousands of hosts asks the engine for
nothing while it goes on: the entries say everything. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.domain.run import TERMINAL_RUN_STATES, BatchState, TargetState


@dataclass(slots=True)
class _Attempt:
    """The newest attempt of a step, or of a node that is none: it has no targets."""

    number: int
    total: int
    carried: int
    states: dict[int, str] = field(default_factory=dict)
    batch: tuple[int, int] = (0, 0)
    is_over: bool = False

    @property
    def counts(self) -> Counter[str]:
        counts = Counter(self.states.values())
        counts[TargetState.LAST_SUCCESS] += self.carried
        counts[TargetState.WAITING] += self.total - len(self.states) - self.carried
        return counts


class Tally:
    """States of the targets of the steps that are under way, side by side; between two, of the last.

    Feed it every entry of the run, in order. Targets that no entry has named
    still wait, or succeeded in an earlier attempt and are not run again.
    """

    def __init__(self) -> None:
        self._attempts: dict[str, _Attempt] = {}
        """By step, in the order in which the attempts began."""
        self._good: set[tuple[str, int]] = set()

    def note(self, type_: str, data: Mapping[str, Any]) -> None:
        """Take an entry of the run's journal; other types than those of steps say nothing here."""
        if type_ == "run.step" and "targets" in data:
            self._begin(data)
            return
        attempt = self._attempts.get(data.get("step", ""))
        if attempt is None or attempt.number != data.get("attempt"):
            return
        if type_ == "run.batch":
            if data["state"] == BatchState.RUNNING:
                attempt.batch = (max(attempt.batch[0], data["batch"] + 1), data["of"])
        elif type_ == "run.targets":
            for ordinal, state, *_why in data["targets"]:
                attempt.states[ordinal] = state
        elif type_ == "run.step" and data.get("state") in TERMINAL_RUN_STATES:
            attempt.is_over = True
            self._good |= {
                (data["step"], ordinal)
                for ordinal, state in attempt.states.items()
                if state == TargetState.SUCCESS
            }

    @property
    def steps_begun(self) -> int:
        """Different steps that have started."""
        return len(self._attempts)

    @property
    def step(self) -> str:
        """The names of those that are shown; "" before the first."""
        return ", ".join(self._shown)

    @property
    def total(self) -> int:
        return sum(attempt.total for attempt in self._shown.values())

    @property
    def counts(self) -> dict[str, int]:
        """State -> number of targets in it."""
        counts = Counter[str]()
        for attempt in self._shown.values():
            counts.update(attempt.counts)
        return {state: count for state, count in counts.items() if count > 0}

    @property
    def batch(self) -> tuple[int, int]:
        """Batches of a rolling step that have started, and all of them; zeros where it does not."""
        return next((a.batch for a in reversed(self._shown.values()) if a.batch[1]), (0, 0))

    @property
    def _shown(self) -> dict[str, _Attempt]:
        under_way = {name: each for name, each in self._attempts.items() if not each.is_over}
        return under_way or dict([*self._attempts.items()][-1:])

    def _begin(self, data: Mapping[str, Any]) -> None:
        step = data["step"]
        self._attempts.pop(step, None)
        self._attempts[step] = _Attempt(
            number=data["attempt"],
            total=data["targets"],
            carried=sum(name == step for name, _ordinal in self._good),
        )

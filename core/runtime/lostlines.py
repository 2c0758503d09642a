"""Which hosts' lines are lost at the moment, and since when.

Known only while an engine looks for them, and stored nowhere: the record of a cut line is the
note in the output, and what the target's end says.
"""

from __future__ import annotations

import msgspec

from core.clock import Clock
from core.domain.hostrange import fold


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """The hosts that are looked for."""

    count: int
    """Targets; a host that two runs look for counts twice."""
    hosts: str
    """Folded, such as `web[01-40]`; empty where none is."""
    longest_s: float
    """How long the first of them has been looked for."""


class LostLines:
    """The lost lines of all live runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lost: dict[int, tuple[str, str, float]] = {}
        """Target (the id of its row) -> run, host, since when by the monotonic clock."""

    def lost(self, target: int, run_id: str, host: str) -> float:
        """The line of a target is lost, or still is; for how many seconds it has been."""
        now_s = self._clock.monotonic()
        return now_s - self._lost.setdefault(target, (run_id, host, now_s))[2]

    def found(self, target: int) -> float | None:
        """A target is looked for no more; after how many seconds, None where it was not lost."""
        if target not in self._lost:
            return None
        return self._clock.monotonic() - self._lost.pop(target)[2]

    def now(self, run_id: str | None = None) -> Lost:
        """What is lost of one run, or of all."""
        lost = [entry for entry in self._lost.values() if run_id in (None, entry[0])]
        now_s = self._clock.monotonic()
        return Lost(
            count=len(lost),
            hosts=fold({host for _run, host, _since_s in lost}),
            longest_s=round(max((now_s - since_s for *_, since_s in lost), default=0.0), 1),
        )

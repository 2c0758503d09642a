"""What became of the work that an earlier engine left on hosts."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum


class Look(StrEnum):
    """How far the look after one target is."""

    LOOKING = "looking"
    """There is no contact yet."""
    FOLLOWING = "following"
    """The host was reached, and its work goes on."""
    STARTED = "started"
    """Nothing had been started there, so it was started now."""
    HARVESTED = "harvested"
    """How it ended was found out."""
    UNKNOWN = "unknown"
    """How it ended could not be found out."""


class Recovery:
    """The looks of one engine's start, for its status."""

    def __init__(self) -> None:
        self._looks: dict[int, Look] = {}

    def note(self, target: int, look: Look) -> None:
        """Say how far the look after a target (the id of its row) is."""
        self._looks[target] = look

    @property
    def counts(self) -> dict[str, int]:
        """Look -> number of targets; empty where nothing had been left open."""
        return dict(Counter(look.value for look in self._looks.values()))

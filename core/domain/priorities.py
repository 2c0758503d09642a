"""Words for when a run may begin: how urgent it is, and how it locks. Consoles read them too."""

from __future__ import annotations

from enum import StrEnum


class Priority(StrEnum):
    """How urgent a run is; a more urgent one goes first. Who waits long enough rises."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"
    BACKGROUND = "background"

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return _RANKS[self]

    @property
    def share(self) -> int:
        """Turns at what runs share, for one of the least urgent: 16, 8, 4, 2, 1."""
        return 1 << (len(Priority) - 1 - self.rank)


_RANKS = {priority: rank for rank, priority in enumerate(Priority)}


class LockMode(StrEnum):
    """Who else may hold a lock meanwhile."""

    SHARED = "shared"
    """Others that share it."""
    EXCLUSIVE = "exclusive"
    """Nobody."""


class HostLock(StrEnum):
    """How a run locks the hosts that it touches, against others that lock hosts."""

    NONE = "none"
    SHARED = "shared"
    EXCLUSIVE = "exclusive"

    @property
    def mode(self) -> LockMode | None:
        """The mode of each host's lock; None where it takes none."""
        return None if self is HostLock.NONE else LockMode(self.value)

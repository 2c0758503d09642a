"""Which process a host's sessions go to: the engine itself, or one of its workers.

    the same host goes where it went before, as long as a connection may be kept there
    while few sessions are live, new hosts go to the engine: no process is needed for them
    from then on they go to the worker with the fewest sessions

Pure: time is passed in, as seconds that only grow.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

HERE = 0
"""The engine's own process; workers are 1, 2, 3 …"""

HostPlace = tuple[str, int]
"""Address and port: all logins of a host share a process, and so do what is seen of its keys."""

_MOST_REMEMBERED = 20_000


@dataclass(slots=True)
class _Guest:
    """A host, where its sessions are, and how many."""

    place: int
    sessions: int = 0
    left_at: float = 0.0


class Placing:
    """Where hosts are, and where the next goes."""

    def __init__(self, workers: int, threshold: int, remembered_s: float) -> None:
        """`threshold`: live sessions from which on workers take new hosts."""
        self._threshold = threshold
        self._remembered_s = remembered_s
        self._sessions = [0] * (workers + 1)
        self._present: dict[HostPlace, _Guest] = {}
        self._gone: OrderedDict[HostPlace, _Guest] = OrderedDict()
        """Hosts without a session, the longest gone first."""

    def sessions(self, place: int) -> int:
        """Live sessions of a process."""
        return self._sessions[place]

    def enter(self, host: HostPlace, now: float) -> int:
        """The process for one more session; `leave` must follow."""
        self._forget(now)
        guest = self._present.get(host) or self._gone.pop(host, None) or _Guest(self._choose())
        self._present[host] = guest
        guest.sessions += 1
        self._sessions[guest.place] += 1
        return guest.place

    def leave(self, host: HostPlace, now: float) -> None:
        """A session of the host has ended."""
        guest = self._present[host]
        guest.sessions -= 1
        self._sessions[guest.place] -= 1
        if not guest.sessions:
            guest.left_at = now
            self._gone[host] = self._present.pop(host)

    def _choose(self) -> int:
        workers = range(1, len(self._sessions))
        if sum(self._sessions) < self._threshold or not workers:
            return HERE
        return min(workers, key=self._sessions.__getitem__)

    def _forget(self, now: float) -> None:
        while self._gone:
            guest = next(iter(self._gone.values()))
            if now - guest.left_at < self._remembered_s and len(self._gone) < _MOST_REMEMBERED:
                return
            self._gone.popitem(last=False)

"""How often somebody may be refused before being asked to wait. Pure: seconds are passed in."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from core.domain.listening import is_loopback

_WINDOW_S = 60.0
_SIX_PREFIX = 64
"""An IPv6 network of this length is one neighbour: nobody has less, and many have it all."""


@dataclass
class Refusals:
    """Who was refused within the last minute. What this machine sends is a proxy's: it is not counted."""

    most: int
    """Refusals in a minute, from the next one on a caller must wait."""
    most_callers: int = 10_000
    """Callers that are remembered; the one that was refused longest ago is forgotten first."""
    _at: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)

    def wait_s(self, address: str, now: float) -> int:
        """Seconds that a caller must wait; 0: its call may be looked at."""
        times = self._at.get(_caller(address))
        while times and times[0] <= now - _WINDOW_S:
            times.popleft()
        if not times or len(times) < self.most:
            return 0
        return int(times[0] + _WINDOW_S - now) + 1

    def add(self, address: str, now: float) -> None:
        """A call was refused."""
        if is_loopback(address):
            return
        caller = _caller(address)
        self._at.setdefault(caller, deque(maxlen=self.most)).append(now)
        self._at.move_to_end(caller)
        while len(self._at) > self.most_callers:
            self._at.popitem(last=False)


def _caller(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _SIX_PREFIX), strict=False))

"""What the hosts of the demo fleet pretend to be.

The names are those of `assets/samples/hosts.yaml`. The facts reach the little
programs in `bin/` as environment variables and stand in front of the real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One make-believe host."""

    name: str
    service: str
    """The service that matters on it."""
    state: str = "active"
    """What `systemctl is-active` says about the service."""
    release: str = "1.26.2"
    """Version of the service."""
    disk_percent: int = 40
    """How full `/` is."""
    load: str = "0.21"
    """Load average of the last minute."""
    updates: int = 0
    """Packages that wait for an update."""
    delay_s: float = 0.0
    """How long it thinks before it logs somebody in, and again before each command."""
    listens: bool = True
    """False: nothing answers at its port."""

    def facts(self) -> Mapping[str, str]:
        """Environment of everything that runs on it."""
        return {
            "DEMO_HOST": self.name,
            "DEMO_SERVICE": self.service,
            "DEMO_STATE": self.state,
            "DEMO_RELEASE": self.release,
            "DEMO_DISK": str(self.disk_percent),
            "DEMO_LOAD": self.load,
            "DEMO_UPDATES": str(self.updates),
        }


def _web(number: int, **facts: object) -> Machine:
    return Machine(name=f"web{number:02}", service="nginx", **facts)  # type: ignore[arg-type]


MACHINES = (
    _web(1, disk_percent=41),
    _web(2, disk_percent=43, load="0.34", delay_s=0.1),
    _web(3, disk_percent=44, release="1.24.0", updates=17),  # forgotten by the last update
    _web(4, disk_percent=39),
    _web(5, disk_percent=42, load="0.40", delay_s=0.2),
    Machine(
        name="db1", service="postgresql", release="16.4", disk_percent=71, load="1.87", delay_s=0.4
    ),
    Machine(name="db2", service="postgresql", release="16.4", disk_percent=70, load="0.92"),
    Machine(name="cache1", service="redis", release="7.2.5", disk_percent=12),
    Machine(
        name="queue1", service="rabbitmq", release="3.13.7", disk_percent=28, updates=3, delay_s=0.6
    ),
    Machine(name="edge-slow", service="nginx", disk_percent=40, delay_s=1.2),
    Machine(name="broken1", service="nginx", state="failed", disk_percent=97, load="6.02"),
    Machine(name="gone1", service="nginx", listens=False),
)
"""Every host of the fleet, in the order of the sample."""

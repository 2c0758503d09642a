"""What is known of finished runs: all that advice is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTiming:
    """How a node went in one run."""

    name: str
    started_s: float
    """After the start of the run."""
    ended_s: float
    """After the start of the run, with all its attempts."""
    attempts: int = 1
    hosts_s: Mapping[str, float] = field(default_factory=dict)
    """Host -> how long it took there, in its last attempt; empty where it has no hosts."""
    failed_hosts: frozenset[str] = frozenset()
    timeout_s: float | None = None
    """Of one host, as it is defined; of the node where it has no hosts."""
    uses: frozenset[str] = frozenset()
    """Nodes whose outputs it reads."""

    @property
    def duration_s(self) -> float:
        """Never negative, whatever the clock did."""
        return max(0.0, self.ended_s - self.started_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """One run of a flow, and what its definition says."""

    nodes: tuple[NodeTiming, ...]
    """Those that ran to an end."""
    edges: tuple[tuple[str, str], ...] = ()
    """(source, target) that were taken."""
    declared: frozenset[str] = frozenset()
    """Variables that the definition declares."""
    used: frozenset[str] = frozenset()
    """Variables that anything in the definition refers to."""

    @property
    def duration_s(self) -> float:
        """From the first start to the last end."""
        if not self.nodes:
            return 0.0
        return max(0.0, max(n.ended_s for n in self.nodes) - min(n.started_s for n in self.nodes))

    @property
    def sources(self) -> dict[str, tuple[str, ...]]:
        """Node -> the nodes that it came after, each once."""
        return _joined((target, source) for source, target in self.edges)

    @property
    def targets(self) -> dict[str, tuple[str, ...]]:
        """Node -> the nodes that came after it, each once."""
        return _joined(self.edges)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one, other in dict.fromkeys(pairs):
        found[one] = (*found.get(one, ()), other)
    return found

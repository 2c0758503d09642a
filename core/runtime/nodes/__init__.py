"""How nodes are performed that are no steps: one file for each kind of thing that they do."""

from core.runtime.nodes.performance import NodeEnd, Notify, Performance, Services
from core.runtime.nodes.performing import perform

__all__ = ["NodeEnd", "Notify", "Performance", "Services", "perform"]

"""Files to and from targets, behind whatever gives a POSIX shell."""

from core.executors.files.courier import Courier
from core.executors.files.relay import RelayExecutor
from core.executors.files.sources import Sources

__all__ = ["Courier", "RelayExecutor", "Sources"]

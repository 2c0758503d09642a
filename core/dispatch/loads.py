"""Whether a host is too busy for a run, as far as its newest sample tells."""

from __future__ import annotations

from core.dispatch.items import Load
from core.domain.queueing import LoadLimits


def is_busy(limits: LoadLimits, load: Load | None) -> bool:
    """What is not known keeps nobody waiting."""
    if load is None:
        return False
    too_loaded = (
        limits.max_load_per_cpu is not None
        and load.per_cpu is not None
        and load.per_cpu > limits.max_load_per_cpu
    )
    too_full = (
        limits.min_free_mem_mb is not None
        and load.free_mem_mb is not None
        and load.free_mem_mb < limits.min_free_mem_mb
    )
    return too_loaded or too_full

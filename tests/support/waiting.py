"""Waiting for a condition instead of for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_STEP_S = 0.02
PATIENCE_S = 20.0


def until(holds: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Returns when `holds()` is true; fails the test when it is not within `patience_s`."""
    for _ in range(int(patience_s / _STEP_S)):
        if holds():
            return
        time.sleep(_STEP_S)
    raise AssertionError(f"it did not happen within {patience_s} s")


async def eventually(holds: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """As `until`, while the loop goes on."""
    for _ in range(int(patience_s / _STEP_S)):
        if holds():
            return
        await asyncio.sleep(_STEP_S)
    raise AssertionError(f"it did not happen within {patience_s} s")

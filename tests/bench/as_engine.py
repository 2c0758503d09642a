"""Engines in this process run as they do in their own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from core.bootstrap import loop_factory, spare_the_collector

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """What the work comes to, on an engine's event loop and with its garbage collector."""
    spare_the_collector()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)

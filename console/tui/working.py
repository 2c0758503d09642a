"""Work that goes on beside the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, cast

from textual.worker import WorkType


def later(work: Callable[[], Coroutine[Any, Any, None]]) -> WorkType[None]:
    """A coroutine function for `run_worker`, which calls it when its turn comes.

    A coroutine that was made before is never awaited where the screen closes first. The cast is
    for mypy, which cannot tell which of the alternatives a coroutine function is.
    """
    return cast("WorkType[None]", work)

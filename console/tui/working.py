"""Work beside the screen that something other than a person begins."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, cast

from textual.dom import DOMNode
from textual.worker import WorkType


def begin(
    owner: DOMNode,
    work: Callable[[], Coroutine[Any, Any, None]],
    *,
    group: str = "default",
    exclusive: bool = False,
) -> None:
    """Run this in a worker of `owner`; what it raises is not the end of the application.

    The function is handed on, not its coroutine: news may come while the application is being
    closed, and a worker that never begins would leave a coroutine behind that nobody awaits.
    """
    handed = cast("WorkType[None]", work)
    owner.run_worker(handed, group=group, exclusive=exclusive, exit_on_error=False)

"""A connection test: a dry run that asks hosts whether they can be got into, and runs nothing there."""

from __future__ import annotations

from typing import Any

PROBING = "probing"
"""State of a dry run that still asks its hosts."""

_NOTHING = {"kind": "command", "name": "test", "command": "true"}
"""A dry run needs work; none of it is ever sent."""


def way_request(targets: str, run_as: str | None = None) -> dict[str, Any]:
    """What is asked of the engine for it, at level `probe`; also of hosts that are out of use."""
    request: dict[str, Any] = {
        "title": "connection test",
        "targets": targets,
        "step": _NOTHING,
        "include_away": True,
    }
    return request if run_as is None else {**request, "run_as": run_as}

"""Finding and ending what the fleet's commands left running.

A detached process has neither a parent nor a group of ours any more. What it
still has is its environment or its folder, and the system shows one of them.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MARK = "DEMO_FLEET"
"""Environment variable that everything on the fleet inherits; its value is the fleet's folder."""

_PROC = Path("/proc")


def end(root: Path) -> None:
    """Kill every process that belongs to the fleet in `root`."""
    # One that is just being born can be missed once, hardly twice.
    for _ in range(5):
        found = list(pids(root))
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def pids(root: Path) -> Iterator[int]:
    """Processes that belong to the fleet in `root`."""
    return _by_environment(root) if (_PROC / "self" / "environ").exists() else _by_folder(root)


def _by_environment(root: Path) -> Iterator[int]:
    mark = f"{MARK}={root}".encode()
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and folder.name != str(os.getpid()):
            with suppress(OSError):  # ended meanwhile, or another user's
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name)


def _by_folder(root: Path) -> Iterator[int]:
    """macOS shows no environment; lsof comes with it and knows who works in which folder."""
    with suppress(OSError):
        listed = subprocess.run(
            ["lsof", "-t", "+D", str(root)], capture_output=True, text=True, check=False
        )
        yield from (int(line) for line in listed.stdout.split() if int(line) != os.getpid())

"""What lives on this machine; for tests that end processes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable


def alive(pids: Iterable[int | bytes | str]) -> list[int]:
    """Those of `pids` that live; a zombie that nobody has reaped yet does not."""
    wanted = {int(pid) for pid in pids}
    table = subprocess.run(
        ["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in table.splitlines()]
    return [int(pid) for pid, stat in rows if int(pid) in wanted and not stat.startswith("Z")]


def parent_of(pid: int) -> int:
    """The process that a living one would be reaped by."""
    table = subprocess.run(
        ["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=True
    ).stdout
    return int(table)

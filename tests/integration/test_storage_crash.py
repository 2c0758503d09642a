"""Killed at any instant: what was acknowledged is there, whole and once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.ids import SequentialIds
from core.storage.store import Store

KILLS = 50
CHILD = Path(__file__).with_name("storage_crash_child.py")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and signals")
@pytest.mark.timeout(300)
def test_no_acknowledged_write_is_lost_by_fifty_kills(home: Path) -> None:
    path = home / "j"
    acknowledged: set[str] = set()
    with subprocess.Popen(
        [sys.executable, str(CHILD), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=CHILD.parents[2],
        env={**os.environ, "PYTHONPATH": str(CHILD.parents[2])},
        text=True,
    ) as child:
        for round_ in range(KILLS):
            # Each round dies at another place: at once, in the first commits, or well under way.
            acknowledged |= killed_after(child, round_, (round_ * 7) % 40)
            check(path, acknowledged)
    assert child.returncode == 0
    assert len(acknowledged) > KILLS * 10
    Store.open(path, ManualClock(), SequentialIds()).close()


def killed_after(child: subprocess.Popen[str], round_: int, deadly: int) -> set[str]:
    """What one writer acknowledged until it was killed, after its `deadly`-th answer."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(f"{round_}\n")
    child.stdin.flush()
    acknowledged: set[str] = set()
    pid, alive = 0, True
    while (line := child.stdout.readline().split()) != ["D"]:
        assert line, "the process that forks has ended"
        if line[0] == "P":
            pid = int(line[1])
        else:
            acknowledged.add(line[1])
        if pid and alive and len(acknowledged) >= deadly:
            os.kill(pid, signal.SIGKILL)
            alive = False
    return acknowledged


def check(home: Path, acknowledged: set[str]) -> None:
    """Everything acknowledged is there once, and every pair is whole."""
    if not (home / "jobdeck.db").exists():
        assert not acknowledged
        return
    connection = sqlite3.connect(home / "jobdeck.db")
    try:
        made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'journal'").fetchone()
        query = "SELECT seq, subject FROM journal ORDER BY seq"
        rows = connection.execute(query).fetchall() if made else []
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1))
    halves = Counter(subject.rpartition(".")[0] for _, subject in rows)
    assert set(halves.values()) <= {2}
    assert acknowledged <= set(halves)

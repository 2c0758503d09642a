"""What wants a look at an engine: each trouble with advice, and a way to where it is mended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from console.answers import Admission, Engine, Lost, QueueStatus, SchedulesStatus, Worker
from console.presenters.doctor import findings, findings_table
from console.presenters.text import Tone

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def engine(**changes: Any) -> Engine:
    known = {"version": "1", "state": "running", "pid": 1, "home": "/h"}
    return Engine(**{**known, "started_at": "2026-01-31T11:00:00Z", "uptime_s": 1.0, **changes})


TROUBLES: list[tuple[dict[str, Any], str, str]] = [
    ({"storage_fault": "disk is full"}, "disk is full", "engine"),
    ({"unlocker": "locked"}, "vault is locked", "engine"),
    ({"failing_sources": {"cmdb": "refused"}}, "source cmdb failed", "document inventory-source"),
    ({"failing_channels": {"ops": "refused"}}, "channel ops failed", "channels"),
    (
        {"schedules": SchedulesStatus(count=1, troubled={"nightly": "too late"})},
        "schedule nightly did not run",
        "schedule nightly",
    ),
    (
        {"queue": QueueStatus(admission=Admission(mode="frozen", reason="audit", actor="ann"))},
        "frozen by ann",
        "queue",
    ),
    ({"pending_host_keys": 2}, "2 host keys wait", "inventory host-key"),
    ({"lost_lines": Lost(count=1, hosts="web1", longest_s=9)}, "web1", "runs state:running"),
    ({"queue": QueueStatus(oldest_at="2026-01-31T11:30:00Z")}, "waited for 30m", "queue"),
    ({"writes_waiting": 5000}, "5,000 writes wait", "engine"),
    ({"workers": [Worker(pid=1, sessions=0, connections=0, restarts=3)]}, "died 3", "engine"),
]


def test_a_healthy_engine_wants_nothing() -> None:
    assert findings(engine(), NOW) == []
    assert findings_table([]).rows[0][0].tone is Tone.GOOD


@pytest.mark.parametrize(("changes", "text", "opens"), TROUBLES)
def test_each_trouble_is_told_with_advice(changes: dict[str, Any], text: str, opens: str) -> None:
    (found,) = findings(engine(**changes), NOW)
    assert text in found.text
    assert found.advice
    assert found.opens.startswith(opens)


def test_the_worst_comes_first() -> None:
    found = findings(engine(pending_host_keys=1, storage_fault="disk is full"), NOW)
    assert "disk is full" in found[0].text

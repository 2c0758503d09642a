"""What the pulse reads: what comes next, and how hosts answered by the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from core.ids import encode_ulid
from core.storage import pulse
from core.storage.store import Store
from core.storage.tables import run, schedule_state
from core.storage.writer import Transaction, timestamp


async def put(store: Store, *states: tuple[str, str | None, str | None]) -> None:
    """Schedules with when they are looked at next, and since when they are paused."""
    rows: list[dict[str, Any]] = [
        {
            "schedule": name,
            "next_look": next_look,
            "paused_at": paused_at,
            "paused_by": "ann" if paused_at else "",
            "pause_reason": "",
        }
        for name, next_look, paused_at in states
    ]

    def write(tx: Transaction) -> None:
        tx.connection.execute(insert(schedule_state), rows)

    await store.writer.write(write)


async def test_what_comes_first_stands_first_and_what_rests_is_left_out(store: Store) -> None:
    await put(
        store,
        ("later", "2026-02-02T00:00:00.000000Z", None),
        ("soon", "2026-02-01T00:00:00.000000Z", None),
        ("resting", "2026-01-01T00:00:00.000000Z", "2025-12-31T00:00:00.000000Z"),
        ("by-webhook", None, None),
    )
    found = await store.reader.read(lambda c: pulse.coming(c, 10))
    assert [each.schedule for each in found] == ["soon", "later"]
    (first,) = await store.reader.read(lambda c: pulse.coming(c, 1))
    assert first.schedule == "soon"


NOW = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)


async def ran(store: Store, *minutes_ago: int) -> None:
    """Runs of three hosts, of which one failed."""
    rows = []
    for ago in minutes_ago:
        at = NOW - timedelta(minutes=ago)
        values = {name: timestamp(at) for name in ("created_at", "started_at", "finished_at")}
        texts = dict.fromkeys(("job", "reason", "change"), "")
        rows.append(
            {
                **values,
                **texts,
                "id": encode_ulid(int(at.timestamp() * 1000), 0),
                "title": "t",
                "origin": "adhoc",
                "state": "failed",
                "actor": "ann",
                "target_count": 3,
                "counts": '{"success": 2, "failed": 1, "running": 4}',
                "summary": "t",
            }
        )

    def write(tx: Transaction) -> None:
        tx.connection.execute(insert(run), rows)

    await store.writer.write(write)


async def test_results_are_summed_by_the_hour_in_which_runs_ended(store: Store) -> None:
    await ran(store, 5, 10, 70, 60 * 30)
    day_ago = NOW - timedelta(hours=24)
    since, found = await store.reader.read(lambda c: pulse.results(c, day_ago))
    assert since == timestamp(day_ago)
    assert [(each.hour[11:13], each.counts) for each in found] == [
        ("11", {"success": 2, "failed": 1}),
        ("12", {"success": 4, "failed": 2}),
    ]


async def test_of_too_many_runs_the_newest_count_and_it_is_said_since_when(store: Store) -> None:
    await ran(store, 5, 10, 70)
    day_ago = NOW - timedelta(hours=24)
    since, found = await store.reader.read(lambda c: pulse.results(c, day_ago, most=2))
    assert since == timestamp(NOW - timedelta(minutes=10))
    assert [each.counts for each in found] == [{"success": 4, "failed": 2}]

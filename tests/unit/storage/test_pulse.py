"""What the pulse reads: what comes next, and how hosts answered by the hour."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from core.storage import pulse
from core.storage.store import Store
from core.storage.tables import schedule_state
from core.storage.writer import Transaction


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

"""How connections to the database are opened."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from core.storage import database


def test_a_connection_that_only_reads_asks_for_no_write_lock(tmp_path: Path) -> None:
    path = tmp_path / "jobdeck.db"
    writing = database.open_writing(path)
    with writing.begin() as connection:
        connection.execute(text("CREATE TABLE note (word TEXT)"))
    writing.dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        reading = database.open_reading(path, busy_timeout_s=0.05)

        with reading.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM note")).scalar_one() == 0

        reading.dispose()

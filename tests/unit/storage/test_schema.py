"""The schema: migrations and the tables agree, and other databases are refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from core.clock import ManualClock
from core.errors import StorageFault
from core.ids import SequentialIds
from core.storage import database, runs, schema, tables
from core.storage.store import Store


def migrated(path: Path, to: str = "head") -> None:
    engine = database.open_writing(path, foreign_keys=False)
    with engine.connect() as connection, connection.begin():
        schema.upgrade(connection, to)
    engine.dispose()


def shape(path: Path) -> dict[str, Any]:
    """Everything SQLite knows of each table, free of how the SQL was written."""
    connection = sqlite3.connect(path)
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        )
    ]
    found: dict[str, Any] = {}
    for name in names:
        indexes = connection.execute(f"PRAGMA index_list({name})").fetchall()
        found[name] = {
            "columns": connection.execute(f"PRAGMA table_xinfo({name})").fetchall(),
            "foreign keys": sorted(connection.execute(f"PRAGMA foreign_key_list({name})")),
            "indexes": sorted(
                (row[2:], tuple(connection.execute(f"PRAGMA index_xinfo({row[1]})")))
                for row in indexes
            ),
            "index names": sorted(row[1] for row in indexes),
        }
    sql = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    found["autoincrement"] = sum("AUTOINCREMENT" in (row[0] or "") for row in sql)
    found["checks"] = sum((row[0] or "").count("CHECK") for row in sql)
    connection.close()
    return found


def test_the_migrations_lead_to_the_tables(home: Path) -> None:
    migrated(home / "migrated.db")
    schema.prepare(home / "made.db", home_id="x")
    assert shape(home / "migrated.db") == shape(home / "made.db")


def test_alembic_finds_nothing_left_to_do(home: Path) -> None:
    migrated(home / "a.db")
    engine = database.open_writing(home / "a.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


def test_the_head_that_is_compared_with_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "core.storage:migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [schema.HEAD]
    assert all(len(script.revision) == 4 for script in scripts.walk_revisions())


def test_a_database_of_the_first_schema_is_led_up_and_keeps_its_rows(home: Path) -> None:
    migrated(home / "a.db", to="0001")
    with sqlite3.connect(home / "a.db") as connection:
        connection.execute("INSERT INTO setting VALUES ('home_id', 'kept')")
        connection.execute(
            "INSERT INTO run (id, title, origin, job, state, actor, created_at, target_count,"
            " counts, summary) VALUES ('R', 't', 'adhoc', '', 'failed', 'me', '', 1, '{}', '')"
        )
        connection.execute(
            "INSERT INTO target_run (run_id, step, attempt, ordinal, host, attempt_id, state)"
            " VALUES ('R', 's', 1, 0, 'h', 'A', 'unknown')"
        )
    connection.close()
    schema.prepare(home / "a.db", home_id="other")
    engine = database.open_reading(home / "a.db")
    with engine.connect() as reading:
        assert schema.revision_of(reading) == schema.HEAD
        [target] = runs.targets_of(reading, "R")
    engine.dispose()
    assert (target.host, target.claimed, target.positions, target.batch) == ("h", 0, {}, 0)
    rows = sqlite3.connect(home / "a.db").execute("SELECT value FROM setting").fetchall()
    assert rows == [("kept",)]


def test_a_migration_that_fails_changes_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.prepare(home / "a.db", home_id="kept")
    before = shape(home / "a.db")

    def upgrade(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TABLE journal")
        raise StorageFault("half way")

    monkeypatch.setattr(schema, "HEAD", "0999")
    monkeypatch.setattr(schema, "upgrade", upgrade)
    with pytest.raises(StorageFault, match="half way"):
        schema.prepare(home / "a.db", home_id="other")
    assert shape(home / "a.db") == before


def test_a_database_of_a_newer_version_is_refused(home: Path) -> None:
    Store.open(home / "j", ManualClock(), SequentialIds()).close()
    connection = sqlite3.connect(home / "j" / "jobdeck.db")
    connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.commit()
    connection.close()
    with pytest.raises(StorageFault, match=r"newer version of Jobdeck \(schema 0999"):
        Store.open(home / "j", ManualClock(), SequentialIds())


def test_somebody_elses_database_is_refused(home: Path) -> None:
    (home / "j").mkdir()
    connection = sqlite3.connect(home / "j" / "jobdeck.db")
    connection.execute("CREATE TABLE recipes (name)")
    connection.commit()
    connection.close()
    with pytest.raises(StorageFault, match="not a database of Jobdeck"):
        Store.open(home / "j", ManualClock(), SequentialIds())


def test_opening_a_home_imports_no_migration_tool(home: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from core.clock import SystemClock\n"
        "from core.ids import UlidSource\n"
        "from core.storage.store import Store\n"
        "clock = SystemClock()\n"
        "for _ in range(2):\n"
        "    Store.open(pathlib.Path(sys.argv[1]), clock, UlidSource(clock)).close()\n"
        "print('alembic' in sys.modules)\n"
    )
    root = Path(schema.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, str(home / "j")],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "False\n"

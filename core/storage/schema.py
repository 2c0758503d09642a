"""Which schema a database has, and the way to the one this version knows.

A new database is made from `tables.metadata` at once; an old one is led up by
Alembic, which is imported only then. A test holds both to the same result.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    exc,
    inspect,
    select,
)

from core.errors import StorageFault
from core.storage import database, tables
from core.storage.writer import storage_fault

HEAD = "0014"
"""The newest revision in `migrations/versions`; revisions are numbers with four digits."""

# Alembic's own table, as Alembic makes it.
_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def revision_of(connection: Connection) -> str | None:
    """The database's revision; None when it is empty, StorageFault when it is none of ours."""
    names = inspect(connection).get_table_names()
    if not names:
        return None
    found = None
    if _version.name in names:
        found = connection.execute(select(_version.c.version_num)).scalar()
    if found is None:
        raise StorageFault("this is not a database of Jobdeck", hint="look at the path again")
    return str(found)


def check_known(revision: str) -> None:
    """StorageFault when a newer version of Jobdeck made the database."""
    if revision > HEAD:
        raise StorageFault(
            f"the database was made by a newer version of Jobdeck (schema {revision}; "
            f"this version knows up to {HEAD})",
            hint="start that version again, or restore a backup made by this one",
        )


def prepare(path: Path, *, home_id: str, busy_timeout_s: float = database.BUSY_TIMEOUT_S) -> None:
    """Make a new database, or lead an old one up to HEAD; all of it or nothing.

    `home_id` becomes the identity of a new database; an existing one keeps its own.
    """
    engine = database.open_writing(path, busy_timeout_s=busy_timeout_s, foreign_keys=False)
    try:
        with engine.connect() as connection, connection.begin():
            revision = revision_of(connection)
            if revision is None:
                _create(connection, home_id)
            elif revision != HEAD:
                check_known(revision)
                upgrade(connection)
    except exc.SQLAlchemyError as error:
        raise storage_fault(error) from error
    finally:
        engine.dispose()


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations up to `to` inside the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "core.storage:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise StorageFault(f"{len(broken)} rows point at nothing after the migration")


def _create(connection: Connection, home_id: str) -> None:
    tables.metadata.create_all(connection)
    _version.create(connection)
    connection.execute(_version.insert(), {"version_num": HEAD})
    connection.execute(tables.setting.insert(), {"name": "home_id", "value": home_id})

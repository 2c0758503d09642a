"""One home's storage, opened: the writer, the readers, the journal's feed, the search index."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, select

from core.clock import Clock
from core.errors import StorageFault
from core.home import Home
from core.ids import Ids
from core.storage import database, schema, tables
from core.storage.database import Reader
from core.storage.indexer import Indexer
from core.storage.journal import JournalFeed
from core.storage.writer import Transaction, Writer


class Store:
    """The storage of one home folder; the caller sees to it that one process has it open."""

    def __init__(
        self, path: Path, writing: Engine, reading: Engine, indexing: Engine, clock: Clock
    ) -> None:
        self.path = path
        """The database file."""
        self._writing = writing
        self.writer = Writer(writing, clock)
        self.reader = Reader(reading)
        self.feed = JournalFeed(self.writer, self.reader)
        self.home_id: str = self.reader.read_now(_home_id)
        """Identity of the database: kept by a backup and by moving the folder."""
        index_path = Home(path.parent).search_index
        self.indexer = Indexer(index_path, self.home_id, indexing, clock)
        """Not started: without it every search reads the output itself."""
        self.writer.after_commit(self.indexer.committed)
        self.writer.start()

    @classmethod
    def open(
        cls,
        path: Path,
        clock: Clock,
        ids: Ids,
        *,
        busy_timeout_s: float = database.BUSY_TIMEOUT_S,
    ) -> Store:
        """Open the home folder `path`, making what is missing: folder 0700, database 0600.

        Raises StorageFault for a home that cannot be written, a database that
        another program holds, is damaged, or was made by a newer version.
        """
        file = Home(path).database
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFault(
                f"the home folder {path} cannot be made: {error.strerror}",
                hint="choose another with --home or JOBDECK_HOME",
            ) from error
        database.create_private_file(file)
        schema.prepare(file, home_id=ids.new(), busy_timeout_s=busy_timeout_s)
        writing = database.open_writing(file, busy_timeout_s=busy_timeout_s)
        reading = database.open_reading(file, busy_timeout_s=busy_timeout_s)
        indexing = database.open_reading(file, busy_timeout_s=busy_timeout_s)
        try:
            return cls(file, writing, reading, indexing, clock)
        except BaseException:
            indexing.dispose()
            reading.dispose()
            writing.dispose()
            raise

    def next_epoch(self) -> int:
        """The number of this engine on this home: 1, 2, … On disk when this returns."""
        return self.writer.submit(_count_epoch).result()

    def close(self) -> None:
        """Commit what waits and let go of the file; its log is merged into it."""
        self.feed.close()
        self.writer.close()
        self.indexer.close()
        self.reader.close()
        self._writing.dispose()


def _home_id(connection: Connection) -> str:
    query = select(tables.setting.c.value).where(tables.setting.c.name == "home_id")
    return str(connection.execute(query).scalar_one())


def _count_epoch(tx: Transaction) -> int:
    value = tables.setting.c.value
    last = tx.connection.execute(select(value).where(tables.setting.c.name == "epoch")).scalar()
    if last is None:
        tx.connection.execute(tables.setting.insert(), {"name": "epoch", "value": "1"})
        return 1
    number = int(last) + 1
    of_epoch = tables.setting.update().where(tables.setting.c.name == "epoch")
    tx.connection.execute(of_epoch.values(value=str(number)))
    return number

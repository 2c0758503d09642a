"""The full-text index of output: a cache in a database file of its own.

It says which chunks may contain a text; whoever asks looks into these. It can
be deleted at any time: the indexer makes it anew. So it is no part of backups
and migrations, and its commits do not compete with those of the one writer.

One row a chunk, of contentless FTS5 with trigrams (SQLite, fts5.html 4.3.4):
any part of a word is found, in any script. The row is the chunk's folded text
with what each stream had come to before it, so a text across chunks is whole in
the row of the chunk it ends in. Shorter texts than a trigram are found as
beginnings of trigrams.

Rows lie in parts of PART_CHUNKS sequence numbers. FTS5 cannot delete what it
does not hold, so the rows of deleted chunks stay, name nothing any more, and go
with their part, when all of it is gone.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from core.storage.matching import TAIL_CHARACTERS, Places, StreamPlace

FORMAT = 1
"""Goes up when an index of the version before would give other answers."""
PART_CHUNKS = 1 << 14

_MOST_BEGINNINGS = 256
"""Trigrams that a text of one or two characters may begin; where it begins more, all is read."""
_HASH_BYTES = 16 << 20
"""New terms that FTS5 keeps in memory until it writes them."""
_PAD = "\x02\x02"
"""Follows each text, so that its last characters begin a trigram too."""
_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    # After a power cut the last commits may be missing; they are made again.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA journal_size_limit = 16777216",
    "PRAGMA cache_size = -8000",
    "PRAGMA secure_delete = OFF",
)
_places = msgspec.msgpack.Decoder(dict[str, StreamPlace])


class Row(msgspec.Struct, frozen=True):
    """One chunk, as it is indexed."""

    seq: int
    texts: Sequence[str]
    """The folded text of each stream, with its tail from before."""
    before: Places
    """What the streams had come to before the chunk; nothing for a target's first."""


class Candidates(msgspec.Struct, frozen=True):
    """Chunks that may contain a text."""

    seqs: Sequence[int]
    """Ascending; of those that are indexed."""
    unsure: Sequence[tuple[int, int]]
    """Ranges of sequence numbers, first and last, about which the index knows nothing."""


class SearchIndex:
    """One open index. Safe in any thread; what is wrong with the file is a sqlite3.Error."""

    def __init__(self, path: Path, home_id: str) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            for setting in _SETTINGS:
                self._db.execute(setting)
            if self._scalar("PRAGMA user_version") != FORMAT:
                self._make(home_id)
            if self._setting("home") != home_id:
                raise sqlite3.DatabaseError("the index of another home")
            self.cursor = int(self._setting("cursor"))
            """Sequence number up to which all chunks are indexed."""
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def add(self, rows: Iterable[Row], cursor: int) -> None:
        """Index chunks; all up to `cursor` are in it then."""
        with self._lock, self._transaction():
            for row in rows:
                part = self._part(row.seq // PART_CHUNKS)
                text = _PAD.join([*row.texts, ""]).replace("\0", "\1")
                self._db.execute(f"INSERT INTO {part} (rowid, text) VALUES (?, ?)", (row.seq, text))
                if row.before:
                    before = msgspec.msgpack.encode(row.before)
                    self._db.execute("INSERT INTO before VALUES (?, ?)", (row.seq, before))
            self._db.execute("UPDATE setting SET value = ? WHERE name = 'cursor'", (str(cursor),))
        self.cursor = cursor

    def before(self, seq: int) -> Places | None:
        """What the streams had come to before a chunk; None for one that has no such row."""
        with self._lock:
            found = self._db.execute("SELECT places FROM before WHERE seq = ?", (seq,)).fetchone()
        return None if found is None else _places.decode(found[0])

    def candidates(self, folded: str, first: int, last: int) -> Candidates:
        """Chunks from `first` to `last` in which the folded text may end."""
        seqs: list[int] = []
        unsure: list[tuple[int, int]] = []
        # The end of a long text is enough: what it finds is looked into anyway.
        text = folded[-TAIL_CHARACTERS:].replace("\0", "\1").encode(errors="replace").decode()
        with self._lock:
            indexed = min(last, self.cursor)
            for number, start, end in self._ranges(first, indexed):
                match = self._match(number, text)
                if match is None:
                    unsure.append((start, end))
                elif match:
                    query = f"SELECT rowid FROM part_{number} WHERE part_{number} MATCH ?"
                    query += " AND rowid BETWEEN ? AND ? ORDER BY rowid"
                    seqs += [row[0] for row in self._db.execute(query, (match, start, end))]
            if last > self.cursor:
                unsure.append((max(first, self.cursor + 1), last))
        return Candidates(seqs, unsure)

    def parts(self) -> list[tuple[int, int]]:
        """First and last sequence number of each part, ascending."""
        with self._lock:
            return [_span(number) for number in self._numbers()]

    def drop(self, first: int) -> None:
        """Remove the part that begins with this sequence number; its space is used again."""
        number = first // PART_CHUNKS
        with self._lock, self._transaction():
            self._db.execute(f"DROP TABLE terms_{number}")
            self._db.execute(f"DROP TABLE part_{number}")
            self._db.execute("DELETE FROM before WHERE seq BETWEEN ? AND ?", _span(number))

    def _make(self, home_id: str) -> None:
        with self._transaction():
            self._db.execute("CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
            self._db.execute("CREATE TABLE before (seq INTEGER PRIMARY KEY, places BLOB NOT NULL)")
            values = {"home": home_id, "cursor": "0"}
            self._db.executemany("INSERT INTO setting VALUES (?, ?)", values.items())
            self._db.execute(f"PRAGMA user_version = {FORMAT}")

    def _part(self, number: int) -> str:
        name = f"part_{number}"
        if number not in self._numbers():
            # Case is folded before, by the same rule as what is looked for.
            self._db.execute(
                f"CREATE VIRTUAL TABLE {name} USING fts5(text, content='', columnsize=0,"
                " detail=none, tokenize='trigram case_sensitive 1')"
            )
            self._db.execute(
                f"INSERT INTO {name} ({name}, rank) VALUES ('hashsize', {_HASH_BYTES})"
            )
            self._db.execute(f"CREATE VIRTUAL TABLE terms_{number} USING fts5vocab({name}, 'row')")
        return name

    def _numbers(self) -> list[int]:
        rows = self._db.execute(
            "SELECT substr(name, 7) FROM sqlite_master WHERE name GLOB 'terms_[0-9]*'"
        )
        return sorted(int(row[0]) for row in rows)

    def _ranges(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """Number of each part that has rows from `first` to `last`, and which these are."""
        for number in self._numbers():
            start, end = _span(number)
            if start <= last and end >= first:
                yield number, max(first, start), min(last, end)

    def _match(self, number: int, text: str) -> str | None:
        """The query of FTS5; "" when there is nothing to find, None when all must be read."""
        if len(text) >= 3:
            return " AND ".join(sorted({_quoted(text[n : n + 3]) for n in range(len(text) - 2)}))
        query = f"SELECT term FROM terms_{number} WHERE term >= ? AND term < ? LIMIT ?"
        bounds = (text, text + 3 * "\U0010ffff", _MOST_BEGINNINGS + 1)
        terms = [row[0] for row in self._db.execute(query, bounds)]
        if len(terms) > _MOST_BEGINNINGS:
            return None
        return " OR ".join(map(_quoted, terms))

    def _scalar(self, query: str) -> int:
        return int(self._db.execute(query).fetchone()[0])

    def _setting(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return str(row[0])

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    """All or nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._db.execute("COMMIT")
        elif self._db.in_transaction:
            self._db.execute("ROLLBACK")


def remove(path: Path) -> None:
    """Delete an index; the indexer makes it anew."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _span(number: int) -> tuple[int, int]:
    return number * PART_CHUNKS, (number + 1) * PART_CHUNKS - 1


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'

"""Logs made from what was printed, with an index as the engine's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.logs.chunks import Entry, Piece, Who, cut
from console.logs.log import Log

AT = "2026-11-27T08:00:00.000000Z"


def who(host: str = "web1", ordinal: int = 0) -> Who:
    return Who(host, ordinal, "main", 1)


def piece(data: bytes, stream: str = "out", at: str = AT) -> Piece:
    return Piece(stream, at, data)


class Printed:
    """Chunks as an engine keeps them: of one target each, with any pieces."""

    def __init__(self, chunks: Iterable[tuple[Who, Sequence[Piece]]]) -> None:
        self.chunks = [(who, list(pieces)) for who, pieces in chunks]

    def entries(self) -> list[Entry]:
        found: list[Entry] = []
        before: tuple[Who, Piece] | None = None
        for number, (host, pieces) in enumerate(self.chunks, start=1):
            continues = (
                before is not None
                and before[0] == host
                and before[1].stream == pieces[0].stream
                and not before[1].data.endswith(b"\n")
            )
            size = sum(len(each.data) for each in pieces)
            found.append(Entry(number * 3, host, size, len(cut(pieces)) - continues, continues))
            before = host, pieces[-1]
        return found

    def fill(self, log: Log, numbers: Iterable[int]) -> None:
        for number in numbers:
            log.fill(number, self.chunks[number // 3 - 1][1])

    def log(self, *, filled: bool = True, kept_bytes: int = 1 << 30) -> Log:
        log = Log(kept_bytes)
        log.add(self.entries())
        if filled:
            self.fill(log, [entry.number for entry in self.entries()])
        return log


def printed(*texts: bytes) -> Printed:
    """Chunks of one host's stdout."""
    return Printed((who(), [piece(text)]) for text in texts)


def texts(log: Log) -> list[bytes]:
    """Every row's bytes."""
    found = []
    for number in range(log.rows):
        row = log.row(number)
        assert row is not None
        found.append(row.data)
    return found

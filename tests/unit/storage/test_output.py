"""Output: packed into chunks, read back from any place, found again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from core.storage import output, tables
from core.storage.chunks import CHUNK_BYTES, Chunk, Piece, pack, unpack
from core.storage.store import Store
from core.storage.writer import Transaction

AT = "2026-01-01T00:00:00.000000Z"
RUN = "0" * 25 + "R"


def piece(data: bytes, stream: str = "out", at: str = AT) -> Piece:
    return Piece(stream=stream, data=data, at=at)


def noise(size: int) -> bytes:
    """Bytes that do not compress, the same every time."""
    return hashlib.shake_256(b"noise").digest(size)


def write(store: Store, do: Callable[[Transaction], Any]) -> Any:
    return store.writer.submit(do).result(10)


@pytest.fixture
def targets(store: Store) -> list[int]:
    """Three targets of one run."""

    def make(tx: Transaction) -> list[int]:
        tx.connection.execute(
            tables.run.insert(),
            {
                "id": RUN, "title": "", "origin": "adhoc", "job": "", "state": "running", "actor": "me",
                "created_at": tx.at, "target_count": 3, "counts": "{}",
                "summary": "",
            },
        )  # fmt: skip
        common = {"run_id": RUN, "step": "main", "attempt": 1, "state": "running"}
        rows = [{**common, "ordinal": n, "host": f"web{n}", "attempt_id": str(n)} for n in range(3)]
        tx.connection.execute(tables.target_run.insert(), rows)
        return [1, 2, 3]

    return list(write(store, make))


def put(store: Store, target: int, pieces: Sequence[Piece]) -> int:
    offset = store.reader.read_now(lambda c: output.size(c, target))
    addition = output.Addition(target_run_id=target, offset=offset, pieces=pieces)
    write(store, lambda tx: output.append(tx, RUN, [addition]))
    return int(store.reader.read_now(lambda c: output.size(c, target)))


def get(store: Store, target: int, offset: int, limit: int, streams: Any = ()) -> output.Page:
    return store.reader.read_now(lambda c: output.read(c, target, offset, limit, streams))


def chunk_count(store: Store, target: int) -> int:
    query = select(func.count()).where(tables.output_chunk.c.target_run_id == target)
    return int(store.reader.read_now(lambda c: c.execute(query).scalar_one()))


# --- chunks ---------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["out", "err", "note"]),
            st.binary(max_size=300).map(lambda b: b * 400),
            st.integers(0, 9),
        ),
        max_size=8,
    )
)
def test_what_is_packed_is_unpacked(parts: list[tuple[str, bytes, int]]) -> None:
    pieces = [piece(data, stream, AT.replace("00.0", f"0{s}.0")) for stream, data, s in parts]
    chunks = list(pack(pieces))
    found = []
    offset = 0
    for chunk in chunks:
        assert 0 < chunk.size_bytes <= CHUNK_BYTES
        found += list(unpack(chunk, offset))
        offset += chunk.size_bytes
    assert offset == sum(len(data) for _, data, _ in parts)
    for stream in ("out", "err", "note"):
        expected = b"".join(data for name, data, _ in parts if name == stream)
        assert b"".join(s.data for s in found if s.stream == stream) == expected
    whole = b"".join(data for _, data, _ in parts)
    for segment in found:
        assert whole[segment.offset : segment.offset + len(segment.data)] == segment.data


def test_chunks_are_full_before_the_next_begins() -> None:
    chunks = list(pack([piece(b"x" * 50_000), piece(b"y" * 50_000), piece(b"z" * 100_000)]))
    assert [chunk.size_bytes for chunk in chunks] == [65536, 65536, 65536, 3392]


@pytest.mark.parametrize(
    ("data", "codec"),
    [(b"a" * 511, "raw"), (b"a" * 512, "zstd"), (noise(4096), "raw")],
    ids=["short", "long", "incompressible"],
)
def test_compression_is_used_where_it_pays(data: bytes, codec: str) -> None:
    (chunk,) = pack([piece(data)])
    assert chunk.codec == codec


def test_streams_that_alternate_share_a_chunk_in_their_order() -> None:
    pieces = [piece(b"%d" % n, "out" if n % 2 else "err") for n in range(1, 6)]
    (chunk,) = pack(pieces)
    assert [(s.stream, s.data) for s in unpack(chunk, 0)] == [
        ("out", b"1"), ("err", b"2"), ("out", b"3"), ("err", b"4"), ("out", b"5"),
    ]  # fmt: skip


def test_a_layout_is_bounded_however_often_streams_alternate() -> None:
    chunks = list(pack(piece(b"x", "out" if n % 2 else "err") for n in range(10_000)))
    assert [chunk.size_bytes for chunk in chunks] == [4096, 4096, 1808]


def test_times_are_kept_to_the_second() -> None:
    times = ["00.000000", "00.400000", "05.250000", "05.900000", "03.000000"]
    (chunk,) = pack(piece(b"x", at=f"2026-01-01T00:00:{time}Z") for time in times)
    assert [(s.at, len(s.data)) for s in unpack(chunk, 0)] == [
        ("2026-01-01T00:00:00.000000Z", 2),
        ("2026-01-01T00:00:05.250000Z", 3),
    ]


def test_a_layout_counts_lines() -> None:
    (chunk,) = pack([piece(b"one\ntwo"), piece(b"\n", "err")])
    assert chunk.layout == '[["out",7,0,1,true],["err",1,0,1,false]]'


OLD = '[["out",200,0],["err",144,1500]]'
NEW = '[["out",200,0,0,true],["err",144,1500,0,true]]'


@pytest.mark.parametrize("layout", [OLD, NEW], ids=["uncounted", "counted"])
def test_chunks_of_every_release_stay_readable(layout: str) -> None:
    zstd = bytes.fromhex("28b52ffd6058004d00001061610100532ac002")
    for codec, data in (("raw", b"a" * 344), ("zstd", zstd)):
        chunk = Chunk(size_bytes=344, layout=layout, codec=codec, at=AT, data=data)
        assert [(s.offset, s.stream, s.data, s.at) for s in unpack(chunk, 7)] == [
            (7, "out", b"a" * 200, AT),
            (207, "err", b"a" * 144, "2026-01-01T00:00:01.500000Z"),
        ]


# --- pages ----------------------------------------------------------------------------------


def test_a_short_output_is_one_row(store: Store, targets: list[int]) -> None:
    put(store, 1, [piece(b"one\n"), piece(b"two\n", "err"), piece(b"three\n")])
    assert chunk_count(store, 1) == 1
    page = get(store, 1, 0, 1000)
    assert [(s.offset, s.stream, s.data) for s in page.segments] == [
        (0, "out", b"one\n"),
        (4, "err", b"two\n"),
        (8, "out", b"three\n"),
    ]
    assert (page.next_offset, page.size) == (14, 14)


def test_pages_join_to_the_whole_whatever_their_size(store: Store, targets: list[int]) -> None:
    whole = noise(200_000)
    put(store, 1, [piece(whole[:70_001]), piece(whole[70_001:70_002], "err")])
    put(store, 1, [piece(whole[70_002:], "out")])
    for limit in (999, 65_536, 65_537, 200_000, 10**9):
        place, read = 0, b""
        while True:
            page = get(store, 1, place, limit)
            data = b"".join(s.data for s in page.segments)
            assert len(data) <= limit
            if not data:
                break
            assert page.segments[0].offset == place
            read, place = read + data, page.next_offset
        assert read == whole


def test_a_page_is_the_same_bytes_as_the_slice(store: Store, targets: list[int]) -> None:
    whole = noise(150_000)
    put(store, 1, [piece(whole)])
    for offset, limit in ((0, 1), (65_535, 2), (65_536, 65_536), (149_999, 50), (70_000, 70_000)):
        page = get(store, 1, offset, limit)
        assert b"".join(s.data for s in page.segments) == whole[offset : offset + limit]


def test_a_negative_offset_counts_from_the_end(store: Store, targets: list[int]) -> None:
    put(store, 1, [piece(b"0123456789")])
    assert get(store, 1, -3, 100).segments[0].data == b"789"
    assert get(store, 1, -100, 4).segments[0].data == b"0123"


def test_beyond_the_end_there_is_nothing_yet(store: Store, targets: list[int]) -> None:
    put(store, 1, [piece(b"0123456789")])
    page = get(store, 1, 99, 100)
    assert (page.segments, page.next_offset, page.size) == ((), 10, 10)
    empty = get(store, 2, 0, 100)
    assert (empty.segments, empty.next_offset, empty.size) == ((), 0, 0)


def test_one_stream_is_read_with_the_offsets_of_the_whole(store: Store, targets: list[int]) -> None:
    put(store, 1, [piece(b"out1"), piece(b"err1", "err"), piece(b"out2"), piece(b"err2", "err")])
    page = get(store, 1, 0, 6, {"err"})
    assert [(s.offset, s.data) for s in page.segments] == [(4, b"err1"), (12, b"er")]
    rest = get(store, 1, page.next_offset, 6, {"err"})
    assert [(s.offset, s.data) for s in rest.segments] == [(14, b"r2")]
    assert get(store, 1, 0, 100, {"note"}).next_offset == 16


def test_a_page_touches_only_the_chunks_it_lies_in(store: Store, targets: list[int]) -> None:
    put(store, 1, [piece(noise(100 * CHUNK_BYTES))])
    rows = 0

    def counted(connection: Connection, offset: int, limit: int) -> int:
        nonlocal rows
        rows = 0
        driver = connection.connection.driver_connection
        assert driver is not None

        def count(_cursor: Any, row: Any) -> Any:
            nonlocal rows
            rows += 1
            return row

        driver.row_factory = count
        try:
            output.read(connection, 1, offset, limit)
        finally:
            driver.row_factory = None
        return rows

    def read(offset: int, limit: int) -> int:
        return store.reader.read_now(lambda c: counted(c, offset, limit))

    size_row = 1
    assert read(50 * CHUNK_BYTES + 5, 10) <= size_row + 2
    assert read(-100, 100) <= size_row + 1
    assert read(70 * CHUNK_BYTES - 5, 10) <= size_row + 3
    assert read(0, 3 * CHUNK_BYTES) <= size_row + 4


def test_the_whole_can_be_walked_without_holding_it(store: Store, targets: list[int]) -> None:
    whole = noise(5 * CHUNK_BYTES)
    put(store, 1, [piece(whole), piece(b"oops", "err")])

    def longest_and_sum(connection: Connection) -> tuple[int, bytes]:
        parts = [s.data for s in output.iter_all(connection, 1, {"out"})]
        return max(map(len, parts)), b"".join(parts)

    longest, read = store.reader.read_now(longest_and_sum)
    assert longest <= CHUNK_BYTES
    assert read == whole


def test_sizes_are_known_by_stream(store: Store, targets: list[int]) -> None:
    assert put(store, 1, [piece(b"12"), piece(b"345", "err")]) == 5
    assert put(store, 1, [piece(b"6789")]) == 9
    assert put(store, 1, []) == 9
    sizes = store.reader.read_now(lambda c: output.stream_sizes(c, 1))
    assert sizes == {"out": 6, "err": 3}


def test_a_live_reader_gets_every_chunk_of_a_run_once(store: Store, targets: list[int]) -> None:
    put(store, 1, [piece(b"a")])
    put(store, 2, [piece(b"b", "err")])
    put(store, 1, [piece(b"c")])
    seen, cursor = [], 0
    while found := store.reader.read_now(lambda c, after=cursor: output.arrivals(c, RUN, after, 2)):
        seen += [(a.target_run_id, s.offset, s.stream, s.data) for a in found for s in a.segments]
        cursor = found[-1].seq
    assert seen == [(1, 0, "out", b"a"), (2, 0, "err", b"b"), (1, 1, "out", b"c")]

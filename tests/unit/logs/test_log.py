"""Rows by their numbers, from an index and the chunks that are there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.logs import log as logs
from console.logs.log import Log
from tests.support.printed import Printed, piece, printed, texts, who


def test_a_row_may_begin_in_one_chunk_and_end_in_another() -> None:
    log = printed(b"one\ntw", b"o\nthr", b"e", b"e\nend").log()
    assert texts(log) == [b"one\n", b"two\n", b"three\n", b"end"]
    assert [log.row(n).line for n in range(4)] == [1, 2, 3, 4]  # type: ignore[union-attr]


def test_only_the_chunks_of_a_row_are_asked_for() -> None:
    made = printed(b"one\ntw", b"o\nthr", b"e", b"e\nend")
    log = made.log(filled=False)
    assert (log.rows, log.lines, log.size_bytes) == (4, 4, 17)
    assert log.missing([0]) == [3]
    assert log.missing([1]) == [3, 6]
    assert log.missing([2]) == [6, 9, 12]
    assert log.row(2) is None
    made.fill(log, log.missing([2]))
    assert log.row(2).data == b"three\n"  # type: ignore[union-attr]


def test_streams_and_hosts_are_never_glued_together() -> None:
    made = Printed(
        [
            (who("a"), [piece(b"wait..."), piece(b"no!\n", "err"), piece(b"done")]),
            (who("b", 1), [piece(b"fine\n")]),
            (who("a"), [piece(b".\n")]),
        ]
    )
    log = made.log()
    assert texts(log) == [b"wait...", b"no!\n", b"done", b"fine\n", b".\n"]
    assert list(log.hosts) == ["a", "b"]
    rows = [log.row(n) for n in range(5)]
    assert [(row.who.host, row.stream) for row in rows if row] == [
        ("a", "out"), ("a", "err"), ("a", "out"), ("b", "out"), ("a", "out"),
    ]  # fmt: skip


def test_a_line_without_end_is_broken_into_rows() -> None:
    block = b"x" * 64 * 1024
    log = printed(b"begin\n", *[block] * 9, b"\nend\n").log()
    sizes = [len(text) for text in texts(log)]
    assert sizes == [6, 131072, 131072, 131072, 131072, 65536 + 1, 4]
    rows = [log.row(n) for n in range(log.rows)]
    assert [(row.line, row.is_rest) for row in rows if row] == [
        (1, False), (2, False), (2, True), (2, True), (2, True), (2, True), (3, False),
    ]  # fmt: skip
    assert log.lines == 3
    assert log.row_of_line(3) == 6


def test_a_dot_at_a_time_is_one_row() -> None:
    log = printed(*[b"."] * 200, b" done\n").log()
    assert texts(log) == [b"." * 200 + b" done\n"]


def test_a_line_is_found_by_its_number() -> None:
    log = printed(*(b"%d\n%d" % (n, n) for n in range(50)), b"\n").log()
    for line in range(1, log.lines + 1):
        row = log.row(log.row_of_line(line))
        assert row is not None
        assert row.line == line
    assert log.row_of_line(10**9) == log.rows - 1
    assert log.row_of_line(0) == 0


def test_memory_is_bounded_whatever_is_read() -> None:
    made = printed(*[b"0123456789\n" * 500] * 300)
    log = made.log(filled=False, kept_bytes=1 << 20)
    for row in range(0, log.rows, 100):
        made.fill(log, log.missing([row]))
        assert log.row(row) is not None
        assert log.kept_bytes <= (1 << 20)


def test_what_comes_twice_is_there_once() -> None:
    made = printed(b"a\n", b"b\n")
    log = made.log()
    log.add(made.entries())
    assert texts(log) == [b"a\n", b"b\n"]


def test_a_chunk_that_the_engine_has_removed_is_empty() -> None:
    made = printed(b"a\n", b"b\nc", b"\n")
    log = made.log(filled=False)
    made.fill(log, [3, 9])
    log.fill(6, [])
    assert [log.row(n).data for n in range(3)] == [b"a\n", b"", b"\n"]  # type: ignore[union-attr]


def test_an_empty_log_has_no_rows() -> None:
    log = Log()
    assert (log.rows, log.row(0), log.row_of_line(1), log.last_number) == (0, None, 0, 0)


pieces = st.lists(
    st.tuples(
        st.sampled_from([who("a"), who("b", 1)]),
        st.lists(
            st.builds(
                piece,
                st.binary(min_size=1, max_size=6).map(lambda b: b.replace(b"\x00", b"\n")),
                st.sampled_from(["out", "err"]),
            ),
            min_size=1,
            max_size=4,
        ),
    ),
    max_size=12,
)


@given(pieces, st.integers(1, 20), st.integers(1, 4))
def test_rows_join_to_what_was_printed(chunks: list, most_bytes: int, most_chunks: int) -> None:
    before = logs.ROW_BYTES, logs.ROW_CHUNKS
    logs.ROW_BYTES, logs.ROW_CHUNKS = most_bytes, most_chunks
    try:
        made = Printed(chunks)
        log = made.log()
    finally:
        logs.ROW_BYTES, logs.ROW_CHUNKS = before
    whole = b"".join(each.data for _who, given in chunks for each in given)
    assert b"".join(texts(log)) == whole
    rows = [log.row(n) for n in range(log.rows)]
    numbers = [row.line for row in rows if row and not row.is_rest]
    assert numbers == list(range(1, log.lines + 1))
    for row in rows:
        assert row is not None
        assert row.data.count(b"\n") <= 1
        assert b"\n" not in row.data[:-1]

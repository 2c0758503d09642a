"""Lines and matches of any part of a run's output, as reading it in the order of arrival gives them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql

from core.clock import ManualClock
from core.domain.occurrences import found_in, shown_text
from core.ids import SequentialIds
from core.storage import chunks, indexer
from core.storage.output_index import IndexedChunk, Selection, index, read_chunks
from core.storage.output_matches import count_matches
from core.storage.store import Store
from tests.support.outputs import add_run, piece, put, wait_for_index, write

RUN = "0" * 25 + "R"
OTHER = "0" * 25 + "S"

texts = st.text(st.sampled_from("aAb\nß磁😀"), min_size=1, max_size=9)


class Printed(NamedTuple):
    target: int
    stream: str
    data: bytes


printed = st.builds(
    Printed,
    st.sampled_from([1, 2, 3]),
    st.sampled_from(["out", "err"]),
    st.one_of(texts.map(str.encode), texts.map(lambda t: t.encode()[1:]), st.binary(max_size=4)),
)
selections = st.builds(
    lambda targets, streams: Selection(run_id=RUN, targets=targets, streams=streams),
    st.one_of(st.none(), st.frozensets(st.sampled_from([1, 2, 3]))),
    st.sampled_from([frozenset(), frozenset({"out"}), frozenset({"err"})]),
)


def stretches(history: Sequence[Printed], selection: Selection) -> list[bytes]:
    """What stands together, in the order of arrival."""
    chosen = [
        item
        for item in history
        if item.data
        and (selection.targets is None or item.target in selection.targets)
        and (not selection.streams or item.stream in selection.streams)
    ]
    together = groupby(chosen, key=lambda item: (item.target, item.stream))
    return [b"".join(item.data for item in group) for _who, group in together]


def lines_of(stretch: bytes) -> int:
    return stretch.count(b"\n") + (not stretch.endswith(b"\n"))


@pytest.mark.parametrize("chunk_bytes", [7, 64 * 1024])
@settings(max_examples=40)
@given(
    history=st.lists(printed, min_size=1, max_size=25),
    selection=selections,
    wanted=texts.filter(lambda t: "\n" not in t),
    page=st.integers(1, 9),
    uncounted=st.booleans(),
    indexed=st.booleans(),
)
def test_the_index_is_what_reading_everything_gives(
    chunk_bytes: int,
    history: list[Printed],
    selection: Selection,
    wanted: str,
    page: int,
    uncounted: bool,
    indexed: bool,
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(chunks, "CHUNK_BYTES", chunk_bytes)
        patch.setattr(indexer, "_COLLECT_S", 0)
        store = Store.open(Path(folder), ManualClock(), SequentialIds())
        try:
            add_run(store, RUN, ["a", "b", "c"])
            (stranger,) = add_run(store, OTHER, ["d"])
            for item in history:
                put(store, RUN, item.target, [piece(item.data, item.stream)])
                put(store, OTHER, stranger, [piece(b"a\n")])
            if uncounted:
                _forget_counts(store)
            if indexed:
                store.indexer.start()
                wait_for_index(store)
            entries = list(_pages(store, selection, page))
            expected = stretches(history, selection)
            assert sum(entry.lines for entry in entries) == sum(map(lines_of, expected))
            data = [_bytes(store, selection, entry.number) for entry in entries]
            assert b"".join(data) == b"".join(expected)
            assert [entry.size_bytes for entry in entries] == [len(part) for part in data]
            hits = sum(len(found_in(shown_text(s), wanted.casefold())) for s in expected)
            assert sum(_counts(store, selection, wanted, page)) == hits
        finally:
            store.close()


def _pages(store: Store, selection: Selection, size: int) -> Iterator[IndexedChunk]:
    after = 0
    while found := store.reader.read_now(
        lambda c, after=after: index(c, selection, after=after, limit=size)  # type: ignore[misc]
    ):
        yield from found
        after = found[-1].number


def _bytes(store: Store, selection: Selection, number: int) -> bytes:
    (chunk,) = store.reader.read_now(lambda c: list(read_chunks(c, selection, [number])))
    return b"".join(segment.data for segment in chunk.segments)


def _counts(store: Store, selection: Selection, wanted: str, size: int) -> Iterator[int]:
    after, more = 0, True
    while more:
        page = store.reader.read_now(
            lambda c, after=after: count_matches(  # type: ignore[misc]
                c, store.indexer, selection, wanted, after=after, limit=size
            )
        )
        yield from (chunk.count for chunk in page.chunks)
        after, more = page.position, page.more


def _forget_counts(store: Store) -> None:
    """Layouts as the version before wrote them."""
    forget = sql(
        "UPDATE output_chunk SET layout = (SELECT json_group_array(json_array("
        "value->>0, value->>1, value->>2)) FROM json_each(layout))"
    )
    write(store, lambda tx: tx.connection.execute(forget))

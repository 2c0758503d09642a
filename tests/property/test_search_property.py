"""Search finds what reading everything finds, wherever output was cut and however it mixes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import ManualClock
from core.ids import SequentialIds
from core.storage import chunks, indexer
from core.storage.output_search import RunsFilter, search_all, search_run
from core.storage.store import Store
from tests.support.outputs import add_run, piece, put, wait_for_index

RUN = "0" * 25 + "R"

texts = st.text(st.sampled_from('aAbB \n磁盘满ßsS😀İéÉ\0\x02"'), max_size=12)
garbage = st.binary(max_size=6)
pieces = st.tuples(
    st.sampled_from([1, 2, 3]),
    st.sampled_from(["out", "err"]),
    st.one_of(texts.map(str.encode), garbage, texts.map(lambda t: t.encode()[1:])),
    st.booleans(),
)


def by_reading(printed: dict[int, dict[str, list[bytes]]], text: str) -> dict[int, dict[str, int]]:
    """Target -> stream -> line number of the first match."""
    found: dict[int, dict[str, int]] = {}
    for target, streams in printed.items():
        for stream, parts in streams.items():
            # What may still become a character is none yet.
            whole = b"".join(parts).decode("utf-8", "replace").casefold()
            place = whole.find(text.casefold())
            if place >= 0:
                found.setdefault(target, {})[stream] = whole.count("\n", 0, place) + 1
    return found


@pytest.mark.parametrize("chunk_bytes", [7, 64 * 1024])
@settings(max_examples=40)
@given(
    history=st.lists(pieces, min_size=1, max_size=25),
    wanted=st.lists(texts.filter(bool), min_size=1, max_size=6),
    cut=st.tuples(st.integers(0, 24), st.integers(0, 30), st.integers(1, 90)),
)
def test_search_equals_reading_everything(
    chunk_bytes: int,
    history: list[tuple[int, str, bytes, bool]],
    wanted: list[str],
    cut: tuple[int, int, int],
) -> None:
    printed: dict[int, dict[str, list[bytes]]] = {}
    whole = history[cut[0] % len(history)][2] * 3
    wanted = [*wanted, whole[cut[1] : cut[1] + cut[2]].decode("utf-8", "ignore") or "a"]
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(chunks, "CHUNK_BYTES", chunk_bytes)
        patch.setattr(indexer, "_COLLECT_S", 0)
        store = Store.open(Path(folder), ManualClock(), SequentialIds())
        try:
            add_run(store, RUN, ["a", "b", "c"])
            for number, (target, stream, data, indexed) in enumerate(history):
                put(store, RUN, target, [piece(data, stream)])
                printed.setdefault(target, {}).setdefault(stream, []).append(data)
                if number == len(history) // 2:
                    store.indexer.start()
                if indexed and number > len(history) // 2:
                    wait_for_index(store)
            for round_ in range(2):
                for text in wanted:
                    _compare(store, printed, text)
                if round_ == 0:
                    wait_for_index(store)
        finally:
            store.close()


def _compare(store: Store, printed: dict[int, dict[str, list[bytes]]], text: str) -> None:
    expected = by_reading(printed, text)
    if "\ufffd" in text:
        return  # stands for any bytes that are no text
    page = store.reader.read_now(
        lambda c: search_run(c, store.indexer, RUN, text, limit=100, after=0)
    )
    assert [item.target_run_id for item in page.items] == sorted(expected)
    for item in page.items:
        assert expected[item.target_run_id][item.stream] == item.line_number
    everywhere = store.reader.read_now(
        lambda c: search_all(c, store.indexer, text, RunsFilter(), limit=100)
    )
    assert sorted(item.target_run_id for item in everywhere.items) == sorted(expected)

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from console.sse import ServerEvent, parse_events, split_lines

STREAM = (
    b'event: run.state\nid: 7\ndata: {"a": 1}\n\n'
    b": still here\n\n"
    b"event: output\nid: 8\ndata: first\ndata: second\n\n"
)


def read(*chunks: bytes) -> list[ServerEvent]:
    return list(parse_events(split_lines(chunks)))


def test_events_have_type_data_and_id() -> None:
    assert read(STREAM) == [
        ServerEvent("run.state", '{"a": 1}', "7"),
        ServerEvent("output", "first\nsecond", "8"),
    ]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_it_does_not_matter_how_the_bytes_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(places)]

    assert read(*chunks) == read(STREAM)


def test_an_event_that_breaks_off_is_left_out() -> None:
    assert read(b"data: whole\n\ndata: half\n") == [ServerEvent("message", "whole", "")]


def test_an_id_holds_until_the_next_one() -> None:
    assert [event.id for event in read(b"id: 3\ndata: a\n\ndata: b\n\n")] == ["3", "3"]


def test_only_line_feeds_separate_lines() -> None:
    text = "data: a\u2028b\x0cc\x85d\r\n\n".encode()

    assert [event.data for event in read(text)] == ["a\u2028b\x0cc\x85d"]

"""Lines of two streams, side by side and unbroken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.domain.wholelines import WholeLines


def test_a_line_is_not_broken_by_another_stream() -> None:
    lines = WholeLines()
    assert lines.feed("out", b"one\nno newline en") == b"one\n"
    assert lines.feed("err", b"err 273\n") == b"err 273\n"
    assert lines.feed("out", b"d") == b""
    assert lines.feed("err", b"open") == b""
    assert lines.rest() == b"no newline end\nopen"


def test_a_line_without_an_end_comes_in_parts() -> None:
    lines = WholeLines()
    assert len(lines.feed("out", b"x" * (2 << 20))) == 2 << 20
    assert lines.rest() == b""


@given(st.lists(st.binary(max_size=5)))
def test_one_stream_comes_back_byte_for_byte(pieces: list[bytes]) -> None:
    lines = WholeLines()
    assert b"".join(lines.feed("out", piece) for piece in pieces) + lines.rest() == b"".join(pieces)

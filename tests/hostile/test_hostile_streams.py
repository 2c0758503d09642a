"""No output makes a terminal do anything, and every line is as wide as it says."""

from __future__ import annotations

import secrets
from random import Random

import pytest

from console.logs.chunks import Entry, Piece
from console.logs.log import Log
from console.logs.window import Window
from tests.support.hostile import AT, stream, wrongs
from tests.support.printed import who

_STREAMS = 3000
_SEED = secrets.randbelow(1 << 32)


@pytest.mark.parametrize("part", range(4))
def test_no_stream_is_obeyed(part: int) -> None:
    first = _SEED + part * _STREAMS // 4
    assert [wrong for seed in range(first, first + _STREAMS // 4) for wrong in wrongs(seed)] == []


def test_the_streams_mean_harm() -> None:
    texts = b"".join(stream(Random(seed)) for seed in range(300))
    for evil in (b"\x1b]0;", b"\x1b]52;", b"\x1b[2J", b"\xc2\x9b", b"\x1bP", b"\x1b]8;;", b"\xff"):
        assert evil in texts


def test_a_line_of_ten_megabytes_is_shown_and_gone_through() -> None:
    log, block = Log(), (b"\x1b[31m" + "宽x".encode() + b"\x1b]0;owned\x07") * 3276
    log.add(
        Entry(number, who(), len(block), int(number == 1), number > 1) for number in range(1, 171)
    )
    window = Window(log)
    window.resize(80, 24)
    window.go_to_end()
    for _screen in range(3):
        for number in window.missing():
            log.fill(number, [Piece("out", AT, block)])
        window.changed()
        assert len(list(window.lines())) == 24
        window.go_to_part(0.5)
    assert log.size_bytes > 10_000_000
    assert log.kept_bytes < 2_000_000

"""All of an output as lines: for files and pagers."""

from __future__ import annotations

from console.logs.whole import whole_lines
from tests.support.printed import piece, who


def test_lines_are_whole_across_chunks_and_harmless() -> None:
    chunks = [
        (who("a"), [piece(b"one\ntw")]),
        (who("a"), [piece(b"o\n\x1b[31mred\x1b[0m \x1b]0;t\x07"), piece(b"no\n", "err")]),
        (who("b", 1), [piece("宽".encode())]),
    ]
    assert b"".join(whole_lines(chunks, names=False)).decode() == (
        "one\ntwo\nred \\x1b]0;t\\x07\nno\n宽\n"
    )
    assert list(whole_lines(chunks, names=True))[-2:] == [b"a  ! no\n", "b    宽\n".encode()]

"""Rows as harmless text: colours as tones, everything else by its code, matches marked."""

from __future__ import annotations

import pytest

from console.cells import width
from console.logs.chunks import Row
from console.logs.layout import window, wrapped
from console.logs.shown import Bit, Mark, bits, plain
from console.presenters.text import Tone
from tests.support.printed import AT, who


def row(data: bytes, stream: str = "out") -> Row:
    return Row(1, False, who(), stream, AT, data)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"plain\n", [Bit("plain")]),
        (b"end\r\n", [Bit("end")]),
        (b"\n", []),
        (b"\x1b[31mred\x1b[0m no", [Bit("red", Tone.BAD), Bit(" no")]),
        (b"\x1b[01;32m\x1b[Kok\x1b[m\x1b[K", [Bit("ok", Tone.GOOD)]),
        (b"\x1b[38;5;208morange", [Bit("orange", Tone.WARNING)]),
        (b"\x1b[38;2;10;20;250mblue", [Bit("blue", Tone.BUSY)]),
        (b"\x1b[30;40mhidden", [Bit("hidden", Tone.QUIET)]),
        (b"\x1b[8mconcealed", [Bit("concealed")]),
        (b"\x1b[2Jx", [Bit("\\x1b[2J", Tone.QUIET), Bit("x")]),
        (b"\x1b]0;title\x07x", [Bit("\\x1b]0;title\\x07", Tone.QUIET), Bit("x")]),
        (b"\x1b]52;c;ZXZpbA==\x1b\\", [Bit("\\x1b]52;c;ZXZpbA==\\x1b\\", Tone.QUIET)]),
        (b"\xc2\x9b31mx", [Bit("\\x9b31mx")]),
        (b"10%\r20%\n", [Bit("10%\\x0d20%")]),
        (b"a\tb", [Bit("a       b")]),
        ("磁\tb".encode(), [Bit("磁      b")]),
        (b"\xff", [Bit("\\xff")]),
        ("\u202eevil".encode(), [Bit("\\u202eevil")]),
        ("👨‍👩‍👧 ❤️ 👍🏽".encode(), [Bit("👨👩👧 ❤ 👍")]),
    ],
)
def test_a_row(data: bytes, shown: list[Bit]) -> None:
    assert bits(row(data)) == shown
    assert plain(row(data)) == "".join(bit.text for bit in shown)


def test_notes_of_jobdeck_are_quiet() -> None:
    assert bits(row(b"line lost\n", "note")) == [Bit("line lost", Tone.QUIET)]


def test_matches_are_marked_through_colours_and_codes() -> None:
    found = bits(row(b"an Error: err\x1b[31mor\x1b[0m error\n"), "error", current=1)
    assert [(bit.text, bit.mark) for bit in found if bit.mark] == [
        ("Error", Mark.MATCH),
        ("error", Mark.CURRENT),
    ]
    assert "".join(bit.text for bit in found) == "an Error: error error"


def test_a_match_in_letters_that_fold_to_two() -> None:
    found = bits(row("Straße\n".encode()), "ss")
    assert [bit.text for bit in found if bit.mark] == ["ß"]


@pytest.mark.parametrize(
    ("text", "cells", "lines"),
    [
        ("", 4, [""]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("abcd", 4, ["abcd"]),
        ("磁盘满了", 5, ["磁盘", "满了"]),
        ("a磁盘", 2, ["a", "磁", "盘"]),
        ("e\u0301e\u0301e\u0301", 2, ["e\u0301e\u0301", "e\u0301"]),
    ],
)
def test_wrapping_fills_lines_and_cuts_no_character(
    text: str, cells: int, lines: list[str]
) -> None:
    laid = wrapped([Bit(text)] if text else [], cells)
    assert ["".join(bit.text for bit in line) for line in laid] == lines


def test_bits_share_lines() -> None:
    laid = wrapped([Bit("abc"), Bit("defgh", Tone.BAD), Bit("磁", Tone.GOOD)], 5)
    assert laid == [
        [Bit("abc"), Bit("de", Tone.BAD)],
        [Bit("fgh", Tone.BAD), Bit("磁", Tone.GOOD)],
    ]


@pytest.mark.parametrize(
    ("text", "left", "cells", "shown"),
    [
        ("abcdef", 0, 6, "abcdef"),
        ("abcdef", 0, 5, "abcd>"),
        ("abcdef", 2, 3, "cd>"),
        ("abcdef", 2, 4, "cdef"),
        ("abcdef", 9, 4, ""),
        ("磁盘满了", 1, 4, " 盘>"),
        ("磁盘满了", 0, 4, "磁 >"),
    ],
)
def test_a_window_on_a_line(text: str, left: int, cells: int, shown: str) -> None:
    line = window([Bit(text)], left, cells)
    assert "".join(bit.text for bit in line) == shown
    assert sum(width(bit.text) for bit in line) <= cells

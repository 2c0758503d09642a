"""Differences between two texts, bounded and safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.textdiff import MAX_BYTES, MAX_LINE_CHARACTERS, MAX_LINES, LineKind, line_diff

MARKS = {LineKind.SAME: " ", LineKind.REMOVED: "-", LineKind.ADDED: "+", LineKind.HUNK: ""}


def as_text(old: bytes | str, new: bytes | str, context: int = 3) -> list[str]:
    return [MARKS[line.kind] + line.text for line in line_diff(old, new, context=context).lines]


def numbered(count: int) -> list[str]:
    return [f"line {number}" for number in range(1, count + 1)]


def test_equal_texts_have_no_lines() -> None:
    diff = line_diff(b"a\nb\n", b"a\nb\n")

    assert diff.lines == ()
    assert not diff.truncated


def test_a_change_stands_between_the_lines_around_it() -> None:
    new = [*numbered(20)]
    new[9] = "changed"

    assert as_text("\n".join(numbered(20)), "\n".join(new)) == [
        "@@ -7,7 +7,7 @@",
        " line 7",
        " line 8",
        " line 9",
        "-line 10",
        "+changed",
        " line 11",
        " line 12",
        " line 13",
    ]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("", "a\n", ["@@ -0,0 +1 @@", "+a"]),
        ("a", "", ["@@ -1 +0,0 @@", "-a"]),
        ("a\nb", "a\nx\nb", ["@@ -1,2 +1,3 @@", " a", "+x", " b"]),
        ("a\n", "a", []),
        ("", "\n", ["@@ -0,0 +1 @@", "+"]),
        ("a\r\n", "a\n", ["@@ -1 +1 @@", "-a\\x0d", "+a"]),
    ],
)
def test_small_texts(old: str, new: str, lines: list[str]) -> None:
    assert as_text(old, new) == lines
    assert as_text(old.encode(), new.encode()) == lines


def test_lines_are_safe_to_show() -> None:
    assert as_text(b"\x1b[31m\xff", b"ok") == ["@@ -1 +1 @@", "-\\x1b[31m\\xff", "+ok"]


def test_an_overlong_line_is_cut_off_and_said_to_be() -> None:
    diff = line_diff("😀" * 5000, "b")

    assert diff.truncated
    assert diff.lines[1].text == "😀" * MAX_LINE_CHARACTERS + "…"


def test_what_is_the_same_around_a_difference_does_not_count_as_compared() -> None:
    same = "".join(f"{line}\n" for line in numbered(50_000))

    diff = line_diff(same + "old\n" + same, same + "new\n" + same)

    assert not diff.truncated
    assert [line.text for line in diff.lines if line.kind is not LineKind.SAME] == [
        "@@ -49998,7 +49998,7 @@",
        "old",
        "new",
    ]


def test_very_different_texts_are_compared_at_their_beginning_only() -> None:
    old = "".join(f"old {number}\n" for number in range(MAX_LINES * 2))
    new = "".join(f"new {number}\n" for number in range(MAX_LINES * 2))

    diff = line_diff(old, new)

    assert diff.truncated
    assert len(diff.lines) == 2 * MAX_LINES + 1


def test_a_cut_does_not_invent_differences_at_its_end() -> None:
    middle = [f"{number}" for number in range(MAX_LINES * 2)]

    diff = line_diff("\n".join(["a", *middle, "b"]), "\n".join(["a", "x", "y", *middle, "c"]))

    assert diff.truncated
    changes = [
        (line.kind, line.text)
        for line in diff.lines
        if line.kind in (LineKind.REMOVED, LineKind.ADDED)
    ]
    assert changes == [(LineKind.ADDED, "x"), (LineKind.ADDED, "y")]


def test_beyond_the_largest_size_nothing_is_looked_at() -> None:
    same = "x" * 99 + "\n"
    text = same * (MAX_BYTES // len(same) + 1)

    diff = line_diff(text + "a\n", text + "b\n")

    assert diff.lines == ()
    assert diff.truncated


@given(*[st.lists(st.sampled_from("abc"), max_size=12)] * 2, st.integers(0, 3))
def test_applying_a_diff_gives_the_new_text(old: list[str], new: list[str], context: int) -> None:
    shown = line_diff("\n".join(old), "\n".join(new), context=context)

    patched: list[str] = []
    at = 0
    for line in shown.lines:
        if line.kind is LineKind.HUNK:
            first, _, count = line.text.split()[1].removeprefix("-").partition(",")
            start = int(first) - (count != "0")
            patched += old[at:start]
            at = start
        elif line.kind is LineKind.ADDED:
            patched.append(line.text)
        else:
            assert old[at] == line.text
            at += 1
            if line.kind is LineKind.SAME:
                patched.append(line.text)
    assert patched + old[at:] == new

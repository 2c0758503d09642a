from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cells import cut, pad, paragraphs, width, wrap

TEXT = st.text(st.sampled_from("ab c主机，。－é"), max_size=60)


@given(TEXT, st.integers(1, 30))
def test_cut_text_fits(text: str, cells: int) -> None:
    assert width(cut(text, cells)) <= cells


@given(TEXT, st.integers(0, 30))
def test_padded_text_fills_its_cells(text: str, cells: int) -> None:
    assert width(pad(text, cells)) == max(width(text), cells)


@given(TEXT, st.integers(8, 30))
def test_wrapping_keeps_every_character_but_blanks(text: str, cells: int) -> None:
    lines = wrap(text, cells)

    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.text(st.sampled_from("a 主机"), max_size=60), st.integers(70, 80))
def test_wrapped_lines_fit(text: str, cells: int) -> None:
    assert all(width(line) <= cells for line in wrap(text, cells))


def test_wide_characters_count_twice() -> None:
    assert width("主机 a") == 6
    assert cut("主机主机", 7) == "主机..."
    assert cut("主机主机", 8) == "主机主机"


def test_chinese_wraps_between_characters_but_not_before_a_full_stop() -> None:
    assert wrap("在主机上运行。再看", 12) == ["在主机上运", "行。再看"]


def test_a_word_that_is_too_long_stays_whole() -> None:
    assert wrap("see /a/very/long/path now", 8) == ["see", "/a/very/long/path", "now"]


def test_a_list_that_is_too_long_goes_on_after_a_comma() -> None:
    assert wrap("on web[01,03,05,07] now", 10) == ["on web[01,", "03,05,07]", "now"]


def test_what_stands_two_blanks_apart_is_kept_together() -> None:
    assert wrap("1 failed  6 not_started  1 good", 14) == ["1 failed", "6 not_started", "1 good"]
    assert wrap("1 failed  6 not_started", 40) == ["1 failed  6 not_started"]


def test_indented_lines_of_a_paragraph_stay_as_they_are() -> None:
    assert list(paragraphs("one\ntwo\n\n  code  here\n", 40)) == ["one two", "", "  code  here", ""]


@pytest.mark.parametrize("cells", [0, 1, 2, 3])
def test_there_is_room_for_nothing_else_than_characters(cells: int) -> None:
    assert width(cut("abcdef", cells)) <= cells

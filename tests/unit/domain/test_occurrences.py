"""Places of a text: letter case, letters that fold to two, overlaps, cuts within a character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.occurrences import count_ending_in, found_in, reach_bytes, shown_text

TEXTS = st.text(st.sampled_from("aAbß磁Sİ😀 "), max_size=12)


@pytest.mark.parametrize(
    ("text", "folded", "places"),
    [
        ("Error: no error", "error", [(0, 5), (10, 15)]),
        ("aaaa", "aa", [(0, 2), (1, 3), (2, 4)]),
        ("Straße", "ss", [(4, 5)]),
        ("Straße", "s", [(0, 1), (4, 5), (4, 5)]),
        ("磁盘满", "盘", [(1, 2)]),
        ("x", "xx", []),
    ],
)
def test_every_place_is_found(text: str, folded: str, places: list[tuple[int, int]]) -> None:
    assert found_in(text, folded) == places


@given(TEXTS, TEXTS.filter(bool).map(str.casefold))
def test_what_is_found_has_the_text_in_it(text: str, folded: str) -> None:
    for start, end in found_in(text, folded):
        assert folded in text[start:end].casefold()


@given(st.lists(st.one_of(TEXTS.map(str.encode), st.binary(max_size=3)), max_size=8), TEXTS)
def test_counts_of_parts_are_the_count_of_the_whole(parts: list[bytes], text: str) -> None:
    folded = text.casefold() or "a"
    whole = b"".join(parts)
    before, counted = b"", 0
    for part in parts:
        counted += count_ending_in(part, before[-reach_bytes(folded) :], folded)
        before += part
    assert counted == len(found_in(shown_text(whole), folded))

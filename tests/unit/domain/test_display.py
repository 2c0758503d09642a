"""Any bytes become text that no terminal acts on."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.display import safe_text

BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain ASCII ~!\n\tindented",
        "größe 名前 привет שלום مرحبا ไทย",
        "😀 👩\u200d💻 ❤\ufe0f",
        "می\u200cخواهم क्\u200dष",
        "e\u0301",
        "literal \\x1b",
    ],
)
def test_ordinary_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert safe_text(text) == text
    assert safe_text(text.encode()) == text


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        (b"\x1b[2J", r"\x1b[2J"),
        (b"\x00\x08\x0b\x7f", r"\x00\x08\x0b\x7f"),
        (b"caf\xe9 \xff\xfe", r"caf\xe9 \xff\xfe"),
        (b"\xe5\x90", r"\xe5\x90"),
        (b"one\r\ntwo\r\n", "one\ntwo\n"),
        (b"10%\r20%", r"10%\x0d20%"),
        ("\x9b31m".encode(), r"\x9b31m"),
        ("a\u202eb\u2066c".encode(), r"a\u202eb\u2066c"),
        ("\ufeffhi\u200b".encode(), r"\ufeffhi\u200b"),
        ("line\u2028break".encode(), r"line\u2028break"),
        ("rm\u200d -rf".encode(), r"rm\u200d -rf"),
        ("\U000e0041".encode(), r"\U000e0041"),
    ],
)
def test_what_acts_hides_or_reorders_is_shown_by_its_code(data: bytes, shown: str) -> None:
    assert safe_text(data) == shown


def test_surrogates_are_shown_as_the_bytes_they_stand_for_or_by_their_code() -> None:
    assert safe_text("\udcff\ud800") == r"\xff\ud800"


@given(st.binary() | st.text(st.characters(exclude_categories=[])))
def test_nothing_that_a_terminal_acts_on_is_left(data: bytes | str) -> None:
    shown = safe_text(data)

    shown.encode()  # no surrogates: it can be written
    assert not [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    assert not [c for c in shown if unicodedata.bidirectional(c) in BIDI_CONTROLS]
    assert not [c for c in shown if unicodedata.category(c) in ("Zl", "Zp")]


def test_every_invisible_character_of_unicode_is_shown() -> None:
    """All format characters (Cf) but those that have a shape or do their work between letters."""
    visible = {
        *range(0x0600, 0x0606),  # Arabic number signs
        0x06DD,
        0x070F,
        0x0890,
        0x0891,
        0x08E2,
        0x110BD,  # Kaithi number signs
        0x110CD,
        *range(0x13430, 0x13440),  # Egyptian hieroglyph format controls
    }
    notation = {*range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B)}  # shorthand, music: layout
    left_raw = {
        point
        for point in range(0x110000)
        if unicodedata.category(chr(point)) == "Cf" and safe_text(chr(point)) == chr(point)
    }

    assert left_raw <= visible | notation


@given(st.binary() | st.text())
def test_showing_twice_changes_nothing_more(data: bytes | str) -> None:
    assert safe_text(safe_text(data)) == safe_text(data)

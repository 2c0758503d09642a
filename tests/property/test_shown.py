"""What is sent to a terminal makes it show exactly what was painted: seen in a terminal in memory."""

from __future__ import annotations

from collections.abc import Callable

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from console.cells import width
from console.tui.pen import PLAIN, Pen, change, pen_of
from console.tui.shown import Piece, Shown, erases_in_colour

COLUMNS, ROWS = 24, 4
SYSTEM = ColorSystem.TRUECOLOR

colours = st.sampled_from([None, "#d3d8de", "#ff8552", "red", "bright_white", "default"])
attributes = st.sampled_from(
    ["", "bold", "dim", "bold dim", "italic", "underline", "reverse", "bold reverse strike"]
)
styles = st.builds(
    lambda ink, ground, attribute: Style(color=ink, bgcolor=ground) + Style.parse(attribute),
    colours,
    colours,
    attributes,
)
letters = st.sampled_from([*"  ab-", "主", "机", "한", "é", "e\u0301", "✓", "▸", "─", " " * 14])
"""Blanks are likely, also many; each other takes one or two cells, on which pyte and we agree."""


@st.composite
def strips(draw: st.DrawFn) -> Strip:
    """A strip of at most the screen's width."""
    room, segments = draw(st.integers(1, COLUMNS)), []
    while room > 0:
        text = ""
        for letter in draw(st.lists(letters, min_size=1, max_size=6)):
            size = width(letter)
            if size > room:
                break
            text, room = text + letter, room - size
        if not text:
            break
        segments.append(Segment(text, draw(styles)))
    return Strip(segments or [Segment(" ")])


@st.composite
def paintings(draw: st.DrawFn) -> list[Piece]:
    """Pieces of one update, row by row."""
    rows = sorted(draw(st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=ROWS)))
    pieces = []
    for y in rows:
        strip = draw(strips())
        pieces.append((y, draw(st.integers(0, COLUMNS - strip.cell_length)), strip))
    return pieces


class _WithoutBce(pyte.Screen):
    """Erased cells have the terminal's own ground, as in GNU screen."""

    def erase_characters(self, count: int | None = None) -> None:
        self._plainly(lambda: super(_WithoutBce, self).erase_characters(count))

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        self._plainly(lambda: super(_WithoutBce, self).erase_in_line(how, private))

    def _plainly(self, erase: Callable[[], None]) -> None:
        held, self.cursor.attrs = self.cursor.attrs, self.default_char
        erase()
        self.cursor.attrs = held


class Glass:
    """A terminal, and what it shows: text and looks of each cell."""

    def __init__(self, *, has_bce: bool = True) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS) if has_bce else _WithoutBce(COLUMNS, ROWS)
        self._screen.reset_mode(pyte.modes.DECAWM)  # as Textual has it
        self._stream = pyte.Stream(self._screen)

    def feed(self, text: str) -> None:
        self._stream.feed(text)

    def cells(self) -> list[list[tuple[object, ...]]]:
        return [_row([self._screen.buffer[y][x] for x in range(COLUMNS)]) for y in range(ROWS)]


def _row(cells: list[pyte.screens.Char]) -> list[tuple[object, ...]]:
    """What can be seen. A half of a wide character whose other half was painted over is a blank."""
    whole = []
    for at, cell in enumerate(cells):
        before, after = cells[max(at - 1, 0)].data, [*cells, cell][at + 1].data
        is_half = (not cell.data and not _is_wide(before)) or (_is_wide(cell.data) and after)
        whole.append(_seen(cell._replace(data=" ") if is_half else cell))
    return whole


def _is_wide(text: str) -> bool:
    return width(text) == 2


def _seen(cell: pyte.screens.Char) -> tuple[object, ...]:
    """What of a cell can be seen: a blank shows neither its ink nor its weight."""
    lines = (cell.underscore, cell.strikethrough, cell.reverse)
    if cell.data == " " and not cell.reverse:
        return (" ", cell.bg, *lines)
    if cell.data == " ":
        return (" ", cell.fg, cell.bg, *lines)
    return (cell.data, cell.fg, cell.bg, cell.bold, cell.italics, *lines)


def whole(strip: Strip, x: int, y: int) -> str:
    """A strip as it is sent where nothing is known: every segment with its whole style."""
    sent = f"\x1b[{y + 1};{x + 1}H"
    for segment in strip:
        sent += change(PLAIN, pen_of(segment.style, SYSTEM)) + segment.text + "\x1b[m"
    return sent


@settings(max_examples=150)
@given(st.lists(paintings(), min_size=1, max_size=4))
def test_after_every_update_the_terminal_shows_what_painting_everything_would_show(
    updates: list[list[Piece]],
) -> None:
    ours, plainly, shown = Glass(), Glass(), Shown()
    blank = [(y, 0, Strip([Segment(" " * COLUMNS)])) for y in range(ROWS)]

    for update in [blank, *updates]:
        ours.feed(shown.change(update, (COLUMNS, ROWS), SYSTEM))
        for y, x, strip in update:
            plainly.feed(whole(strip, x, y))
        assert ours.cells() == plainly.cells()


@given(paintings())
def test_what_is_shown_already_is_not_sent(update: list[Piece]) -> None:
    shown = Shown()
    shown.change(update, (COLUMNS, ROWS), SYSTEM)
    last = {y: (y, x, strip) for y, x, strip in update}

    assert shown.change(last.values(), (COLUMNS, ROWS), SYSTEM) == ""


@settings(max_examples=150)
@given(st.lists(paintings(), min_size=1, max_size=4))
def test_a_terminal_whose_erased_cells_lose_their_ground_has_none_erased_on_one(
    updates: list[list[Piece]],
) -> None:
    ours, plainly, shown = Glass(has_bce=False), Glass(), Shown(erases_in_colour=False)
    blank = [(y, 0, Strip([Segment(" " * COLUMNS)])) for y in range(ROWS)]

    for update in [blank, *updates]:
        ours.feed(shown.change(update, (COLUMNS, ROWS), SYSTEM))
        for y, x, strip in update:
            plainly.feed(whole(strip, x, y))
        assert ours.cells() == plainly.cells()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "linux"}, True),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0"}, True),
        ({"TERM": "screen-256color", "TMUX": "/tmp/tmux-0/default,1,0"}, True),
        ({"TERM": "screen-256color"}, False),
        ({"TERM": "screen.xterm-256color", "STY": "1.pts-0.host"}, False),
    ],
)
def test_terminals_that_erase_in_colour_are_known_by_name(
    environ: dict[str, str], expected: bool
) -> None:
    assert erases_in_colour(environ) is expected


def test_many_blanks_are_erased_and_a_few_are_written() -> None:
    def sent(text: str) -> str:
        return Shown().change([(0, 0, Strip([Segment(text)]))], (len(text), 1), SYSTEM)

    assert sent("ab" + " " * 20) == "\x1b[1Hab\x1b[K"
    assert sent("a" + " " * 20 + "b") == "\x1b[1Ha\x1b[20X\x1b[20Cb"
    assert sent("a" + " " * 5 + "b") == "\x1b[1Ha     b"


@given(paintings())
def test_what_is_forgotten_is_sent_again(update: list[Piece]) -> None:
    shown, glass = Shown(), Glass()
    shown.change(update, (COLUMNS, ROWS), SYSTEM)
    shown.forget()
    glass.feed("".join(f"\x1b[{y + 1}Hnoise noise" for y in range(ROWS)))
    plainly = Glass()
    everything = [(y, 0, Strip([Segment(" " * COLUMNS)])) for y in range(ROWS)]
    last = [*everything, *update]
    last.sort(key=lambda piece: piece[0])

    glass.feed(shown.change(last, (COLUMNS, ROWS), SYSTEM))
    for y, x, strip in last:
        plainly.feed(whole(strip, x, y))

    assert glass.cells() == plainly.cells()


@given(styles, styles)
def test_a_change_of_pens_ends_with_the_wanted_one_and_is_never_longer_than_beginning_anew(
    before: Style, after: Style
) -> None:
    held, wanted = pen_of(before, SYSTEM), pen_of(after, SYSTEM)
    glass, plainly = Glass(), Glass()
    glass.feed(change(PLAIN, held) + change(held, wanted) + "x")
    plainly.feed(change(PLAIN, wanted) + "x")

    assert glass.cells()[0][0] == plainly.cells()[0][0]
    assert len(change(held, wanted)) <= len("\x1b[m") + len(change(PLAIN, wanted))


def test_a_terminal_without_colours_is_sent_none() -> None:
    assert pen_of(Style.parse("bold red on blue"), None) == Pen("", "", 1)
    assert "38" not in change(PLAIN, pen_of(Style.parse("red"), None))


def test_behind_a_character_of_doubtful_width_the_column_is_said_again() -> None:
    family = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    sent = Shown().change([(0, 0, Strip([Segment(f"{family}x")]))], (10, 1), SYSTEM)

    assert f"{family}\x1b[3Gx" in sent


def test_a_row_with_doubtful_characters_is_sent_whole() -> None:
    shown = Shown()
    shown.change([(0, 0, Strip([Segment("👍 abcdefg")]))], (10, 1), SYSTEM)

    assert "👍" in shown.change([(0, 0, Strip([Segment("👍 abcdefX")]))], (10, 1), SYSTEM)

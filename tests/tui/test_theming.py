"""Our themes on a real Textual screen: every variable is there, every colour arrives."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input, Static

from console import themes
from console.presenters.text import Tone
from console.themes import Chip, Ink, Surface
from console.tui import painting, theming

VARIABLES = [
    *(surface.value for surface in Surface),
    *(f"tone-{ink}" for ink in Ink),
    *(f"chip-{chip}" for chip in Chip),
    *(f"chip-{chip}-ground" for chip in Chip),
]


class Sample(App[None]):
    """A line of every colour, and something to type into."""

    CSS = "\n".join(f"#{name} {{ background: ${name}; }}" for name in VARIABLES)

    get_theme_variable_defaults = staticmethod(theming.variables)

    def compose(self) -> ComposeResult:
        for name in VARIABLES:
            yield Static(name, id=name)
        yield Input()


@pytest.mark.parametrize("name", themes.NAMES)
async def test_a_screen_has_the_colours_of_the_theme(name: str) -> None:
    app = Sample()
    async with app.run_test(size=(40, 50)) as pilot:
        theming.wear(app, name)
        await pilot.pause()

        theme = themes.load(name)
        seen = app.query_one("#tone-bad", Static).styles.background
        wanted = painting.style(Tone.BAD, app.theme_variables).color
        if theme.contrast is None:
            assert app.native_ansi_color
            assert seen.ansi == (wanted.number if wanted and wanted.number is not None else -1)
        else:
            assert wanted is not None
            assert wanted.name == theme.tone(Tone.BAD).ink
            assert seen.rgb == tuple(wanted.get_truecolor())


@pytest.mark.parametrize(
    ("name", "bad", "cursor", "danger"),
    [
        ("dark", "#ff8552", "on #30363d", "bold #15181c on #ff8552"),
        ("sixteen-light", "bold red", "reverse", "bold bright_white on red"),
        ("mono", "bold", "reverse", "bold reverse"),
    ],
)
def test_what_is_painted_is_what_the_theme_says(
    name: str, bad: str, cursor: str, danger: str
) -> None:
    colours = theming.textual_theme(name).variables

    assert str(painting.style(Tone.BAD, colours)) == bad
    assert str(painting.ground(Surface.CURSOR, colours)) == cursor
    assert str(painting.chip(Chip.DANGER, colours)) == danger

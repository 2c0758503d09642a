"""Our themes on a real Textual screen: every variable is there, every colour arrives."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input, Static

from console import themes
from console.themes import Chip, Ink, Surface
from console.tui import theming

VARIABLES = [
    *(surface.value for surface in Surface),
    *(f"ink-{ink}" for ink in Ink),
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
        seen = app.query_one("#ink-bad", Static).styles.background
        wanted = theming.style(theme.inks[Ink.BAD]).color
        if theme.contrast is None:
            assert app.native_ansi_color
            assert seen.ansi == (wanted.number if wanted and wanted.number is not None else -1)
        else:
            assert wanted is not None
            assert seen.rgb == tuple(wanted.get_truecolor())


def test_styles_are_what_the_paint_says() -> None:
    danger = theming.style(themes.load(themes.DARK).chips[Chip.DANGER])
    cursor = theming.style(themes.load(themes.MONO).surfaces[Surface.CURSOR])

    assert str(danger) == "bold #15181c on #ff8552"
    assert str(cursor) == "reverse"

"""Themes are complete, and what they show can be read and told apart: by all eyes, on all grounds."""

from __future__ import annotations

from importlib import resources
from itertools import combinations

import pytest
from rich.color import Color, ColorSystem

from console import themes
from console.presenters.text import Tone
from console.themes import Chip, Ink, Paint, Surface, Theme
from tests.support.colours import EYES, contrast, distance

COLOURED = [themes.load(name) for name in themes.NAMES if themes.load(name).contrast]
OWNED = [themes.load(name) for name in themes.NAMES if not themes.load(name).contrast]
"""Themes whose colours the terminal's owner chooses."""


def palette(colours: str) -> dict[str, str]:
    return dict(zip(themes.PALETTE, [f"#{colour}" for colour in colours.split()], strict=True))


XTERM = palette(
    "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5"
    " 7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff"
)
VGA = palette(
    "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa"
    " 555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff"
)
TOLD_APART = 10.0
"""Distance of two states' colours, five times what is just to be noticed; their words differ too."""


def named(theme: Theme) -> str:
    return theme.name


def in_256_colours(colour: str) -> str:
    triplet = Color.parse(colour).downgrade(ColorSystem.EIGHT_BIT).get_truecolor()
    return triplet.hex


def pairs(theme: Theme) -> list[tuple[str, str, str]]:
    """What, in which colour, on which: everything that is read."""
    inks = {role: paint for role, paint in theme.inks.items() if role is not Ink.RULE}
    found = [
        (f"{ink} on {surface}", paint.ink, ground.ground)
        for ink, paint in inks.items()
        for surface, ground in theme.surfaces.items()
    ]
    return found + [(role.value, paint.ink, paint.ground) for role, paint in theme.chips.items()]


def test_every_file_is_a_theme_and_every_theme_a_file() -> None:
    files = {file.name for file in (resources.files("assets") / "themes").iterdir()}

    assert {f"{name}.toml" for name in themes.NAMES} == files


@pytest.mark.parametrize("theme", COLOURED, ids=named)
def test_every_text_is_read_on_every_ground(theme: Theme) -> None:
    assert theme.contrast
    weak = {
        what: round(contrast(ink, ground), 2)
        for what, ink, ground in pairs(theme)
        if contrast(ink, ground) < theme.contrast
    }
    assert weak == {}


@pytest.mark.parametrize("theme", COLOURED, ids=named)
def test_it_is_read_on_a_terminal_of_256_colours_too(theme: Theme) -> None:
    weak = {
        what: round(ratio, 2)
        for what, ink, ground in pairs(theme)
        if (ratio := contrast(in_256_colours(ink), in_256_colours(ground))) < 4.5
    }
    assert weak == {}


def test_high_contrast_is_seven_to_one_and_the_others_at_least_the_usual() -> None:
    assert themes.load(themes.CONTRAST).contrast == 7.0
    assert {theme.contrast for theme in COLOURED} == {4.5, 7.0}


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("theme", COLOURED, ids=named)
def test_states_are_told_apart_by_all_eyes(theme: Theme, eyes: str) -> None:
    states = (Ink.GOOD, Ink.BAD, Ink.WARNING, Ink.BUSY)
    close = {
        f"{one} and {other}": round(apart, 1)
        for one, other in combinations(states, 2)
        if (apart := distance(theme.inks[one].ink, theme.inks[other].ink, eyes)) < TOLD_APART
    }
    assert close == {}


@pytest.mark.parametrize("colours", [XTERM, VGA], ids=["xterm", "vga"])
@pytest.mark.parametrize("theme", OWNED, ids=named)
def test_sixteen_colours_are_read_on_the_palettes_that_terminals_come_with(
    theme: Theme, colours: dict[str, str]
) -> None:
    page = colours["black" if theme.dark else "bright_white"]
    weak = {
        what: round(ratio, 2)
        for what, ink, ground in pairs(theme)
        if ink and (ratio := contrast(colours[ink], colours[ground] if ground else page)) < 4.5
    }
    assert weak == {}


@pytest.mark.parametrize("theme", OWNED, ids=named)
def test_themes_of_the_terminals_own_colours_name_no_other(theme: Theme) -> None:
    paints = [*theme.surfaces.values(), *theme.inks.values(), *theme.chips.values()]
    colours = {colour for paint in paints for colour in (paint.ink, paint.ground)}

    assert colours <= {"", *themes.PALETTE}


def test_mono_has_no_colour_at_all_and_still_shows_the_cursor() -> None:
    mono = themes.load(themes.MONO)
    paints = [*mono.surfaces.values(), *mono.inks.values(), *mono.chips.values()]

    assert {colour for paint in paints for colour in (paint.ink, paint.ground)} == {""}
    assert mono.surfaces[Surface.CURSOR] != mono.surfaces[Surface.PAGE]
    assert mono.surfaces[Surface.CURSOR] != mono.surfaces[Surface.RESTING]


@pytest.mark.parametrize("name", themes.NAMES)
def test_what_has_the_keys_looks_different(name: str) -> None:
    theme = themes.load(name)

    cursor, resting = theme.surfaces[Surface.CURSOR], theme.surfaces[Surface.RESTING]
    assert len({cursor, resting, theme.surfaces[Surface.PAGE]}) == 3
    assert theme.chips[Chip.CURRENT] != theme.chips[Chip.FOUND]


@pytest.mark.parametrize("tone", Tone)
def test_every_tone_has_an_ink(tone: Tone) -> None:
    assert themes.load(themes.DARK).tone(tone) == themes.load(themes.DARK).inks[themes.INKS[tone]]


@pytest.mark.parametrize(
    ("text", "paint"),
    [
        ("", Paint()),
        ("bold", Paint(bold=True)),
        ("#aabbcc", Paint(ink="#aabbcc")),
        ("on #aabbcc", Paint(ground="#aabbcc")),
        ("bold dim bright_red on black", Paint(bold=True, dim=True, ink="bright_red", ground="black")),
    ],
)  # fmt: skip
def test_paints_are_written_in_words(text: str, paint: Paint) -> None:
    assert Paint.parse(text) == paint


@pytest.mark.parametrize(
    "text", ["blod", "#aabbc", "#AABBCC", "red green", "on", "on red on blue", "red on on blue"]
)
def test_words_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no paint"):
        Paint.parse(text)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("page = ", "paje = "), "page"),
        (("dark = true", ""), "dark"),
        (("[chips]", "[chips]\nglow = \"bold\""), "unknown: glow"),
        (("bold", "fat"), "no paint"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_theme_says_why(change: tuple[str, str], complaint: str) -> None:
    text = (resources.files("assets") / "themes" / "mono.toml").read_text()

    with pytest.raises(ValueError, match=f"theme odd: .*{complaint}"):
        themes.parse("odd", text.replace(*change, 1))


@pytest.mark.parametrize(
    ("wanted", "environ", "chosen"),
    [
        ("auto", {"TERM": "xterm-256color"}, "dark"),
        ("auto", {"TERM": "xterm", "COLORTERM": "truecolor"}, "dark"),
        ("auto", {"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "light"),
        ("auto", {"TERM": "xterm-256color", "COLORFGBG": "15;0"}, "dark"),
        ("auto", {"TERM": "xterm-256color", "COLORFGBG": "0;default;15"}, "light"),
        ("auto", {"TERM": "linux"}, "sixteen-dark"),
        ("auto", {"TERM": "xterm", "COLORFGBG": "0;7"}, "sixteen-light"),
        ("auto", {"TERM": "vt220"}, "mono"),
        ("auto", {}, "mono"),
        ("auto", {"TERM": "xterm-256color", "NO_COLOR": "1"}, "mono"),
        ("auto", {"TERM": "xterm-256color", "NO_COLOR": ""}, "dark"),
        ("light", {"TERM": "xterm-256color"}, "light"),
        ("contrast", {"TERM": "xterm", "NO_COLOR": "1"}, "contrast"),
        ("no such", {"TERM": "xterm-256color"}, "dark"),
    ],
)
def test_a_theme_is_chosen_by_what_the_terminal_says(
    wanted: str, environ: dict[str, str], chosen: str
) -> None:
    assert themes.chosen(wanted, environ) == chosen

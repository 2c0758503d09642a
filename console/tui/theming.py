"""Our themes as Textual's: one for each, with the variables that our style sheet uses.

Textual derives shades that nobody chose; what widgets of ours and Textual's own show is set here
from the theme's data instead. The style sheet has `$page`, `$bar`, `$raised`, `$field`, `$cursor`,
`$resting`, inks as `$tone-quiet`, chips as `$chip-danger` on `$chip-danger-ground`; each has a
`…-style` beside it, which is all that a theme without colours has. `painting` reads the same
variables.

    class JobdeckApp(App):
        get_theme_variable_defaults = staticmethod(theming.variables)
        …
        theming.wear(self, themes.chosen(wanted, os.environ))
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from textual.app import App
from textual.theme import Theme as TextualTheme

from console import themes
from console.themes import Chip, Ink, Paint, Surface, Theme

_OWN = "jobdeck-"
"""Before our names, among those of Textual's own themes."""


@contextmanager
def own_view_of_colours() -> Iterator[None]:
    """While an application is made: NO_COLOR is obeyed by the theme that it is given.

    WORKAROUND(textual 8.2): it would turn all colours grey instead, and the terminal's own, of
    which our themes without colours are made, black on black.
    """
    wish = os.environ.pop("NO_COLOR", None)
    try:
        yield
    finally:
        if wish is not None:
            os.environ["NO_COLOR"] = wish


def wear(app: App[Any], name: str) -> None:
    """Show the application in this theme of ours."""
    theme = textual_theme(name)
    app.register_theme(theme)
    app.theme = theme.name


def variables() -> dict[str, str]:
    """What the style sheet is read with before a theme is worn."""
    return dict(textual_theme(themes.DARK).variables)


@cache
def textual_theme(name: str) -> TextualTheme:
    """The Textual theme for one of ours."""
    theme = themes.load(name)
    page, bar = theme.surfaces[Surface.PAGE], theme.surfaces[Surface.BAR]
    raised = theme.surfaces[Surface.RAISED]
    inks = {role: _css(paint.ink) for role, paint in theme.inks.items()}
    return TextualTheme(
        name=_OWN + name,
        dark=theme.dark,
        ansi=theme.contrast is None,
        primary=inks[Ink.ACCENT],
        secondary=inks[Ink.ACCENT],
        accent=inks[Ink.ACCENT],
        success=inks[Ink.GOOD],
        warning=inks[Ink.WARNING],
        error=inks[Ink.BAD],
        foreground=inks[Ink.TEXT],
        background=_css(page.ground),
        surface=_css(bar.ground),
        panel=_css(raised.ground),
        boost=_css(raised.ground),
        variables=_variables(theme),
    )


def _variables(theme: Theme) -> dict[str, str]:
    inks = {role: _css(paint.ink) for role, paint in theme.inks.items()}
    grounds = {role: _css(paint.ground) for role, paint in theme.surfaces.items()}
    own = {role.value: colour for role, colour in grounds.items()}
    own |= {f"{role.value}-style": _text_style(paint) for role, paint in theme.surfaces.items()}
    own |= {f"tone-{role.value}": colour for role, colour in inks.items()}
    own |= {f"tone-{role.value}-style": _text_style(paint) for role, paint in theme.inks.items()}
    for role, paint in theme.chips.items():
        own[f"chip-{role.value}"] = _css(paint.ink)
        own[f"chip-{role.value}-ground"] = _css(paint.ground)
        own[f"chip-{role.value}-style"] = _text_style(paint)
    found = theme.chips[Chip.FOUND]
    cursor = theme.surfaces[Surface.CURSOR]
    return own | {
        "text": inks[Ink.TEXT],
        "text-muted": inks[Ink.QUIET],
        "text-disabled": inks[Ink.QUIET],
        "foreground-muted": inks[Ink.QUIET],
        "foreground-disabled": inks[Ink.QUIET],
        "block-cursor-foreground": inks[Ink.TEXT],
        "block-cursor-background": _css(cursor.ground),
        "block-cursor-text-style": _text_style(cursor),
        "block-cursor-blurred-foreground": inks[Ink.TEXT],
        "block-cursor-blurred-background": grounds[Surface.RESTING],
        "block-cursor-blurred-text-style": _text_style(theme.surfaces[Surface.RESTING]),
        "block-hover-background": grounds[Surface.RESTING],
        "ansi-background": grounds[Surface.PAGE],
        "ansi-foreground": inks[Ink.TEXT],
        "border": inks[Ink.ACCENT],
        "border-blurred": inks[Ink.RULE],
        "scrollbar": inks[Ink.RULE],
        "scrollbar-hover": inks[Ink.QUIET],
        "scrollbar-active": inks[Ink.ACCENT],
        "scrollbar-background": grounds[Surface.PAGE],
        "scrollbar-background-hover": grounds[Surface.PAGE],
        "scrollbar-background-active": grounds[Surface.PAGE],
        "scrollbar-corner-color": grounds[Surface.PAGE],
        "input-cursor-text-style": "reverse",
        "input-cursor-background": grounds[Surface.FIELD],
        "input-cursor-foreground": inks[Ink.TEXT],
        "input-selection-background": _css(found.ground),
        "input-selection-foreground": _css(found.ink),
        "screen-selection-background": _css(found.ground),
        "screen-selection-foreground": _css(found.ink),
        "footer-background": grounds[Surface.BAR],
        "footer-foreground": inks[Ink.QUIET],
        "footer-key-foreground": inks[Ink.ACCENT],
        "link-color": inks[Ink.ACCENT],
    }


def _css(colour: str) -> str:
    """A colour as Textual's style sheets write it."""
    if colour.startswith("#"):
        return colour
    return f"ansi_{colour or 'default'}"


def _text_style(paint: Paint) -> str:
    names = ("bold", "dim", "underline", "reverse")
    return " ".join(name for name in names if getattr(paint, name)) or "none"

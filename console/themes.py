"""Themes: what surfaces, tones and chips look like, as data that every screen may read.

A theme is a file of `assets/themes`. This module knows no terminal and no window: it gives
colours as `#rrggbb`, or as one of the sixteen names of a terminal's own palette, or as "",
which is whatever the terminal has anyway.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from console.i18n import _
from console.presenters.text import Tone

DARK, LIGHT, CONTRAST, SIXTEEN_DARK, SIXTEEN_LIGHT, MONO = NAMES = (
    "dark", "light", "contrast", "sixteen-dark", "sixteen-light", "mono",
)  # fmt: skip
AUTO = "auto"
"""Chosen by what the terminal says of itself."""


class Surface(StrEnum):
    """What text stands on."""

    PAGE = "page"
    BAR = "bar"
    """Header, footer and command line."""
    RAISED = "raised"
    """Dialogs, menus, whatever lies on top."""
    FIELD = "field"
    """Where something is typed."""
    CURSOR = "cursor"
    """The chosen row of what has the keys."""
    RESTING = "resting"
    """The chosen row of what has them not."""


class Ink(StrEnum):
    """What text, and the lines between, are written in; each reads well on every surface."""

    TEXT = "text"
    QUIET = "quiet"
    STRONG = "strong"
    ACCENT = "accent"
    """What the keys act on: the one hue that decorates."""
    GOOD = "good"
    BAD = "bad"
    WARNING = "warning"
    BUSY = "busy"
    RULE = "rule"
    """Frames and separators, never text."""


class Chip(StrEnum):
    """Text on a ground of its own."""

    CALM = "calm"
    NOTICE = "notice"
    CAUTION = "caution"
    DANGER = "danger"
    FOUND = "found"
    """What a search found."""
    CURRENT = "current"
    """The place that a search stands at."""


INKS: Mapping[Tone, Ink] = {
    Tone.PLAIN: Ink.TEXT,
    **{tone: Ink(tone.value) for tone in Tone if tone is not Tone.PLAIN},
}
"""The ink of each tone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """How something is painted."""

    ink: str = ""
    """Colour of the text; "" is the one that is there anyway."""
    ground: str = ""
    """Colour behind it; likewise."""
    bold: bool = False
    dim: bool = False
    underline: bool = False
    reverse: bool = False

    @classmethod
    def parse(cls, text: str) -> Paint:
        """`bold #aabbcc on #ddeeff`, each part optional. Raises ValueError for any other word."""
        given: dict[str, Any] = {}
        slot = "ink"
        for word in text.split():
            if word == "on" and slot == "ink":
                slot = "ground"
            elif word in _ATTRIBUTES:
                given[word] = True
            elif slot not in given and (word in PALETTE or _is_rgb(word)):
                given[slot] = word
            else:
                raise ValueError(f"no paint: {text!r}")
        if slot == "ground" and slot not in given:
            raise ValueError(f"no paint: {text!r}")
        return cls(**given)


PALETTE = tuple(
    f"{bright}{name}"
    for bright in ("", "bright_")
    for name in ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
)
"""Names of the colours that a terminal's owner chooses, in the order of their codes."""

_ATTRIBUTES = {field.name for field in fields(Paint) if field.name not in ("ink", "ground")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """One look, complete."""

    name: str
    dark: bool
    """Whether it is made for a dark ground."""
    contrast: float | None
    """Least contrast of text and what it stands on (WCAG 2); None: the terminal's owner decides."""
    surfaces: Mapping[Surface, Paint]
    inks: Mapping[Ink, Paint]
    chips: Mapping[Chip, Paint]

    def tone(self, tone: Tone) -> Paint:
        return self.inks[INKS[tone]]


_R = TypeVar("_R", Surface, Ink, Chip)


def parse(name: str, text: str) -> Theme:
    """The theme of a file. Raises ValueError where something is missing, unknown or no paint."""
    try:
        read: dict[str, Any] = tomllib.loads(text)
        contrast = read.pop("contrast", None)
        return Theme(
            name=name,
            dark=bool(read.pop("dark")),
            contrast=None if contrast is None else float(contrast),
            surfaces=_paints(Surface, read.pop("surfaces")),
            inks=_paints(Ink, read.pop("inks")),
            chips=_paints(Chip, read.pop("chips")),
        )
    except (KeyError, ValueError) as error:
        raise ValueError(f"theme {name}: {error}") from error


@cache
def load(name: str) -> Theme:
    """One of NAMES."""
    file = resources.files("assets") / "themes" / f"{name}.toml"
    return parse(name, file.read_text(encoding="utf-8"))


def title(name: str) -> str:
    """What a person calls it."""
    titles = {
        AUTO: _("as the terminal is"),
        DARK: _("dark"),
        LIGHT: _("light"),
        CONTRAST: _("high contrast"),
        SIXTEEN_DARK: _("sixteen colours, dark"),
        SIXTEEN_LIGHT: _("sixteen colours, light"),
        MONO: _("without colours"),
    }
    return titles.get(name, name)


def chosen(wanted: str, environ: Mapping[str, str]) -> str:
    """The theme for a terminal: the wanted one, or the one that suits what the terminal says.

    A theme that somebody asked for wins over NO_COLOR, as no-color.org has it.
    """
    if wanted in NAMES:
        return wanted
    if environ.get("NO_COLOR"):
        return MONO
    dark = not _has_light_ground(environ)
    if _colours(environ) > len(PALETTE):
        return DARK if dark else LIGHT
    if _colours(environ) < len(PALETTE) // 2:
        return MONO
    return SIXTEEN_DARK if dark else SIXTEEN_LIGHT


def _colours(environ: Mapping[str, str]) -> int:
    """How many colours the terminal has, by its name."""
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return 1 << 24
    name = environ.get("TERM", "").lower()
    if "256color" in name or "direct" in name or name in _ALWAYS_MANY:
        return 256
    return 0 if name in _NONE or name.startswith("vt") else 16


_ALWAYS_MANY = ("alacritty", "xterm-kitty", "xterm-ghostty", "wezterm", "foot", "contour")
_NONE = ("", "dumb", "unknown", "xterm-mono")


def _has_light_ground(environ: Mapping[str, str]) -> bool:
    """COLORFGBG, which rxvt, Konsole and others set: `0;15` is black on white."""
    ground = environ.get("COLORFGBG", "").rpartition(";")[2]
    return ground in ("7", "15")


def _paints(roles: type[_R], read: Mapping[str, str]) -> dict[_R, Paint]:
    paints = {role: Paint.parse(read[role.value]) for role in roles}
    if unknown := set(read) - {role.value for role in roles}:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    return paints


def _is_rgb(word: str) -> bool:
    return len(word) == len("#rrggbb") and word[0] == "#" and not set(word[1:]) - set(_HEX)


_HEX = "0123456789abcdef"

"""The themes as Textual knows them."""

from __future__ import annotations

from textual.theme import Theme

from console.presenters.text import Tone

DARK, LIGHT = "jobdeck-dark", "jobdeck-light"

_TONES_DARK = {
    Tone.PLAIN: "#d5d9de",
    Tone.GOOD: "#35b58a",
    Tone.BAD: "#ff7a5c",
    Tone.WARNING: "#e6a723",
    Tone.BUSY: "#5cb3ee",
    Tone.QUIET: "#8a929c",
    Tone.STRONG: "#ffffff",
}
_TONES_LIGHT = {
    Tone.PLAIN: "#24292f",
    Tone.GOOD: "#00694a",
    Tone.BAD: "#b3311a",
    Tone.WARNING: "#7a5200",
    Tone.BUSY: "#0a5f9e",
    Tone.QUIET: "#5c6670",
    Tone.STRONG: "#000000",
}


def themes() -> list[Theme]:
    return [
        _theme(DARK, _TONES_DARK, background="#14171b", surface="#1c2026", raised="#262c34"),
        _theme(LIGHT, _TONES_LIGHT, background="#fbfbfa", surface="#f1f2f3", raised="#e2e5e9"),
    ]


def _theme(
    name: str, tones: dict[Tone, str], *, background: str, surface: str, raised: str
) -> Theme:
    return Theme(
        name=name,
        dark=name == DARK,
        primary=tones[Tone.BUSY],
        accent=tones[Tone.BUSY],
        warning=tones[Tone.WARNING],
        error=tones[Tone.BAD],
        success=tones[Tone.GOOD],
        foreground=tones[Tone.PLAIN],
        background=background,
        surface=surface,
        panel=raised,
        variables={
            **{f"tone-{tone or 'plain'}": colour for tone, colour in tones.items()},
            "cursor-background": raised,
        },
    )

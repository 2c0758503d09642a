"""Errors as lines: what was wrong, at which places, what to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.i18n import _
from console.presenters.text import Line, Span, Tone, line
from console.sentences import said
from core.errors import OpsError


def error_lines(error: OpsError) -> list[Line]:
    """In the language of the environment; the first line says that it is an error."""
    places = [
        str(replace(problem, what=said(problem.what), hint=said(problem.hint)))
        for problem in error.problems
    ]
    return complaint_lines(said(error.message), said(error.hint), places)


def complaint_lines(message: str, hint: str, places: Sequence[str] = ()) -> list[Line]:
    """What was wrong, where, and what to try."""
    first, *rest = message.splitlines() or [""]
    lines = [line(Span(_("error: "), Tone.BAD), first)]
    lines += [line(text) for text in [*rest, *(f"  {place}" for place in places)]]
    lines += [line("  ", Span(_("hint: "), Tone.STRONG), text) for text in hint.splitlines()]
    return lines

"""Errors as lines: what was wrong, at which places, what to try."""

from __future__ import annotations

from dataclasses import replace

from console.i18n import _
from console.presenters.text import Line, Span, Tone, line
from console.sentences import said
from core.errors import OpsError


def error_lines(error: OpsError) -> list[Line]:
    """In the language of the environment; the first line says that it is an error."""
    first, *rest = said(error.message).splitlines() or [""]
    places = [
        str(replace(problem, what=said(problem.what), hint=said(problem.hint)))
        for problem in error.problems
    ]
    lines = [line(Span(_("error: "), Tone.BAD), first)]
    lines += [line(text) for text in [*rest, *(f"  {place}" for place in places)]]
    lines += [
        line("  ", Span(_("hint: "), Tone.STRONG), text) for text in said(error.hint).splitlines()
    ]
    return lines

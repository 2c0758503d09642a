"""Errors as lines: what was wrong, at which places, what to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from console.i18n import _
from console.presenters.text import Line, Span, Tone, line
from console.sentences import place, said
from core.errors import OpsError


def error_lines(error: OpsError) -> list[Line]:
    """In the language of the environment; the first line says that it is an error."""
    told = [
        str(
            replace(
                problem,
                where=place(problem.where),
                what=said(problem.what),
                hint=said(problem.hint),
            )
        )
        for problem in error.problems
    ]
    return complaint_lines(said(error.message), said(error.hint), told)


class Remark(Protocol):
    """What is wrong, and what to try; "" where nobody knows."""

    @property
    def what(self) -> str: ...
    @property
    def hint(self) -> str: ...


def remark_text(remark: Remark) -> str:
    """What is wrong, then what to try, in the language of the environment."""
    hint = f" ({said(remark.hint)})" if remark.hint else ""
    return f"{said(remark.what)}{hint}"


def complaint_lines(message: str, hint: str, places: Sequence[str] = ()) -> list[Line]:
    """What was wrong, where, and what to try."""
    first, *rest = message.splitlines() or [""]
    lines = [line(Span(_("error: "), Tone.BAD), first)]
    lines += [line(text) for text in [*rest, *(f"  {place}" for place in places)]]
    lines += [line("  ", Span(_("hint: "), Tone.STRONG), text) for text in hint.splitlines()]
    return lines

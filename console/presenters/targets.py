"""Target expressions while they are typed: how many hosts, and which."""

from __future__ import annotations

from collections.abc import Iterator

from console.answers import Resolved
from console.i18n import _
from console.presenters.errors import error_lines, remark_text
from console.presenters.results import hosts_word
from console.presenters.text import Line, Span, Tone, line
from console.sentences import place
from core.errors import Invalid, OpsError


def resolved_lines(found: Resolved) -> Iterator[Line]:
    """`3 hosts  web[1-3]`; no host is worth a warning."""
    if not found.count:
        yield line(Span(_("no host fits"), Tone.WARNING))
        return
    yield line(Span(hosts_word(found.count), Tone.GOOD), "  ", Span(found.folded, Tone.STRONG))


def misread_lines(error: OpsError) -> Iterator[Line]:
    """Why an expression stands for no hosts, with a caret under the character that is wrong."""
    if not isinstance(error, Invalid):
        yield from error_lines(error)
        return
    _title, *excerpt = error.message.splitlines()
    yield from (line(Span(text, Tone.QUIET)) for text in excerpt)
    for problem in error.problems:
        yield line(Span(f"{place(problem.where)}: ", Tone.BAD), remark_text(problem))

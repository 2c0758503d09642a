"""One document as people read it: who changed it last, and what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from console.answers import Document, HostState, Revision
from console.i18n import _
from console.presenters.durations import clock_time
from console.presenters.hosts import state_lines
from console.presenters.text import Line, Span, Table, Tone, line, pairs

_KEY = re.compile(r"^(\s*(?:- )?)([^\s:#'\"][^:#]*:)(\s.*|)$")


def document_parts(document: Document, now: datetime) -> Iterator[Line | Table]:
    """Its head, then its text as YAML."""
    yield pairs(
        (_("revision"), str(document.revision)),
        (_("changed"), clock_time(document.updated_at, now)),
        (_("by"), document.updated_by),
    )
    yield line("")
    yield from yaml_lines(document)


def host_head(state: HostState | None, now: datetime) -> Iterator[Line]:
    """How a host stands, where there is something to say of it."""
    if state is not None:
        yield from state_lines([state], now)
        yield line("")


def yaml_lines(document: Document) -> Iterator[Line]:
    """What a person would write; names of fields are quiet, values are not."""
    from core.domain import yamlsafe  # loaded where it is needed

    for text in yamlsafe.dump(document.body()).splitlines():
        found = _KEY.match(text)
        if found:
            yield line(found[1], Span(found[2], Tone.BUSY), found[3])
        else:
            yield line(text)


def revision_title(revision: Revision, now: datetime) -> str:
    """`revision 3, 12:30, by ada`."""
    text = _("revision {revision}, {time}, by {actor}")
    return text.format(
        revision=revision.revision, time=clock_time(revision.at, now), actor=revision.actor
    )


def tabs_line(titles: dict[str, str], current: str) -> Line:
    """Sections beside each other; the one that is open has brackets, whatever its colour."""
    pieces: list[str | Span] = [" "]
    for id_, title in titles.items():
        if id_ == current:
            pieces.append(Span(f"[{title}]", Tone.STRONG))
        else:
            pieces.append(Span(f" {title} ", Tone.QUIET))
        pieces.append(" ")
    return line(*pieces)

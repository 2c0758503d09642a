"""Which files a step takes where: a table in plans and in runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.answers import Carried, Taken
from console.i18n import _
from console.presenters.durations import number
from console.presenters.text import Column, Span, Table, Tone

_NAMED = 8
"""Files of one place that are named; of more, how many they are."""


def carried_table(steps: Iterable[tuple[str, Carried]]) -> Table:
    """One row for each kind of place that a step takes files from."""
    return Table(
        columns=(
            Column(_("STEP")),
            Column(_("FILES OF")),
            Column(_("TO")),
            Column(_("FILES"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(step, Tone.STRONG),
                Span(_owner(taken)),
                Span(_place(taken, carried.to)),
                Span("  ".join(_files(taken))),
            )
            for step, carried in steps
            for taken in carried.taken
        ),
    )


def _owner(taken: Taken) -> str:
    words = {
        "engine": _("this machine"),
        "content": _("contents"),
        "text": _("the step itself"),
        "target": _("each host"),
        "web": _("the web"),
    }
    return words.get(taken.source, taken.hosts or taken.source)


def _place(taken: Taken, to: str) -> str:
    """Where they go; what comes from targets goes to this machine, apart by host."""
    return f"{to}{_('HOST')}/" if taken.source == "target" else to


def _files(taken: Taken) -> Iterator[str]:
    yield from taken.files[:_NAMED]
    more = len(taken.files) - _NAMED
    if more > 0:
        yield _("and {count} more").format(count=number(more))

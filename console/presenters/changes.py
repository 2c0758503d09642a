"""What differs: plans of a batch of documents, fields of two revisions, lines of two outputs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from console.answers import Change, DiffLine, FieldChange
from console.i18n import _, ngettext
from console.presenters.dangers import danger_lines
from console.presenters.durations import number
from console.presenters.text import Line, Span, Tone, line

_ACTIONS = {
    "create": ("+", Tone.GOOD),
    "change": ("~", Tone.WARNING),
    "delete": ("-", Tone.BAD),
}
_LONG = 60
"""Characters of a value shown beside its place; longer texts are shown line by line."""


def _word(action: str) -> str:
    return {"create": _("create"), "change": _("change"), "delete": _("delete")}[action]


def plan_lines(changes: Sequence[Change]) -> Iterator[Line]:
    """What would happen to each document, with the fields that differ; then the sums."""
    for change in changes:
        if change.action not in _ACTIONS:
            continue
        sign, tone = _ACTIONS[change.action]
        name = Span(f"{change.kind} {change.name}", Tone.STRONG)
        yield line(Span(f"{sign} {_word(change.action)}", tone), "  ", name)
        if change.action == "change":
            yield from field_lines(change.diff, indent="    ")
        yield from danger_lines(change.dangers)
    yield plan_sums(changes)


def plan_sums(changes: Iterable[Change]) -> Line:
    """`2 to create, 1 to change, 40 unchanged`."""
    counts = Counter(change.action for change in changes)
    pieces = [
        text.format(count=number(counts[action]))
        for action, text in (
            ("create", _("{count} to create")),
            ("change", _("{count} to change")),
            ("delete", _("{count} to delete")),
            ("unchanged", _("{count} unchanged")),
        )
        if counts[action]
    ]
    return line(_(", ").join(pieces) or _("nothing to do"))


def field_lines(changes: Iterable[FieldChange], indent: str = "") -> Iterator[Line]:
    """Each place that differs: `spec.port: 22 -> 2222`, long texts as a diff of lines."""
    for change in changes:
        place = Span(change.path, Tone.STRONG)
        before, after = _text(change.before), _text(change.after)
        if max(len(before), len(after)) <= _LONG and "\n" not in before + after:
            yield line(
                indent,
                place,
                ": ",
                Span(before or _("(none)"), Tone.BAD),
                " -> ",
                Span(after or _("(none)"), Tone.GOOD),
            )
            continue
        yield line(indent, place, ":")
        yield from diff_lines(_lines_between(before, after), indent=f"{indent}  ")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _lines_between(before: str, after: str) -> list[DiffLine]:
    # Loaded here: only texts of several lines need it, and most changes have none.
    from core.domain.textdiff import line_diff

    return [DiffLine(kind=item.kind, text=item.text) for item in line_diff(before, after).lines]


_SIGNS = {
    "removed": ("-", Tone.BAD),
    "added": ("+", Tone.GOOD),
    "hunk": ("", Tone.QUIET),
    "same": (" ", Tone.PLAIN),
}


def diff_lines(lines: Iterable[DiffLine], indent: str = "") -> Iterator[Line]:
    """Lines of a diff, the sign first."""
    for item in lines:
        sign, tone = _SIGNS.get(item.kind, _SIGNS["same"])
        yield line(indent, Span(f"{sign}{item.text}", tone))


def documents_word(count: int) -> str:
    """`1 document`, `1,200 documents`."""
    text = ngettext("{count} document", "{count} documents", count)
    return text.format(count=number(count))

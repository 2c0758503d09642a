"""Forms as rows and lines: what a field holds, what is wrong with it, what it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.cells import cut, width
from console.forms.entry import shown
from console.forms.fields import Field, Path, Shape, inner, item
from console.forms.outline import Row
from console.forms.values import ABSENT
from console.i18n import _, ngettext
from console.presenters.durations import number
from console.presenters.errors import remark_text
from console.presenters.schema import type_text
from console.presenters.states import BAD
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.sentences import meant, said
from core.errors import Problem

_INDENT = 2
_MOST_NAMED = 8
_HIDDEN = "…"
_UNTELLING = frozenset({Shape.FLAG, Shape.CHOICE, Shape.WHOLE, Shape.NUMBER})
_BESIDE_NOTE = 36
"""Cells of a value beside which there is something to say; the rest of it is read elsewhere."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A row as it stands."""

    row: Row
    text: str | None
    """What was typed where that is no value of the field; None: the row's value holds."""
    problems: Sequence[Problem]
    is_changed: bool


def form_table(rows: Sequence[Filled]) -> Table:
    """Fields, what they hold, and what there is to say of that."""
    return Table(
        columns=(
            Column(_("FIELD"), whole=True),
            Column(_("VALUE")),
            Column("", elastic=True),
        ),
        rows=tuple(map(_cells, rows)),
    )


def _cells(filled: Filled) -> tuple[Span, ...]:
    value, note = value_span(filled), _note(filled)
    if note.text and width(value.text) > _BESIDE_NOTE:
        value = Span(cut(value.text, _BESIDE_NOTE), value.tone)
    return _label(filled.row), value, note


def _label(row: Row) -> Span:
    sign = ("- " if row.is_open else "+ ") if row.has_inside else "  "
    return Span(" " * _INDENT * row.depth + sign + row.label)


def value_span(filled: Filled) -> Span:
    """What a field holds, in one line; what holds without a value is quiet."""
    row = filled.row
    if filled.text is not None:
        return Span(filled.text, Tone.BAD)
    if row.value is ABSENT or row.value is None:
        return Span(brief(row.field, row.field.default), Tone.QUIET)
    return Span(brief(row.field, row.value), Tone.BAD if filled.problems else Tone.STRONG)


def brief(place: Field, value: Any) -> str:
    """A value of a field in one line; a secret's never."""
    if value is None or value is ABSENT:
        return ""
    match place.shape:
        case Shape.SECRET:
            return _secret(value)
        case Shape.FLAG:
            return _("yes") if value else _("no")
        case Shape.LINES:
            return _first_line(str(value))
        case Shape.LIST if isinstance(value, list):
            return _list(place, value)
        case Shape.MAP if isinstance(value, Mapping):
            behind = item(place)
            return ", ".join(f"{key}={_inside(behind, each)}" for key, each in value.items())
        case Shape.GROUP if isinstance(value, Mapping):
            return ", ".join(
                f"{each.name}={_inside(each, value[each.name])}"
                for each in inner(place, value)
                if value.get(each.name) is not None
            )
        case Shape.BRANCHES if isinstance(value, Mapping):
            return "  ".join(filter(None, (str(value.get(place.tag, "")), _gist(place, value))))
    return _first_line(shown(place, value))


def _gist(place: Field, value: Mapping[str, Any]) -> str:
    """What tells a group from others of its kind: the first text or name that it needs or has."""
    fields = sorted(inner(place, value), key=lambda each: not each.required)
    telling = (each for each in fields if each.name != "name" and each.shape not in _UNTELLING)
    texts = (_inside(each, value.get(each.name)) for each in telling)
    return next((text for text in texts if text not in ("", _HIDDEN)), "")


def _inside(place: Field, value: Any) -> str:
    """A value within another one, in as few words as there can be; a secret's never."""
    if place.shape is Shape.SECRET:
        return _HIDDEN if value else ""
    if isinstance(value, Mapping | list):
        name = value.get("name") if isinstance(value, Mapping) else None
        return name if isinstance(name, str) else _HIDDEN if value else ""
    return brief(place, value)


def _secret(value: Any) -> str:
    if isinstance(value, str):
        return _("(typed, not saved)")
    if isinstance(value, Mapping) and "secret" in value:
        return _("(in the vault)")
    # Of a command only the program: its arguments may be secret themselves.
    return ", ".join(
        f"{key} {each[0] if isinstance(each, list) and each else each}"
        for key, each in value.items()
        if each is not None
    )


def _first_line(text: str) -> str:
    first, *rest = text.splitlines() or [""]
    if not rest:
        return first
    more = ngettext("{count} more line", "{count} more lines", len(rest))
    return f"{first} … {more.format(count=number(len(rest)))}"


def _list(place: Field, items: Sequence[Any]) -> str:
    if not items:
        return ""
    names = [_inside(item(place), each) for each in items[:_MOST_NAMED]]
    if len(items) > _MOST_NAMED:
        names.append(_HIDDEN)
    return f"{number(len(items))}: {', '.join(filter(None, names))}"


def _note(filled: Filled) -> Span:
    row = filled.row
    if filled.problems:
        return Span(f"{BAD[0]} {said(filled.problems[0].what)}", Tone.BAD)
    if filled.is_changed:
        return Span(_("changed"), Tone.BUSY)
    if row.value is ABSENT and row.field.required:
        return Span(_("(required)"), Tone.WARNING)
    if row.value is ABSENT and row.field.default not in (None, "", [], {}):
        return Span(_("default"), Tone.QUIET)
    return Span("")


def field_lines(filled: Filled, names: Sequence[str] = ()) -> Iterator[Line]:
    """What the field under the cursor is for, what may stand there, and what is wrong.

    `names`: documents that it could name.
    """
    row = filled.row
    type_ = _("name of a document: {kind}").format(kind=row.field.refers_to) if (
        row.field.refers_to) else type_text(row.field.schema, row.field.root)  # fmt: skip
    if row.field.shape is Shape.SECRET:
        type_ = _("secret text")
    yield line(Span(_dotted(row.path), Tone.STRONG), "  ", Span(type_, Tone.BUSY))
    if row.field.help:
        yield line(meant(row.field.help))
    for problem in filled.problems:
        yield problem_line(problem)
    if names:
        more = _(", …") if len(names) > _MOST_NAMED else ""
        yield line(Span(", ".join(names[:_MOST_NAMED]) + more, Tone.QUIET))


def problem_line(problem: Problem) -> Line:
    """One thing that is wrong, and what to try."""
    place = f"{problem.where}: " if problem.where else ""
    return line(Span(f"{BAD[0]} ", Tone.BAD), f"{place}{remark_text(problem)}")


def _dotted(path: Path) -> str:
    """`steps[1].retry`, as messages name it, without the `spec` that all have."""
    shown = path[1:] if path[0] == "spec" and len(path) > 1 else path
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in shown)
    return text.removeprefix(".")

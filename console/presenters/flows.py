"""A flow as lines: its nodes in the order of the way, each with the edges that lead on from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console.answers import Remark
from console.i18n import _
from console.presenters.durations import duration
from console.presenters.text import Column, Line, Span, Table, Tone, line, pairs
from console.sentences import said
from core.domain.flow import Edge, FlowSpec, ForEach, Nested, Node
from core.domain.steps import StepBase


def head_table(name: str, revision: int | None, spec: FlowSpec) -> Table:
    """What a flow is given; `revision` None: it is not saved."""
    parameters = (
        f"{each.name} ({_('required')})" if each.required else each.name for each in spec.parameters
    )
    return pairs(
        (_("flow"), Span(name, Tone.STRONG)),
        (_("revision"), "" if revision is None else str(revision)),
        (_("description"), spec.description),
        (_("targets"), spec.targets or ""),
        (_("parameters"), ", ".join(parameters)),
        (_("when it fails"), "" if spec.on_failure == "stop" else _("what was done is undone")),
    )


def graph_table(spec: FlowSpec) -> Table:
    """Every node, and under it where it leads and when; notes and what only undoes come last."""
    return Table(
        columns=(
            Column(_("NODE"), whole=True),
            Column(_("KIND")),
            Column(_("DETAILS"), elastic=True, wraps=True),
        ),
        rows=tuple(_rows(spec)),
    )


def problem_lines(problems: Sequence[Remark]) -> Iterator[Line]:
    """Each problem with its place and a way to mend it."""
    for each in problems:
        hint = f" ({said(each.hint)})" if each.hint else ""
        where = Span(f"{each.where}: ", Tone.STRONG) if each.where else ""
        yield line(Span("✗ ", Tone.BAD), where, f"{said(each.what)}{hint}")


def edges_of(spec: FlowSpec) -> list[dict[str, Any]]:
    """Edges as JSON values, one by one."""
    return [edge.model_dump(mode="json", exclude_defaults=True) for edge in spec.wires]


def _rows(spec: FlowSpec) -> Iterator[tuple[Span, ...]]:
    out: dict[str, list[Edge]] = {node.name: [] for node in spec.nodes}
    for edge in spec.wires:
        out[edge.source].append(edge)
    for node in _ordered(spec):
        yield Span(node.name, Tone.STRONG), Span(node.kind), Span(_details(node))
        for edge in out[node.name]:
            yield Span(f"  → {edge.target}"), Span(""), Span(edge.label, Tone.QUIET)


def _ordered(spec: FlowSpec) -> list[Node]:
    """Nodes after all that lead to them."""
    waits = {node.name: 0 for node in spec.nodes}
    for edge in spec.wires:
        waits[edge.target] += 1
    nodes = {node.name: node for node in spec.nodes}
    linked = {name for edge in spec.wires for name in (edge.source, edge.target)}
    free = [name for name, count in waits.items() if not count and name in linked]
    free = free or [node.name for node in spec.nodes[:1]]
    for name in free:  # grows as it goes
        for edge in spec.wires:
            if edge.source == name:
                waits[edge.target] -= 1
                if not waits[edge.target]:
                    free.append(edge.target)
    rest = [name for name in nodes if name not in free]
    return [nodes[name] for name in [*free, *rest]]


_SAYS: Mapping[str, tuple[str, ...]] = {
    "command": ("command",),
    "local": ("command", "program"),
    "script": ("script", "text"),
    "http": ("method", "url"),
    "sql": ("text", "script"),
    "push": ("files", "to"),
    "pull": ("files", "to"),
    "distribute": ("urls", "source", "to"),
    "note": ("text",),
    "end": ("result", "message"),
    "converge": ("wait_for",),
    "set": ("variables",),
    "approval": ("message",),
    "notify": ("channels", "subject"),
    "wait": ("for_s", "until", "event"),
}
"""Kind of node -> the fields that tell what it does."""


def _details(node: Node) -> str:
    said = [_work(node)] if isinstance(node, Nested) else []
    for field in _SAYS.get(node.kind, ()):
        value = getattr(node, field, None)
        if value not in (None, ()):
            said.append(duration(value) if field.endswith("_s") else _text(value))
    if isinstance(node, StepBase) and node.undo:
        said.append(_("undone by {name}").format(name=node.undo))
    if node.optional:
        said.append(_("optional"))
    return "  ".join(said)


def _work(node: Nested) -> str:
    what = " ".join(node.work or ("step", node.step.name if node.step else ""))
    if isinstance(node, ForEach):
        each = node.items if node.hosts is None else node.hosts
        return _("{what} for each of {items}").format(what=what, items=each)
    return what


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {text}" for name, text in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    name = getattr(value, "name", None)
    return " ".join(str(name or value).split())

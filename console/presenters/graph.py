"""A flow as a drawing in cells: boxes with the states of their nodes, joined by lines.

What a terminal cannot show side by side is no drawing: `drawn` then gives none, and the tree of
nodes says the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.answers import RunDetail, Step
from console.cells import cut, width
from console.i18n import _
from console.presenters import states
from console.presenters.durations import number
from console.presenters.layers import Layers, Link, Spot, layered
from console.presenters.progress import ended
from console.presenters.run import latest_steps
from console.presenters.text import Line, Span, Tone
from core.domain.display import safe_text
from core.domain.flow import Edge
from core.domain.run import TERMINAL_RUN_STATES

_MOST_NAME = 24
"""Cells of a name in its box."""
_BOX_ROWS = 4
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_STROKES = {
    _UP: "│", _DOWN: "│", _UP | _DOWN: "│",
    _LEFT: "─", _RIGHT: "─", _LEFT | _RIGHT: "─",
    _UP | _RIGHT: "└", _UP | _LEFT: "┘", _DOWN | _RIGHT: "┌", _DOWN | _LEFT: "┐",
    _UP | _DOWN | _RIGHT: "├", _UP | _DOWN | _LEFT: "┤",
    _LEFT | _RIGHT | _DOWN: "┬", _LEFT | _RIGHT | _UP: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
}  # fmt: skip
_ARROW = "\N{BLACK DOWN-POINTING SMALL TRIANGLE}"
_LEAST_LABEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A node as it is drawn."""

    name: str
    state: Span
    has_begun: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """The lines of a drawing, and the row with which what matters now comes into sight: that of
    the layer before it.
    """

    lines: Sequence[Line]
    focus: int


def boxes(run: RunDetail) -> dict[str, Box]:
    """Every node that is performed on the way forward, with how it stands."""
    latest = {step.step: step for step in latest_steps(run)}
    kinds = {each["step"]: each["kind"] for each in run.definition.get("steps", ())}
    found = {}
    for name, kind in kinds.items():
        if kind != "note":
            step = latest.get(name)
            found[name] = Box(name=name, state=_state(step, run), has_begun=step is not None)
    return found


def _state(step: Step | None, run: RunDetail) -> Span:
    if step is None:
        symbol, tone = states.NOT_DONE if run.finished_at else states.WAITING
        return Span(f"{symbol} {_('not begun')}", tone)
    state, total = states.run_state(step.state), sum(step.counts.values())
    if step.state in TERMINAL_RUN_STATES or not total:
        return state
    return Span(f"{state.text} {number(ended(step.counts))}/{number(total)}", state.tone)


def drawn(nodes: Mapping[str, Box], edges: Sequence[Edge], cells: int) -> Drawing | None:
    """The drawing of a flow; None where `cells` do not hold it. Nodes without edges come first."""
    joined = [each for each in edges if each.source in nodes and each.target in nodes]
    linked = {name for each in joined for name in (each.source, each.target)}
    shown = {name: box for name, box in nodes.items() if name in linked or len(nodes) == 1}
    widths = {name: _width(box) for name, box in shown.items()}
    layers = layered(widths, [(each.source, each.target) for each in joined])
    if layers.width > cells:
        return None
    return _Canvas(layers, shown, joined, cells).drawing()


def _width(box: Box) -> int:
    """Of a box with its frame; odd, so that it has a middle."""
    inside = max(width(_name(box)), width(box.state.text)) + 4
    return inside + (inside + 1) % 2


def _name(box: Box) -> str:
    return cut(safe_text(box.name), _MOST_NAME)


class _Canvas:
    """Cells that are painted one by one, and read off as lines."""

    def __init__(
        self, layers: Layers, nodes: Mapping[str, Box], edges: Sequence[Edge], cells: int
    ) -> None:
        self._layers, self._nodes, self._edges, self._cells = layers, nodes, edges, cells
        self._strokes: dict[tuple[int, int], int] = {}
        self._texts: dict[tuple[int, int], Span] = {}
        """What is written from a cell on; it covers as many as it is wide."""
        self._live: set[tuple[int, int]] = set()
        """Cells of lines that the run has gone along."""

    def drawing(self) -> Drawing:
        row, before, focus = 0, 0, None
        for at, layer in enumerate(self._layers.layers):
            begins = row
            for spot in layer:
                if spot.name:
                    box = self._nodes[spot.name]
                    self._box(row, spot, box)
                    if focus is None and box.state.tone in (Tone.BAD, Tone.BUSY, Tone.WARNING):
                        focus = before
                else:
                    links = [link for link in self._layers.links if link.target is spot]
                    live = self._is_live(links[0])
                    self._straight(spot.middle, row, row + _BOX_ROWS - 1, live)
            row += _BOX_ROWS
            row = self._between(row, [x for x in self._layers.links if x.source.layer == at])
            before = begins
        return Drawing(self._lines(row), focus or 0)

    def _box(self, row: int, spot: Spot, box: Box) -> None:
        tone = box.state.tone if box.has_begun else Tone.QUIET
        inside = spot.width - 2
        frame = "─" * inside
        self._write(row, spot.left, Span(f"┌{frame}┐", tone))
        self._write(row + _BOX_ROWS - 1, spot.left, Span(f"└{frame}┘", tone))
        name = Span(_name(box), Tone.STRONG if box.has_begun else Tone.QUIET)
        for below, text in ((1, name), (2, box.state)):
            self._write(row + below, spot.left, Span("│", tone))
            self._write(row + below, spot.left + 2, text)
            self._write(row + below, spot.left + spot.width - 1, Span("│", tone))

    def _between(self, row: int, links: Sequence[Link]) -> int:
        """Lines from one layer to the next; the row below them."""
        if not links:
            return row
        tracks = _tracks(links)
        arrows = row + max(tracks.values(), default=-1) + 1
        for link in links:
            turn = row + tracks.get(link.source, 0)
            start, end = link.source.middle, link.target.middle
            live = self._is_live(link)
            if start == end:
                self._straight(start, row, arrows, live)
            else:
                self._down(start, row, turn, live, turns=True, turned=False)
                self._across(turn, start, end, live)
                self._down(end, turn, arrows, live, turns=False, turned=True)
        for link in links:
            if link.target.name:
                tone = Tone.PLAIN if self._is_live(link) else Tone.QUIET
                self._write(arrows, link.target.middle, Span(_ARROW, tone))
        self._label(arrows, links)
        return arrows + 1

    def _label(self, row: int, links: Sequence[Link]) -> None:
        """Say beside each arrow why its edge is taken, as far as there is room."""
        taken = sorted({link.target.middle for link in links})
        said: dict[int, list[str]] = {}
        for link in links:
            label = self._edges[link.edge].label
            if link.target.name and label:
                said.setdefault(link.target.middle, []).append(label)
        for at, labels in said.items():
            following = next((each for each in taken if each > at), self._cells + 1)
            room = following - at - 3
            if room >= _LEAST_LABEL:
                text = cut(safe_text(" / ".join(dict.fromkeys(labels))), room)
                self._write(row, at + 2, Span(text, Tone.QUIET))

    def _is_live(self, link: Link) -> bool:
        """Whether both ends of its edge have begun."""
        edge = self._edges[link.edge]
        return self._nodes[edge.source].has_begun and self._nodes[edge.target].has_begun

    # ------------------------------------------------------------------ cells

    def _write(self, row: int, column: int, text: Span) -> None:
        self._texts[row, column] = text

    def _straight(self, column: int, first: int, last: int, live: bool) -> None:
        self._down(column, first, last, live, turns=False, turned=False)

    def _down(
        self, column: int, first: int, last: int, live: bool, *, turns: bool, turned: bool
    ) -> None:
        """A line down; `turned`: it comes from a side, `turns`: it goes to one."""
        for row in range(first, last + 1):
            up = 0 if turned and row == first else _UP
            down = 0 if turns and row == last else _DOWN
            self._stroke(row, column, up | down, live)

    def _across(self, row: int, start: int, end: int, live: bool) -> None:
        low, high = sorted((start, end))
        for column in range(low, high + 1):
            ways = (_RIGHT if column < high else 0) | (_LEFT if column > low else 0)
            self._stroke(row, column, ways, live)

    def _stroke(self, row: int, column: int, ways: int, live: bool) -> None:
        self._strokes[row, column] = self._strokes.get((row, column), 0) | ways
        if live:
            self._live.add((row, column))

    def _lines(self, rows: int) -> list[Line]:
        return [self._line(row) for row in range(rows)]

    def _line(self, row: int) -> Line:
        spans: list[Span] = []
        column = 0
        end = max((c for r, c in (*self._texts, *self._strokes) if r == row), default=-1)
        while column <= end:
            span = self._texts.get((row, column)) or self._stroke_at(row, column)
            if spans and spans[-1].tone is span.tone:
                spans[-1] = Span(spans[-1].text + span.text, span.tone)
            else:
                spans.append(span)
            column += max(1, width(span.text))
        return tuple(spans)

    def _stroke_at(self, row: int, column: int) -> Span:
        ways = self._strokes.get((row, column), 0)
        tone = Tone.PLAIN if (row, column) in self._live else Tone.QUIET
        return Span(_STROKES.get(ways, " "), tone)


def _tracks(links: Sequence[Link]) -> dict[Spot, int]:
    """Spot -> the row in which its lines turn, so that lines of two never lie on each other.

    What ends where another begins turns below it, as far as no circle asks for more.
    """
    bent: dict[Spot, list[Link]] = {}
    for link in links:
        if link.source.middle != link.target.middle:
            bent.setdefault(link.source, []).append(link)
    rows: dict[Spot, int] = {}
    waiting = sorted(bent, key=lambda spot: spot.middle)
    while waiting:
        free = [s for s in waiting if not _must_follow(s, waiting, bent)] or waiting[:1]
        spot = free[0]
        waiting.remove(spot)
        (low, high), own = _reach(spot, bent), _targets(spot, bent)
        rows[spot] = next(
            row
            for row in range(len(bent))
            if all(
                rows[o] != row or _targets(o, bent) == own or _apart((low, high), _reach(o, bent))
                for o in rows
            )
            and all(rows[o] < row for o in rows if _ends_at(spot, o, bent))
        )
    return rows


def _must_follow(spot: Spot, waiting: Sequence[Spot], bent: Mapping[Spot, list[Link]]) -> bool:
    return any(_ends_at(spot, other, bent) for other in waiting if other is not spot)


def _ends_at(spot: Spot, other: Spot, bent: Mapping[Spot, list[Link]]) -> bool:
    """Whether a line of `spot` goes down where that of `other` comes down."""
    return any(link.target.middle == other.middle for link in bent[spot])


def _reach(spot: Spot, bent: Mapping[Spot, list[Link]]) -> tuple[int, int]:
    columns = [spot.middle, *(link.target.middle for link in bent[spot])]
    return min(columns), max(columns)


def _targets(spot: Spot, bent: Mapping[Spot, list[Link]]) -> set[int]:
    """What leads to the very same places may lie on one line."""
    return {link.target.middle for link in bent[spot]}


def _apart(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[1] < other[0] or other[1] < one[0]

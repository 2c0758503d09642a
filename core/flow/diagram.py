"""A graph as a text that other programs draw: Mermaid for documents, DOT for Graphviz.

Names are data of people and hosts, and stand in texts of two languages here. Nodes are therefore
called by numbers, and whatever is not a letter, a digit or plain punctuation is written by its code:
no name ends its quotes, begins a directive, or is taken for markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from core.domain.display import safe_text
from core.domain.run import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnNode:
    """A node of the picture."""

    name: str
    """What edges call it."""
    kind: str = ""
    """A word of `OUTLINES`; any other is drawn as a box."""
    title: str = ""
    """What people read; empty: its name."""
    state: RunState | None = None
    """How it went, where the picture shows a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnEdge:
    """An arrow of the picture; both ends are names of its nodes."""

    source: str
    target: str
    label: str = ""


class Direction(StrEnum):
    """Where arrows lead; the word of both languages."""

    DOWN = "TB"
    RIGHT = "LR"


class Outline(StrEnum):
    """What is drawn around a title."""

    BOX = "box"
    ROUND = "round"
    DIAMOND = "diamond"
    DOUBLE = "double"
    SLANTED = "slanted"


OUTLINES: Mapping[str, Outline] = {
    **dict.fromkeys(("start", "end", "wait"), Outline.ROUND),
    **dict.fromkeys(("exclusive", "parallel", "inclusive", "converge"), Outline.DIAMOND),
    **dict.fromkeys(("run", "for-each", "loop"), Outline.DOUBLE),
    **dict.fromkeys(("approval", "note"), Outline.SLANTED),
}
"""Kind of node -> its outline."""

Colours: TypeAlias = Mapping[RunState, str]
"""State -> colour of its filling, `#rrggbb`."""

_GOOD, _PARTLY, _BAD, _BUSY, _WAITING, _NOT_DONE, _UNKNOWN = (
    "#99d8c5", "#f5d78e", "#eeb48c", "#9fd3f2", "#e6e6e6", "#f7f7f7", "#e3bcd2",
)  # fmt: skip

COLOURS: Colours = {
    RunState.CREATED: _WAITING,
    RunState.QUEUED: _WAITING,
    RunState.RUNNING: _BUSY,
    RunState.WAITING_USER: _WAITING,
    RunState.BATCH_WAITING: _WAITING,
    RunState.SUSPENDED: _WAITING,
    RunState.STOPPING: _BUSY,
    RunState.SUCCEEDED: _GOOD,
    RunState.PARTIALLY_SUCCEEDED: _PARTLY,
    RunState.FAILED: _BAD,
    RunState.ERROR_IGNORED: _PARTLY,
    RunState.SKIPPED: _NOT_DONE,
    RunState.STOPPED: _NOT_DONE,
    RunState.REJECTED: _BAD,
    RunState.TIMED_OUT: _BAD,
    RunState.ABNORMAL: _UNKNOWN,
    RunState.ABANDONED: _UNKNOWN,
    RunState.ROLLING_BACK: _BUSY,
    RunState.ROLLED_BACK: _NOT_DONE,
    RunState.ROLLBACK_FAILED: _BAD,
}
"""Light shades of colours that colour-blind people tell apart (Okabe and Ito), under black text."""


def mermaid(
    nodes: Sequence[DrawnNode],
    edges: Sequence[DrawnEdge],
    *,
    direction: Direction = Direction.RIGHT,
    colours: Colours | None = None,
) -> str:
    """A Mermaid flowchart. With `colours`, nodes that have a state are filled and say it in words."""
    numbers = _numbers(nodes, edges)
    lines = [f"flowchart {direction}"]
    for node in nodes:
        left, right = _MERMAID[_outline(node)]
        state = f":::{node.state}" if colours and node.state in colours else ""
        lines.append(f'{numbers[node.name]}{left}"{_coded(_title(node, colours))}"{right}{state}')
    for edge in edges:
        label = f'|"{_coded(edge.label)}"|' if _one_line(edge.label) else ""
        lines.append(f"{numbers[edge.source]} -->{label} {numbers[edge.target]}")
    for state, colour in _used(nodes, colours):
        lines.append(f"classDef {state} fill:{colour},stroke:#333333,color:#000000")
    return "\n  ".join(lines) + "\n"


def dot(
    nodes: Sequence[DrawnNode],
    edges: Sequence[DrawnEdge],
    *,
    direction: Direction = Direction.RIGHT,
    colours: Colours | None = None,
) -> str:
    """A digraph for Graphviz. With `colours`, as `mermaid` does it."""
    numbers = _numbers(nodes, edges)
    lines = ["digraph flow {", f"rankdir={direction}"]
    for node in nodes:
        colour = (colours or {}).get(node.state) if node.state else None
        fill = f', fillcolor="{colour}"' if colour else ""
        label = _quoted(_title(node, colours))
        lines.append(f"{numbers[node.name]} [label={label}, {_DOT[_outline(node)](fill)}]")
    for edge in edges:
        label = f" [label={_quoted(edge.label)}]" if _one_line(edge.label) else ""
        lines.append(f"{numbers[edge.source]} -> {numbers[edge.target]}{label}")
    return "\n  ".join(lines) + "\n}\n"


_MERMAID: Mapping[Outline, tuple[str, str]] = {
    Outline.BOX: ("[", "]"),
    Outline.ROUND: ("([", "])"),
    Outline.DIAMOND: ("{", "}"),
    Outline.DOUBLE: ("[[", "]]"),
    Outline.SLANTED: ("[/", "/]"),
}


def _dot_shape(shape: str, *styles: str) -> Callable[[str], str]:
    def attributes(fill: str) -> str:
        style = ",".join([*styles, "filled"] if fill else styles)
        return f"shape={shape}" + (f', style="{style}"' if style else "") + fill

    return attributes


_DOT: Mapping[Outline, Callable[[str], str]] = {
    Outline.BOX: _dot_shape("box"),
    Outline.ROUND: _dot_shape("box", "rounded"),
    Outline.DIAMOND: _dot_shape("diamond"),
    Outline.DOUBLE: _dot_shape("box", "diagonals"),
    Outline.SLANTED: _dot_shape("parallelogram"),
}


def _numbers(nodes: Sequence[DrawnNode], edges: Sequence[DrawnEdge]) -> dict[str, str]:
    """Name -> what the node is called in the text."""
    numbers = {node.name: f"n{place}" for place, node in enumerate(nodes, 1)}
    assert len(numbers) == len(nodes), "two nodes of one name"
    assert all(edge.source in numbers and edge.target in numbers for edge in edges), "loose edge"
    return numbers


def _outline(node: DrawnNode) -> Outline:
    return OUTLINES.get(node.kind, Outline.BOX)


def _title(node: DrawnNode, colours: Colours | None) -> str:
    """Colour is never the only sign: the state is there in words too."""
    title = _one_line(node.title) or _one_line(node.name)
    return f"{title}, {node.state.replace('_', ' ')}" if colours and node.state else title


def _used(nodes: Sequence[DrawnNode], colours: Colours | None) -> Iterator[tuple[RunState, str]]:
    """The colours of states that nodes have, in the order of the states."""
    found = {node.state for node in nodes}
    return (
        (state, colours[state]) for state in RunState if colours and state in found & set(colours)
    )


_CODED = re.compile(r"(?<![^\W_])-|-(?![^\W_])|[^\w ,-]|_")
"""What is written by its code in Mermaid: all but letters, digits, blanks, commas, and hyphens within
words. Dots begin lists and addresses, and underscores lean text, wherever a label is read as Markdown.
"""


def _coded(text: str) -> str:
    """For the quotes of Mermaid, where `#35;` is a character by its code."""
    return _CODED.sub(lambda found: f"#{ord(found[0])};", _one_line(text))


def _quoted(text: str) -> str:
    """A string of DOT that means just this: backslashes are doubled, entities taken apart."""
    plain = _one_line(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def _one_line(text: str) -> str:
    """What would be obeyed, or would hide something, by its code."""
    return " ".join(safe_text(text).split())

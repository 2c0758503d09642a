"""A flow as a drawing in cells: layers, and lines that never lie on each other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest

from console.cells import width
from console.presenters.graph import Box, Drawing, drawn
from console.presenters.layers import GAP, layered
from console.presenters.text import Span, Tone, plain
from core.domain.flow import parse_edges

WAITS = Span("◦ not begun", Tone.QUIET)


def draw(*edges: str, begun: Mapping[str, Span] | None = None, cells: int = 80) -> Drawing | None:
    known = begun or {}
    wires = [edge for text in edges for edge in parse_edges(text)]
    names = dict.fromkeys(name for edge in wires for name in (edge.source, edge.target))
    boxes = {
        name: Box(name=name, state=known.get(name, WAITS), has_begun=name in known)
        for name in names
    }
    return drawn(boxes, wires, cells)


def picture(*edges: str, cells: int = 80) -> list[str]:
    drawing = draw(*edges, cells=cells)
    assert drawing is not None
    return [plain(line).rstrip() for line in drawing.lines]


def test_one_after_the_other() -> None:
    assert picture("a -> b") == [
        "┌─────────────┐",
        "│ a           │",
        "│ ◦ not begun │",
        "└─────────────┘",
        "       ▾",
        "┌─────────────┐",
        "│ b           │",
        "│ ◦ not begun │",
        "└─────────────┘",
    ]


def test_ways_part_and_meet_and_say_when() -> None:
    assert picture("a -> b, c -> d", "a -> e on failure")[4:6] == [
        "       ┌─────────────────┼─────────────────┐",
        "       ▾                 ▾                 ▾ on failure",
    ]


def test_a_way_past_a_layer_goes_beside_it() -> None:
    assert picture("a -> b -> c", "a -> c")[4:12] == [
        "       ┌─────┴────┐",
        "       ▾          │",
        "┌─────────────┐   │",
        "│ b           │   │",
        "│ ◦ not begun │   │",
        "└─────────────┘   │",
        "       └─────┬────┘",
        "             ▾",
    ]


def test_lines_of_two_turn_in_rows_of_their_own() -> None:
    """On one row nobody could tell which box leads where."""
    assert picture("a -> y", "a -> z", "b -> x", "b -> y")[4:7] == [
        "       ┌────────┴────────┐        │",
        "       │                 ├────────┴────────┐",
        "       ▾                 ▾                 ▾",
    ]


@pytest.mark.parametrize("cells", [14, 30])
def test_what_is_too_wide_is_no_drawing(cells: int) -> None:
    assert draw("a -> b, c, d, e", cells=cells) is None


def test_what_matters_now_is_found_with_what_led_to_it() -> None:
    done = Span("✓ ok", Tone.GOOD)
    drawing = draw("a -> b -> c -> d", begun={"a": done, "b": done, "c": Span("✗ no", Tone.BAD)})

    assert drawing is not None
    assert "┌" in plain(drawing.lines[drawing.focus])
    assert "b" in plain(drawing.lines[drawing.focus + 1])


def test_ways_that_were_gone_stand_out() -> None:
    done = Span("✓ ok", Tone.GOOD)
    drawing = draw("a -> b", "a -> c", begun={"a": done, "b": done})
    assert drawing is not None
    arrows = [span for line in drawing.lines for span in line if "▾" in span.text]

    assert {span.tone for span in arrows} == {Tone.PLAIN, Tone.QUIET}


def test_chinese_and_hostile_names_keep_the_frame_straight() -> None:
    state = Span("✓ 成功", Tone.GOOD)
    edges = list(parse_edges("a -> b"))
    boxes = {
        "a": Box(name="部署\x1b[31m生产", state=state, has_begun=True),
        "b": Box(name="b" * 60, state=state, has_begun=True),
    }
    drawing = drawn(boxes, edges, 80)
    assert drawing is not None
    lines = [plain(line) for line in drawing.lines]

    assert "\x1b" not in "".join(lines)
    assert len({width(line.strip()) for line in lines[:4]}) == 1
    assert len({width(line.strip()) for line in lines[5:]}) == 1


def test_nodes_of_a_layer_stand_apart() -> None:
    found = layered(dict.fromkeys("abcde", 15), [("a", x) for x in "bcde"])
    layer = sorted(found.layers[1], key=lambda spot: spot.left)

    for left, right in pairwise(layer):
        assert right.left >= left.left + left.width + GAP
    assert found.width == max(s.left + s.width for s in layer)


def test_many_layers_are_drawn_in_no_time() -> None:
    names = {f"n{number}": 15 for number in range(200)}
    edges = [(f"n{number}", f"n{number + 1}") for number in range(199)]

    assert len(layered(names, edges).layers) == 200

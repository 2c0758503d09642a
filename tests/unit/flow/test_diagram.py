"""Graphs as texts for Mermaid and Graphviz: their shape, and that no name can break out of it.

Neither program is here. `read_mermaid` and `read_dot` are doubles that know the few forms we write
and the escapes that the programs know; anything else in a text fails the test.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.display import safe_text
from core.domain.run import RunState
from core.flow.diagram import (
    COLOURS,
    OUTLINES,
    Direction,
    DrawnEdge,
    DrawnNode,
    dot,
    mermaid,
)

HOSTILE = [
    'a"b',
    'a\\"b\\',
    '"]; click n1 "javascript:alert(1)"',
    '" [URL="http://x"]',
    "%%{init: {'theme': 'dark'}}%%",
    "%% comment",
    "<b>x</b><script>alert(1)</script>",
    "#quot; #35; &lt; &#34;",
    "`code` **bold** _lean_",
    "1. list",
    "- list",
    "www.example.com",
    "a\nb\r\nc",
    "\\N \\G \\l",
    "style: a # b; c",
    "classDef x fill:red;",
    "end",
    "subgraph",
    "--> n2",
    "a|b|c",
    "{}[]()",
    "fa:fa-car",
    "数据 → 部署",
    "😀",
    "\u202etxt\x1b[31m",
    "\ud800",
    "x" * 500,
]


def shown(text: str) -> str:
    """What a person should see of a text."""
    return " ".join(safe_text(text).split())


# ------------------------------------------------------------------ doubles of the two programs

_ID = r"n[0-9]+"
_LABEL = r'"((?:[^\W_]|[ ,-]|#[0-9]+;)*)"'
_MERMAID = {
    "node": re.compile(
        rf"({_ID})(\(\[|\[\[|\[/|\[|{{)" + _LABEL + r"(\]\)|\]\]|/\]|\]|})(:::\w+)?"
    ),
    "edge": re.compile(rf"({_ID}) -->(?:\|{_LABEL}\|)? ({_ID})"),
    "class": re.compile(r"classDef (\w+) fill:#[0-9a-f]{6},stroke:#333333,color:#000000"),
}
_STRING = r'"((?:[^"\\]|\\\\|\\")*)"'
_DOT = {
    "node": re.compile(
        rf"({_ID}) \[label={_STRING}, shape=(\w+)(?:, style=\"([a-z,]+)\")?(?:, fillcolor=\"(#\w+)\")?\]"
    ),
    "edge": re.compile(rf"({_ID}) -> ({_ID})(?: \[label={_STRING}\])?"),
}


def read_mermaid(text: str) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Node -> its label, and edges with theirs, as Mermaid reads them."""
    first, *lines = text.splitlines()
    assert re.fullmatch("flowchart (TB|LR)", first)

    def decoded(label: str) -> str:
        return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label)

    nodes, edges = {}, []
    for line in lines:
        if match := _MERMAID["node"].fullmatch(line.strip()):
            nodes[match[1]] = decoded(match[3])
        elif match := _MERMAID["edge"].fullmatch(line.strip()):
            edges.append((match[1], match[3], decoded(match[2] or "")))
        else:
            assert _MERMAID["class"].fullmatch(line.strip()), line
    return nodes, edges


def read_dot(text: str) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """The same for Graphviz: `\\"` in a string, then `\\\\` and entities in a label."""
    first, second, *lines, last = text.splitlines()
    assert (first, last) == ("digraph flow {", "}")
    assert re.fullmatch("  rankdir=(TB|LR)", second)

    def decoded(label: str) -> str:
        plain = re.sub(r"\\(.)", r"\1", label)
        assert not re.search(r"&(?!amp;)", plain)
        return plain.replace("&amp;", "&")

    nodes, edges = {}, []
    for line in lines:
        if match := _DOT["node"].fullmatch(line.strip()):
            nodes[match[1]] = decoded(match[2])
        else:
            match = _DOT["edge"].fullmatch(line.strip())
            assert match, line
            edges.append((match[1], match[2], decoded(match[3] or "")))
    return nodes, edges


# ---------------------------------------------------------------------------------------- tests

NODES = [
    DrawnNode(name="start", kind="start"),
    DrawnNode(name="build-web", kind="command", title="Build the site", state=RunState.FAILED),
    DrawnNode(name="choose", kind="exclusive", state=RunState.SUCCEEDED),
    DrawnNode(name="ask", kind="approval", state=RunState.WAITING_USER),
    DrawnNode(name="inner", kind="for-each"),
]
EDGES = [
    DrawnEdge(source="start", target="build-web"),
    DrawnEdge(source="build-web", target="choose", label="params.count > 3"),
]


def test_mermaid_has_a_line_for_each_node_and_edge() -> None:
    assert mermaid(NODES, EDGES, direction=Direction.DOWN).splitlines() == [
        "flowchart TB",
        '  n1(["start"])',
        '  n2["Build the site"]',
        '  n3{"choose"}',
        '  n4[/"ask"/]',
        '  n5[["inner"]]',
        "  n1 --> n2",
        '  n2 -->|"params#46;count #62; 3"| n3',
    ]


def test_mermaid_colours_states_and_says_them_in_words() -> None:
    lines = mermaid(NODES, [], colours=COLOURS).splitlines()
    assert lines[1:4] == [
        '  n1(["start"])',
        '  n2["Build the site, failed"]:::failed',
        '  n3{"choose, succeeded"}:::succeeded',
    ]
    assert lines[6:] == [
        f"  classDef {state} fill:{COLOURS[state]},stroke:#333333,color:#000000"
        for state in (RunState.WAITING_USER, RunState.SUCCEEDED, RunState.FAILED)
    ]
    assert "waiting user" in lines[4]


def test_dot_has_a_line_for_each_node_and_edge() -> None:
    assert dot(NODES, EDGES).splitlines() == [
        "digraph flow {",
        "  rankdir=LR",
        '  n1 [label="start", shape=box, style="rounded"]',
        '  n2 [label="Build the site", shape=box]',
        '  n3 [label="choose", shape=diamond]',
        '  n4 [label="ask", shape=parallelogram]',
        '  n5 [label="inner", shape=box, style="diagonals"]',
        "  n1 -> n2",
        '  n2 -> n3 [label="params.count > 3"]',
        "}",
    ]


def test_dot_colours_states_and_says_them_in_words() -> None:
    text = dot(NODES, [], colours=COLOURS)
    failed = COLOURS[RunState.FAILED]
    assert (
        f'label="Build the site, failed", shape=box, style="filled", fillcolor="{failed}"' in text
    )
    assert 'n1 [label="start", shape=box, style="rounded"]' in text


def test_every_state_has_a_colour_and_only_known_kinds_an_outline() -> None:
    assert set(COLOURS) == set(RunState)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in COLOURS.values())
    assert "command" not in OUTLINES


@pytest.mark.parametrize(("write", "read"), [(mermaid, read_mermaid), (dot, read_dot)])
def test_a_hostile_name_is_a_text_and_nothing_else(write, read) -> None:  # type: ignore[no-untyped-def]
    nodes = [DrawnNode(name=name, kind=name) for name in HOSTILE]
    edges = [DrawnEdge(source=name, target=HOSTILE[0], label=name) for name in HOSTILE]
    labels, arrows = read(write(nodes, edges))
    assert list(labels.values()) == [shown(name) for name in HOSTILE]
    assert [label for _source, _target, label in arrows] == [shown(name) for name in HOSTILE]
    assert [(source, target) for source, target, _label in arrows] == [
        (f"n{place}", "n1") for place in range(1, len(HOSTILE) + 1)
    ]


@given(st.text(st.characters(), max_size=20), st.sampled_from([None, *RunState]))
def test_any_text_is_drawn_as_it_is_shown(text: str, state: RunState | None) -> None:
    nodes = [DrawnNode(name="a", title=text, state=state), DrawnNode(name="b")]
    edges = [DrawnEdge(source="a", target="b", label=text)]
    for write, read in ((mermaid, read_mermaid), (dot, read_dot)):
        labels, ((source, target, label),) = read(write(nodes, edges, colours=COLOURS))
        said = f", {state.replace('_', ' ')}" if state else ""
        assert labels == {"n1": f"{shown(text) or 'a'}{said}".strip(), "n2": "b"}
        assert (source, target, label) == ("n1", "n2", shown(text))

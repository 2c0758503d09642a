"""Folded host ranges: what they stand for, how they are written, where they are wrong."""

from __future__ import annotations

import pytest

from core.domain.hostrange import MAX_NAMES, expand, fold
from core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("web1", ["web1"]),
        ("web[1-3]", ["web1", "web2", "web3"]),
        ("web[01-03,07]", ["web01", "web02", "web03", "web07"]),
        ("web[8-11]", ["web8", "web9", "web10", "web11"]),
        ("web[08-11]", ["web08", "web09", "web10", "web11"]),
        ("[1-2]a", ["1a", "2a"]),
        ("rack[1-2]-node[1,3]", ["rack1-node1", "rack1-node3", "rack2-node1", "rack2-node3"]),
        ("a[0]b[00]", ["a0b00"]),
        ("web[ 1 - 2 , 4 ] , db1", ["db1", "web1", "web2", "web4"]),
        ("web2,web1,web[1-2]", ["web1", "web2"]),
        ("数据[1-2]", ["数据1", "数据2"]),
        ("  ", []),
    ],
)
def test_a_range_expands_to_unique_names_in_natural_order(text: str, names: list[str]) -> None:
    assert expand(text) == tuple(names)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["web1"], "web1"),
        (["web2", "web1", "web3", "web1"], "web[1-3]"),
        (["web01", "web02", "web03", "web07", "db1"], "db1,web[01-03,07]"),
        (["w9", "w10", "w11"], "w[9-11]"),
        (["w09", "w10", "w11"], "w[09-11]"),
        (["w9", "w09", "w10"], "w[9,09-10]"),
        (["w0", "w1", "w00"], "w[0-1,00]"),
        ([f"r{r}-n{n:02}" for r in (1, 2) for n in (1, 2, 4)], "r[1-2]-n[01-02,04]"),
        (["10.0.0.1", "10.0.0.2", "10.0.1.1"], "10.0.0.[1-2],10.0.1.1"),
        (["web1", "web1a", "web2", "web2a"], "web[1-2],web[1-2]a"),
        (["b2", "a10", "a2"], "a[2,10],b2"),
        (["1" * 30, "1" * 29 + "2"], "1" * 30 + "," + "1" * 29 + "2"),
    ],
)
def test_names_fold_to_the_shortest_usual_text(names: list[str], text: str) -> None:
    assert fold(names) == text


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("web[1-3", 4, "never closed"),
        ("web[1", 4, "never closed"),
        ("web[", 4, "never closed"),
        ("web]", 4, "closes nothing"),
        ("web[3-1]", 5, "runs backwards"),
        ("web[1-010]", 7, "same width"),
        ("web[01-100]", 8, "same width"),
        ("web[a]", 5, "a number or a range"),
        ("web[]", 5, "a number or a range"),
        ("web[1,]", 7, "a number or a range"),
        ("web[1:3]", 6, "does not belong in a range"),
        ("web[1-2-3]", 8, "one `-`"),
        ("a,,b", 3, "a host name is missing"),
        ("a/b", 2, "cannot be part of a host name"),
        ("x[1234567890123456789]", 3, "18 digits"),
        ("web[1-999999]", 1, "more than 100,000 names"),
        ("a[1-60000],b[1-60000]", 12, "more than 100,000 names"),
        ("a[1-999999999999999999]b[1-999999999999999999]", 1, "more than 100,000 names"),
    ],
)
def test_an_error_points_at_the_character(text: str, column: int, what: str) -> None:
    with pytest.raises(Invalid) as caught:
        expand(text)
    (problem,) = caught.value.problems
    assert problem.where == f"column {column}"
    assert what in problem.what


def test_the_largest_allowed_range_is_expanded() -> None:
    assert len(expand(f"web[1-{MAX_NAMES}]")) == MAX_NAMES


def test_a_backwards_range_is_answered_with_the_right_one() -> None:
    with pytest.raises(Invalid) as caught:
        expand("web[12-3]")
    assert caught.value.problems[0].hint == "write 3-12"

"""`::set` lines in output, and the one value of several hosts."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.captures import (
    MAX_PROBLEMS,
    Captured,
    OutputRule,
    OutputValue,
    SetLines,
    merge_outputs,
)
from core.errors import Invalid


def capture(*pieces: bytes, max_value_bytes: int = 64, max_names: int = 3) -> Captured:
    lines = SetLines(max_value_bytes=max_value_bytes, max_names=max_names)
    for piece in pieces:
        lines.feed(piece)
    return lines.finish()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"::set v=1.4.2::", "1.4.2"),
        (b"::set v=::", ""),
        (b"::set v= a b ::", " a b "),
        (b"::set v=a=b::c::", "a=b::c"),
        (b"::set v=:::", ":"),
        (b"::set v=one%0Atwo%0dthree::", "one\ntwo\rthree"),
        (b"::set v=100%25 of %250A, 5%::", "100% of %0A, 5%"),
        ("::set v=名😀::".encode(), "名😀"),
    ],
)
def test_a_set_line_gives_its_value(line: bytes, value: str) -> None:
    assert capture(b"before\n", line, b"\nafter\n") == Captured({"v": value}, ())


def test_windows_line_ends_are_no_part_of_the_value() -> None:
    assert capture(b"::set a=1::\r\n::set b=2::\r\n").values == {"a": "1", "b": "2"}


def test_the_last_line_counts_without_its_newline() -> None:
    assert capture(b"done\n::set a=1::").values == {"a": "1"}


def test_a_name_set_twice_keeps_its_last_value() -> None:
    assert capture(b"::set a=1::\n::set b=2::\n::set a=3::\n").values == {"a": "3", "b": "2"}


@pytest.mark.parametrize(
    "line", [b" ::set a=1::", b"+ echo ::set a=1::", b"::setting a=1::", b"::SET a=1::", b"::set\n"]
)
def test_only_lines_that_begin_with_set_count(line: bytes) -> None:
    assert capture(line + b"\n") == Captured({}, ())


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"::set a=1", "write ::set name=value::"),
        (b"::set a=1:", "write ::set name=value::"),
        (b"::set a::", "write ::set name=value::"),
        (b"::set =1::", "the name of a variable is empty"),
        (b"::set a b=1::", "' ' at character 2"),
        (b"::set 1a=1::", "'1' at character 1"),
        ("::set ä=1::".encode(), "cannot name a variable"),
        (b"::set a=" + b"x" * 65 + b"::", "longer than 64 bytes"),
        (b"::set a=" + b"x" * 10_000 + b"::", "longer than 64 bytes"),
        (b"::set a=\xff::", "the value of a is not UTF-8 text"),
        (b"::set a=\0::", "the value of a holds a NUL character"),
    ],
)
def test_a_bad_set_line_is_a_problem_at_its_line(line: bytes, complaint: str) -> None:
    captured = capture(b"one\ntwo\n" + line + b"\n::set good=1::\n")

    assert captured.values == {"good": "1"}
    (problem,) = captured.problems
    assert problem.where == "line 3"
    assert complaint in problem.what


def test_lines_that_are_skipped_in_pieces_are_counted() -> None:
    captured = capture(b"or", b"din", b"ary\n", b"x", b"\n::set wr", b"ong\n")

    assert [problem.where for problem in captured.problems] == ["line 3"]


def test_a_value_of_exactly_the_longest_length_is_taken_even_when_all_is_escaped() -> None:
    assert capture(b"::set a=" + b"%0A" * 64 + b"::\n").values == {"a": "\n" * 64}


def test_one_name_too_many_is_a_problem_and_known_names_may_still_change() -> None:
    captured = capture(b"::set a=1::\n::set b=1::\n::set c=1::\n::set d=1::\n::set a=2::\n")

    assert captured.values == {"a": "2", "b": "1", "c": "1"}
    assert [str(problem) for problem in captured.problems] == [
        "line 4: d is one name too many; at most 3 can be set"
    ]


def test_problems_are_counted_out_after_a_while() -> None:
    assert len(capture(b"::set wrong\n" * 1000).problems) == MAX_PROBLEMS


@pytest.mark.parametrize("start", [b"", b"::set a=", b"::set a"])
def test_a_line_of_ten_megabytes_costs_no_memory(start: bytes) -> None:
    lines = SetLines()
    lines.feed(start)
    piece = b"x" * 65536
    tracemalloc.start()
    for _ in range(160):
        lines.feed(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    lines.feed(b"\n::set good=1::\n")

    assert peak < 1_000_000
    assert lines.finish().values == {"good": "1"}


PIECES = st.sampled_from(
    [
        b"::",
        b"set ",
        b"::set ",
        b"a",
        b"=",
        b"\n",
        b"\r",
        b"%0A",
        b"\xff",
        b"x" * 70,
        b"y" * 400,
        b"::set bad\n",
    ]
)


@given(st.lists(PIECES, max_size=30).map(b"".join), st.data())
def test_where_the_stream_is_cut_does_not_matter(output: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(output)), max_size=10)))
    pieces = [output[a:b] for a, b in zip([0, *cuts], [*cuts, len(output)], strict=True)]

    assert capture(*pieces) == capture(output)
    assert capture(*(bytes([byte]) for byte in output)) == capture(output)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_any_text_can_be_set_when_it_is_escaped(value: str) -> None:
    escaped = value.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")

    captured = capture(f"::set v={escaped}::\n".encode(), max_value_bytes=200)

    assert captured == Captured({"v": value}, ())


def test_equal_values_of_all_hosts_are_the_value() -> None:
    pairs: list[tuple[str, OutputValue]] = [
        ("web02", {"a": 1, "b": 2}),
        ("web01", {"b": 2, "a": 1}),
    ]

    assert merge_outputs(pairs, OutputRule.FAIL, name="v") == {"a": 1, "b": 2}


def test_different_values_fail_and_name_the_hosts_but_not_the_values() -> None:
    pairs = [(f"web{number:02}", "private-a") for number in range(8)] + [("db1", "private-b")]

    with pytest.raises(Invalid) as refusal:
        merge_outputs(pairs, OutputRule.FAIL, name="version")

    assert str(refusal.value) == (
        "the hosts set 2 different values for output version: output version: these differ from "
        "each other: web00, web01, web02, web03, web04 and 3 more | db1 "
        "(let the step's `outputs` be first_by_order or collect)"
    )


@pytest.mark.parametrize(("left", "right"), [(1, True), (1, 1.0), (0, False), ("1", 1)])
def test_values_that_python_calls_equal_but_json_does_not_are_different(
    left: OutputValue, right: OutputValue
) -> None:
    with pytest.raises(Invalid, match="2 different values"):
        merge_outputs([("a", left), ("b", right)], OutputRule.FAIL, name="v")


def test_first_by_order_takes_the_first_host() -> None:
    pairs = [("web02", "b"), ("web01", "a")]

    assert merge_outputs(pairs, OutputRule.FIRST_BY_ORDER, name="v") == "b"


def test_collect_keeps_every_host() -> None:
    pairs = [("web02", "b"), ("web01", "a")]

    assert merge_outputs(pairs, OutputRule.COLLECT, name="v") == {"web02": "b", "web01": "a"}
    assert merge_outputs([], OutputRule.COLLECT, name="v") == {}


@pytest.mark.parametrize("rule", [OutputRule.FAIL, OutputRule.FIRST_BY_ORDER])
def test_an_output_that_no_host_set_is_refused(rule: OutputRule) -> None:
    with pytest.raises(Invalid, match="no host set output v"):
        merge_outputs([], rule, name="v")

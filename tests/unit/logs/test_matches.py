"""Every occurrence is gone to once, in order, whatever chunk it ends in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.logs.log import Log
from console.logs.matches import BEFORE_ALL, Matches, Missing, Spot
from core.domain.occurrences import count_ending_in, found_in, shown_text
from tests.support.printed import Printed, piece, printed, texts, who


def counted(made: Printed, words: str) -> Matches:
    """As the engine counts: by chunk, of streams that stand together."""
    found: list[tuple[int, int]] = []
    matches = Matches(words)
    before, last = b"", None
    for number, (host, pieces) in enumerate(made.chunks, start=1):
        count = 0
        for each in pieces:
            if (host, each.stream) != last:
                before, last = b"", (host, each.stream)
            count += count_ending_in(each.data, before, matches.folded)
            before += each.data
        if count:
            found.append((number * 3, count))
    matches.add(found, len(made.chunks) * 3, more=False)
    return matches


def walk(made: Printed, log: Log, matches: Matches, *, forwards: bool) -> list[Spot]:
    spot = BEFORE_ALL if forwards else Spot(log.rows, 0)
    found: list[Spot] = []
    while True:
        step = matches.after if forwards else matches.before
        answer = step(log, spot)
        while isinstance(answer, Missing):
            made.fill(log, answer.numbers)
            answer = step(log, spot)
        if answer is None:
            return found
        found.append(answer)
        spot = answer


def test_occurrences_are_gone_to_in_order_and_numbered() -> None:
    made = printed(b"error one\nfine\nan er", b"ror, and an error\n", b"nothing\n", b"ERROR")
    log = made.log(filled=False)
    matches = counted(made, "error")
    assert matches.total == 4
    spots = walk(made, log, matches, forwards=True)
    assert spots == [Spot(0, 0), Spot(2, 0), Spot(2, 1), Spot(4, 0)]
    assert [matches.ordinal(log, spot) for spot in spots] == [1, 2, 3, 4]
    assert walk(made, log, matches, forwards=False) == spots[::-1]
    assert matches.ordinal(log, Spot(1, 0)) is None


def test_only_chunks_with_occurrences_are_asked_for() -> None:
    made = printed(*[b"fine\n"] * 50, b"error\n", *[b"fine\n"] * 50)
    log = made.log(filled=False)
    matches = counted(made, "error")
    assert matches.after(log, BEFORE_ALL) == Missing([153])
    assert matches.before(log, Spot(log.rows, 0)) == Missing([153])


def test_what_the_log_does_not_know_yet_is_not_gone_to() -> None:
    made = printed(b"x\n", b"x\n")
    matches, log = counted(made, "x"), Log()
    assert matches.after(log, BEFORE_ALL) is None
    log.add(made.entries()[:1])
    made.fill(log, [3])
    assert walk(made, log, matches, forwards=True) == [Spot(0, 0)]


def test_from_any_row_the_next_one_is_found() -> None:
    made = printed(b"x\n.\nx\n", b".\nx\n")
    log = made.log()
    matches = counted(made, "x")
    assert matches.after(log, Spot(0, -1)) == Spot(0, 0)
    assert matches.after(log, Spot(1, -1)) == Spot(2, 0)
    assert matches.before(log, Spot(1, -1)) == Spot(0, 0)
    assert matches.before(log, Spot(0, 0)) is None
    assert matches.after(log, Spot(4, 0)) is None


words = st.text(st.sampled_from("aAb磁ß"), min_size=1, max_size=3)
lines = st.text(st.sampled_from("aAb\n磁ß "), min_size=1, max_size=8).map(str.encode)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([who("a"), who("b", 1)]),
            st.lists(
                st.builds(piece, lines, st.sampled_from(["out", "err"])), min_size=1, max_size=3
            ),
        ),
        min_size=1,
        max_size=8,
    ),
    words,
)
def test_what_is_gone_to_is_what_the_rows_hold(chunks: list, wanted: str) -> None:
    made = Printed(chunks)
    log = made.log()
    matches = counted(made, wanted)
    expected = [
        Spot(row, nth)
        for row, data in enumerate(texts(log))
        for nth, _hit in enumerate(found_in(shown_text(data), matches.folded))
    ]
    assert walk(made, log, matches, forwards=True) == expected
    assert walk(made, log, matches, forwards=False) == expected[::-1]
    assert matches.total == len(expected)

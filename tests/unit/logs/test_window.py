"""What a screen shows of a log, and where the cursor goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.logs.log import Log
from console.logs.matches import Matches, Missing, Spot
from console.logs.window import Window
from tests.support.printed import Printed, printed

NUMBERS = [
    b"".join(b"%d\n" % n for n in range(start, start + 100)) for start in range(0, 1000, 100)
]


def opened(made: Printed, *, filled: bool = True, cells: int = 10, height: int = 5) -> Window:
    window = Window(made.log(filled=filled))
    window.resize(cells, height)
    return window


def seen(window: Window) -> list[str]:
    return ["".join(bit.text for bit in shown.text) for shown in window.lines()]


def test_it_begins_at_the_beginning() -> None:
    window = opened(printed(*NUMBERS))
    assert seen(window) == ["0", "1", "2", "3", "4"]
    assert window.cursor == (0, 0)


def test_moving_takes_the_window_with_it_at_its_edges() -> None:
    window = opened(printed(*NUMBERS))
    window.move(6)
    assert (seen(window), window.cursor) == (["2", "3", "4", "5", "6"], (6, 0))
    window.move(-3)
    assert (seen(window), window.cursor) == (["2", "3", "4", "5", "6"], (3, 0))
    window.move(-99)
    assert (seen(window)[0], window.cursor) == ("0", (0, 0))
    window.page(1)
    assert (seen(window), window.cursor) == (["5", "6", "7", "8", "9"], (5, 0))
    window.page(0.5)
    assert (seen(window), window.cursor) == (["7", "8", "9", "10", "11"], (7, 0))


def test_jumps_need_only_the_chunks_that_they_show() -> None:
    made = printed(*NUMBERS)
    window = opened(made, filled=False)
    for jump, row in (
        (window.go_to_end, 999),
        (lambda: window.go_to_part(0.5), 500),
        (lambda: window.go_to_line(251), 250),
        (lambda: window.go_to_row(0), 0),
    ):
        jump()
        assert window.cursor == (row, 0)
        numbers = window.missing()
        assert len(numbers) <= 2
        made.fill(window.log, numbers)
        window.changed()
        assert str(row) in seen(window)


def test_rows_that_are_not_there_yet_take_a_line() -> None:
    window = opened(printed(b"a\nb\n"), filled=False)
    assert seen(window) == ["", ""]
    assert [shown.source for shown in window.lines()] == [None, None]


def test_a_long_row_is_wrapped_and_gone_through_line_by_line() -> None:
    window = opened(printed(b"x" * 75 + b"\nend\n"), height=4)
    assert seen(window) == ["x" * 10] * 4
    window.move(7)
    assert (window.cursor, seen(window)[-1]) == ((0, 7), "xxxxx")
    window.move(1)
    assert (window.cursor, seen(window)[-1]) == ((1, 0), "end")
    window.wrap(False)
    assert seen(window) == ["xxxxxxxxx>", "end"]
    window.slide(70)
    assert seen(window) == ["xxxxx", ""]


def test_following_stays_on_the_end_until_one_moves() -> None:
    made = printed(*NUMBERS)
    window = opened(made)
    window.follow(True)
    assert seen(window) == ["995", "996", "997", "998", "999"]
    made.chunks.append((made.chunks[0][0], printed(b"1000\n1001\n").chunks[0][1]))
    window.log.add(made.entries())
    made.fill(window.log, window.log.missing([1001]))
    window.changed()
    assert seen(window) == ["997", "998", "999", "1000", "1001"]
    window.move(-1)
    assert not window.follows
    assert window.cursor == (1000, 0)


def test_an_empty_log_shows_nothing_and_moves_nowhere() -> None:
    window = Window(Log())
    window.move(1)
    window.page(1)
    window.go_to_end()
    window.go_to_line(5)
    assert (seen(window), window.missing(), window.cursor) == ([], [], (0, 0))


def test_what_is_found_is_brought_into_view() -> None:
    window = opened(printed(*NUMBERS, b"x" * 200 + b"needle\n"))
    matches = Matches("needle")
    window.look_for(matches)
    assert window.find(forwards=True) is None
    matches.add([(33, 1)], 33, more=False)
    assert window.find(forwards=True) == Spot(1000, 0)
    assert window.cursor == (1000, 20)
    assert "needle" in "".join(seen(window))
    window.wrap(False)
    window.go_to_row(0)
    window.find(forwards=True)
    assert window.left == 200
    assert "needle" in "".join(seen(window))


def test_what_is_missing_for_a_search_is_said() -> None:
    window = opened(printed(*NUMBERS), filled=False)
    matches = Matches("512")
    matches.add([(18, 1)], 30, more=False)
    window.look_for(matches)
    assert window.find(forwards=True) == Missing([18])


@given(
    st.lists(st.sampled_from(["move", "page", "row", "end", "wrap", "size"]), max_size=12),
    st.data(),
)
def test_the_cursor_is_always_on_the_screen(moves: list[str], data: st.DataObject) -> None:
    window = opened(printed(b"one\n", b"y" * 33 + b"\n", *NUMBERS[:1]))
    for move in moves:
        by = data.draw(st.integers(-30, 120))
        match move:
            case "move":
                window.move(by)
            case "page":
                window.page(by / 10)
            case "row":
                window.go_to_row(by)
            case "end":
                window.go_to_end()
            case "wrap":
                window.wrap(by > 0)
            case _:
                window.resize(abs(by) + 2, abs(by) // 9 + 1)
        lines = list(window.lines())
        assert window.cursor in [(shown.row, shown.within) for shown in lines]
        assert len(lines) == min(window.height, len(lines))
        if window.log.rows > window.height:
            assert len(lines) == window.height

"""A long list as a few pages: no gap, no double, and never more than a few in memory."""

from __future__ import annotations

from console.tui.paging import MOST_PAGES, Pages

SIZE = 10


class Server:
    """A list of numbers, newest (largest) first, that is given page by page."""

    def __init__(self, count: int) -> None:
        self.numbers = [*range(count, 0, -1)]

    def page(self, cursor: str | None) -> tuple[list[int], str | None]:
        rest = [n for n in self.numbers if cursor is None or n < int(cursor)]
        page = rest[:SIZE]
        return page, str(page[-1]) if len(rest) > SIZE else None


def turn(pages: Pages[int], server: Server, by: int, *, keep_all: bool = False) -> None:
    at = pages.high + 1 if by > 0 else pages.low - 1
    items, following = server.page(pages.cursor_of(at))
    pages.put(at, items, following, keep_all=keep_all)


def opened(server: Server, turns: int = 0, *, keep_all: bool = False) -> Pages[int]:
    pages = Pages[int](str)
    for _turn in range(turns + 1):
        turn(pages, server, 1, keep_all=keep_all)
    return pages


def test_pages_follow_one_another_to_the_end() -> None:
    server = Server(35)
    pages = opened(server)

    while pages.has_more:
        turn(pages, server, 1)

    assert list(pages.items) == server.numbers


def test_a_list_of_one_page_has_no_more() -> None:
    pages = opened(Server(3))

    assert (list(pages.items), pages.has_more, pages.has_before) == ([3, 2, 1], False, False)


def test_what_lies_far_away_is_dropped_and_comes_again() -> None:
    server = Server(SIZE * (MOST_PAGES + 5))
    pages = opened(server, MOST_PAGES + 4)

    assert len(pages.items) == SIZE * MOST_PAGES
    assert pages.has_before
    assert not pages.has_more

    while pages.has_before:
        turn(pages, server, -1)

    assert list(pages.items) == server.numbers[: SIZE * MOST_PAGES]
    assert pages.has_more


def test_what_came_on_top_meanwhile_is_there_once_when_one_comes_back() -> None:
    server = Server(SIZE * (MOST_PAGES + 5))
    pages = opened(server, MOST_PAGES + 4)
    while pages.low > 1:
        turn(pages, server, -1)
    server.numbers = [*range(server.numbers[0] + 3, server.numbers[0], -1), *server.numbers]

    items, following = server.page(None)
    assert not pages.reaches(items)
    more, following = server.page(following)
    assert pages.reaches([*items, *more])
    pages.put(0, [*items, *more], following, keep_all=False)

    count = len(pages.items)
    assert list(pages.items) == server.numbers[:count]
    assert not pages.has_before


def test_nothing_is_dropped_where_everything_is_to_be_kept() -> None:
    server = Server(SIZE * (MOST_PAGES + 5))

    assert list(opened(server, MOST_PAGES + 4, keep_all=True).items) == server.numbers


def test_new_items_come_on_top() -> None:
    pages = opened(Server(35), 1)

    assert pages.on_top([37, 36, 35, 34])
    assert list(pages.items)[:4] == [37, 36, 35, 34]
    turn(pages, Server(37), 1)
    assert len(set(pages.items)) == len(pages.items) == 32


def test_items_between_would_be_missing_where_the_newest_do_not_reach() -> None:
    assert not opened(Server(35)).on_top([99, 98, 97])


def test_while_the_top_is_not_here_nothing_is_put_there() -> None:
    server = Server(SIZE * (MOST_PAGES + 5))
    pages = opened(server, MOST_PAGES + 4)
    before = list(pages.items)

    assert pages.on_top([999])
    assert list(pages.items) == before


def test_what_changed_is_exchanged_and_what_is_gone_is_left_out() -> None:
    pages = Pages[tuple[int, str]](lambda item: str(item[0]))
    pages.put(0, [(3, "old"), (2, "old"), (1, "old")], None, keep_all=False)

    pages.exchange(["3", "2"], {"3": (3, "new")})

    assert list(pages.items) == [(3, "new"), (1, "old")]

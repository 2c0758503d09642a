"""The view of what hosts printed, over a real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.cells import width
from tests.support.product import Product
from tests.tui.conftest import OpenDeck

pytestmark = pytest.mark.asyncio


def run(product: Product, script: str, hosts: str = "web1") -> str:
    """A run of a script that has ended; its id."""
    id_ = product.detached("run", "--on", hosts, script)
    product.ended(id_)
    return id_


@pytest.fixture(scope="module")
def long_run(product: Product) -> str:
    """30,000 lines, three of them with a word of their own."""
    return run(
        product,
        "seq -f 'line %g' 10000; echo needle one; echo a NEEDLE; seq 10003 29999; echo needle end",
    )


async def test_a_long_output_is_gone_through_from_end_to_end(long_run: str, deck: OpenDeck) -> None:
    async with deck(f"output {long_run} web1") as d:
        await d.see("line 1/30,000")
        await d.see("line 25")
        await d.press("G")
        await d.see("needle end")
        await d.see("line 30,000/30,000")
        await d.press("M")
        await d.see("line 15,001/30,000")
        await d.see("15001")
        await d.press("L")
        await d.see("go to a line")
        await d.type("20,000")
        await d.press("enter")
        await d.see("line 20,000/30,000")
        await d.press("g")
        await d.see("line 1/30,000")


async def test_a_search_counts_and_goes_from_match_to_match(long_run: str, deck: OpenDeck) -> None:
    async with deck(f"output {long_run} web1") as d:
        await d.see("line 1/30,000")
        await d.press("/")
        await d.type("needle")
        await d.press("enter")
        await d.see("needle  1/3")
        await d.see("line 10,001/")
        await d.press("n", "n")
        await d.see("needle  3/3")
        await d.see("needle end")
        await d.press("n")
        await d.see("no match after this")
        await d.press("N")
        await d.see("needle  2/3")
        await d.press("escape")
        await d.see(lambda text: "needle  " not in text)


async def test_several_hosts_are_merged_with_their_names(product: Product, deck: OpenDeck) -> None:
    merged = run(product, 'echo "here is $JOBDECK_HOST"; echo oops >&2', "web1,web2,数据库")
    async with deck(f"output {merged}") as d:
        text = await d.see(lambda text: text.count("oops") == 3)
        for host in ("web1", "web2", "数据库"):
            assert any(line[2:].startswith(host) for line in text.splitlines())
        assert text.count("! oops") == 3
        await d.press("e")
        await d.see(lambda text: "here is" not in text and text.count("oops") == 3)
        await d.see("only standard error")
        await d.press("e", "e")
        await d.see("here is")
        await d.press("enter")
        await d.see(lambda text: text.count("oops") == 1)
        await d.press("a")
        await d.see(lambda text: text.count("oops") == 3)


async def test_the_next_failed_host_is_a_key_away(product: Product, deck: OpenDeck) -> None:
    failed = run(product, 'echo out; test "$JOBDECK_HOST" = web1', "web1,web2,数据库")
    async with deck(f"output {failed} web1") as d:
        await d.see("success")
        await d.press("!")
        await d.see("web2  ✗ failed  exit 1")
        await d.press("!")
        await d.see("数据库  ✗ failed  exit 1")
        await d.press("!")
        await d.see("web2  ✗ failed  exit 1")


async def test_what_is_printed_comes_by_itself(product: Product, deck: OpenDeck) -> None:
    go = product.folder / "go"
    script = f"echo begun; while ! test -e {go}; do sleep 0.1; done; echo ended"
    id_ = product.detached("run", "--on", "web1", script)
    async with deck(f"output {id_} web1") as d:
        await d.see("begun")
        await d.see("following")
        go.touch()
        await d.see(lambda text: any(line[4:].startswith("ended") for line in text.splitlines()))
        await d.see(lambda text: "following" not in text)
    product.ended(id_)


async def test_hostile_output_is_shown_by_its_codes(product: Product, deck: OpenDeck) -> None:
    hostile = run(product, r"printf '\033]0;owned\007\033[2J\033[31mred\033[0m \302\2331m\n'")
    async with deck(f"output {hostile} web1") as d:
        text = await d.see("red")
        assert "\\x1b]0;owned\\x07\\x1b[2Jred \\x9b1m" in text


async def test_lines_are_copied_and_saved(product: Product, deck: OpenDeck, tmp_path: Path) -> None:
    printed = run(product, "printf 'one\\ntwo\\n\\033[1mthree\\033[0m\\n'")
    file = tmp_path / "o.txt"
    async with deck(f"output {printed} web1") as d:
        await d.see("three")
        await d.press("space", "j", "space", "c")
        await d.see("copied 2 lines")
        assert d.app.clipboard == "one\nthree"
        for said in (": 14 B", "File exists"):
            await d.press("s")
            await d.see("save the output")
            await d.type(str(file))
            await d.press("enter")
            await d.see(lambda text, said=said: said in " ".join(text.split()))
    assert file.read_text() == "one\ntwo\nthree\n"


async def test_a_search_of_all_runs_opens_the_line(product: Product, deck: OpenDeck) -> None:
    run(product, "seq 500; echo a rare zebrafish; seq 500", "web1,web2")
    async with deck("search zebraFISH") as d:
        await d.see(lambda text: text.count("a rare zebrafish") == 2)
        await d.press("enter")
        await d.see("/zebraFISH  1/1")
        await d.see("line 501/1,001")
        await d.press("escape", "escape")
        await d.see("search: zebraFISH")


async def test_nothing_printed_says_so(product: Product, deck: OpenDeck) -> None:
    silent = run(product, "true")
    async with deck(f"output {silent} web1") as d:
        await d.see("nothing was printed")


@pytest.mark.parametrize(
    ("what", "said"),
    [("", "name a run"), ("01XXXXXXX", "does not exist"), ("last only:x", "only:x is no stream")],
)
async def test_what_cannot_be_shown_says_why(deck: OpenDeck, what: str, said: str) -> None:
    async with deck(f"output {what}") as d:
        await d.see(said)


async def test_one_comes_back_to_where_one_was(long_run: str, deck: OpenDeck) -> None:
    async with deck(f"output {long_run} web1") as d:
        await d.see("line 1/30,000")
        await d.press("M")
        await d.see("line 15,001/")
        await d.press("2")
        await d.see(lambda text: "line 15,001" not in text)
        await d.press("-")
        await d.see("line 15,001/")


async def test_an_engine_that_is_killed_loses_nothing_here(
    product: Product, long_run: str, deck: OpenDeck
) -> None:
    async with deck(f"output {long_run} web1") as d:
        await d.see("line 1/30,000")
        product.kill_engine()
        await d.see("engine is away")
        await d.press("G")
        await d.see("needle end")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (200, 60)])
async def test_every_painted_row_is_as_wide_as_the_terminal(
    product: Product, deck: OpenDeck, size: tuple[int, int]
) -> None:
    texts = "宽 e\u0301 👨‍👩‍👧 ❤️ 👍🏽 🇩🇪 مرحبا क्षि \\t|tab"
    wide = run(product, f"printf '{texts * 9}\\n{texts}\\n'", "web1,数据库")
    async with deck(f"output {wide}", size=size) as d:
        await d.see("مرحبا")
        for keys in ("", "w", "t", "t", "#"):
            await d.press(*keys)
            await d.pilot.pause()
            assert {width(line) for line in d.lines()} == {size[0]}

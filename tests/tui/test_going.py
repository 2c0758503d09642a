"""What is at hand in every view: going somewhere and back, refreshing, copying, leaving."""

from __future__ import annotations

import pytest

from console.tui.views.base import View
from tests.support.product import Product
from tests.tui.conftest import OpenDeck

PLACES = {
    "1": "waits for you",
    "2": "TITLE",
    "3": "one command line on many hosts",
    "4": "[jobs]",
    "5": "[hosts]",
    "6": "no schedule yet",
    "7": "nothing waits for approval",
    "8": "no run waits",
    "9": "SUBJECT",
    "0": "stored runs",
}
"""Key -> what stands in the view that it opens."""


async def test_a_digit_opens_its_view_from_everywhere(product: Product, deck: OpenDeck) -> None:
    async with deck("settings") as d:
        await d.see("SETTING")
        for key, seen in PLACES.items():
            await d.press(key)
            await d.see(seen)


async def test_the_history_goes_back_and_forward_and_the_last_view_comes_and_goes(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("hosts") as d:
        await d.see("[hosts]")
        await d.press("8")
        await d.see("no run waits")
        await d.press("9")
        await d.see("SUBJECT")
        await d.press("[", "[")
        await d.see("[hosts]")
        await d.press("]")
        await d.see("no run waits")
        await d.press("-")
        await d.see("[hosts]")
        await d.press("-")
        await d.see("no run waits")


async def test_settings_are_reached_by_command_and_the_palette_does_what_it_lists(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("hosts") as d:
        await d.see("[hosts]")
        await d.press("colon")
        await d.type("settings")
        await d.press("enter")
        await d.see("the colours of this console")
        await d.press("ctrl+p")
        await d.see("find an action")
        await d.type("everywhere.queue")
        await d.see("Opens the view: queue.")
        await d.press("enter")
        await d.see("no run waits")


async def test_the_keys_of_the_moment_are_listed_and_can_be_chosen(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("hosts") as d:
        await d.see("web1")
        await d.press("question_mark")
        text = await d.see("keys that work now")
        assert "retry" not in text
        await d.type("target exp")
        await d.press("enter")
        await d.see("list these hosts")


async def test_refresh_asks_the_engine_again(
    product: Product, deck: OpenDeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[View] = []
    reload = View.reload
    monkeypatch.setattr(View, "reload", lambda view: (asked.append(view), reload(view))[1])
    async with deck("hosts") as d:
        await d.see("web1")
        before = len(asked)
        await d.press("ctrl+r")
        await d.see(lambda _text: len(asked) > before)


async def test_names_under_the_cursor_and_marked_ones_are_copied(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("hosts") as d:
        await d.see("web2")
        await d.press("y")
        await d.see("copied")
        assert d.app.clipboard == "web1"
        await d.press("ctrl+a", "y")
        await d.see(lambda _text: d.app.clipboard == "web1\nweb2\n数据库")


async def test_leaving_ends_the_console_and_no_run(product: Product, deck: OpenDeck) -> None:
    run = product.detached("run", "--on", "web1", "sleep 60 # goes on")
    async with deck("runs") as d:
        await d.see("# goes on")
        await d.press("q")
        await d.see(lambda _text: not d.app.is_running)
    assert product.shown(run)["run"]["state"] == "running"
    product.run("runs", "stop", run)


async def test_pages_and_ends_are_reached_in_lists_and_texts(
    product: Product, deck: OpenDeck
) -> None:
    hosts = [f"{{kind: host, name: row{at:02}, spec: {{protocol: local}}}}" for at in range(60)]
    product.apply("\n---\n".join(hosts))
    try:
        async with deck("hosts /row", size=(100, 24)) as d:
            await d.see("> row00")
            page = sum(line.strip(" >").startswith("row") for line in d.lines())
            for key, at in (
                ("ctrl+f", page),
                ("ctrl+b", 0),
                ("ctrl+d", page // 2),
                ("ctrl+u", 0),
                ("G", 59),
                ("k", 58),
                ("g", 0),
                ("j", 1),
            ):
                await d.press(key)
                await d.see(f"> row{at:02}")
        async with deck("help flows", size=(100, 24)) as d:
            await d.see("Flows: work that decides")
            first = d.lines()[1:20]
            for there, back in (("j", "k"), ("ctrl+f", "ctrl+b"), ("ctrl+d", "ctrl+u"), ("G", "g")):
                await d.press(there)
                await d.see(lambda _text: d.lines()[1:20] != first)
                await d.press(back)
                await d.see(lambda _text: d.lines()[1:20] == first)
    finally:
        product.run("delete", "host", *[f"row{at:02}" for at in range(60)], "--yes")

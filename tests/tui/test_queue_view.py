"""The queue: who waits and why, other priorities, an engine that lets nothing begin."""

from __future__ import annotations

from tests.support.product import Product
from tests.tui.conftest import OpenDeck

ALONE = """
kind: job
name: alone
spec:
  targets: web1
  max_runs: 1
  steps: [{name: wait, kind: command, command: sleep 60}]
"""


async def test_everything_in_the_way_of_a_run_stands_below_it(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(ALONE)
    holder = product.detached("start", "alone")
    waits = product.detached("start", "alone", "--priority", "low")
    async with deck("queue") as d:
        await d.see("place 1, low")
        assert "job alone has 1 of at most 1 runs" in d.text
        await d.press("m")
        await d.see("when nothing else wants to begin")
        await d.press("g", "enter")
        await d.see("place 1, urgent")
        for run in (waits, holder):
            product.run("runs", "stop", run)
        await d.see("no run waits")


async def test_freezing_wants_a_reason_and_unfreezing_ends_it(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("queue") as d:
        await d.see("no run waits")
        await d.press("z")
        text = await d.see("freeze the engine")
        assert "What has begun goes on" in text
        await d.press("enter")
        await d.see("freeze the engine")
        await d.type("an audit")
        await d.press("enter")
        await d.see("an audit")
        assert product.api("GET", "/queue").json()["admission"]["mode"] == "frozen"
        await d.press("u")
        await d.see(lambda text: "an audit" not in text)
    assert product.api("GET", "/queue").json()["admission"]["mode"] == "open"


async def test_draining_refuses_new_starts(product: Product, deck: OpenDeck) -> None:
    async with deck("queue") as d:
        await d.see("no run waits")
        await d.press("D")
        text = await d.see("drain the engine")
        assert "New starts are refused" in text
        await d.type("moving house")
        await d.press("enter")
        await d.see("moving house")
        refused = product.cli("run", "--on", "web1", "--", "true")
        assert refused.code != 0
        await d.press("u")
        await d.see(lambda text: "moving house" not in text)

"""The journal's tail, the engine's page, channels and help pages."""

from __future__ import annotations

import pytest

from tests.support.deck import open_deck
from tests.support.product import Product
from tests.tui.conftest import OpenDeck


async def test_what_happens_comes_at_the_end_without_asking(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("events") as d:
        await d.see("document.created")
        product.apply("{kind: group, name: just-now, spec: {hosts: [web1]}}")
        await d.see("group/just-now")


async def test_going_up_stops_following_and_the_end_goes_on_with_it(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("events") as d:
        await d.see("follows")
        await d.press("k")
        await d.see(lambda text: "/" in text and "follows" not in text)
        await d.press("F")
        await d.see("follows")


async def test_a_filter_is_asked_of_the_engine(product: Product, deck: OpenDeck) -> None:
    product.run("run", "--on", "web1", "true")
    async with deck("events type:run.created") as d:
        text = await d.see("run.created")
        assert "document.created" not in text
        assert d.app.view.cli() == "jobdeck events --follow --type run.created"


async def test_an_entry_opens_what_it_is_about(product: Product, deck: OpenDeck) -> None:
    product.apply(
        """
{kind: job, name: j, spec: {targets: web1, steps: [{name: s, kind: command, command: "true"}]}}
---
{kind: schedule, name: weekly, spec: {job: j, trigger: {cron: "0 8 * * 1"}}}
"""
    )
    async with deck("events subject:schedule/weekly") as d:
        await d.see("document.created")
        await d.press("enter")
        await d.see("schedule weekly")


async def test_a_healthy_engine_says_so_and_a_frozen_one_what_to_do(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("engine") as d:
        await d.see("all is well")
        product.run("engine", "freeze", "--reason", "an audit")
        text = await d.see("u lets runs begin again")
        assert "an audit" in text
        await d.press("u")
        await d.see("all is well")


async def test_what_is_wrong_with_the_home_stands_on_the_engines_page(
    product: Product, deck: OpenDeck
) -> None:
    product.home.root.chmod(0o755)
    try:
        async with deck("engine") as d:
            text = await d.see("others may look into the home folder")
            assert "chmod 700" in text
    finally:
        product.home.root.chmod(0o700)


async def test_a_backup_says_where_it_is(product: Product, deck: OpenDeck) -> None:
    async with deck("engine") as d:
        await d.see("all is well")
        await d.press("b")
        await d.see("backup of")
    assert list((product.home.root / "backups").iterdir())


async def test_nothing_old_is_nothing_to_ask_about(product: Product, deck: OpenDeck) -> None:
    async with deck("engine") as d:
        await d.see("retention")
        await d.press("X")
        await d.see("nothing is to be removed")


async def test_what_settings_keep_no_longer_goes_when_somebody_says_so() -> None:
    with Product(settings="keep_runs_count = 1\n") as product:
        product.apply("{kind: host, name: one, spec: {protocol: local}}")
        for _each in range(3):
            product.run("run", "--on", "one", "true")
        async with open_deck(product, "engine") as d:
            await d.see("retention")
            await d.press("X")
            text = await d.see("remove what is kept no longer")
            assert "It cannot be brought back." in text
            await d.press("enter")
            await d.see("removed: 2 runs")
        assert len(product.run("runs", "list", "--json").json()) == 1


async def test_a_channel_that_fails_says_why_and_a_test_tells_the_same(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(
        """
kind: channel
name: ops
spec: {webhook: {url: "http://127.0.0.1:9/x"}, wants: [{topic: run-ended}]}
"""
    )
    async with deck("channels") as d:
        await d.see("ops")
        await d.press("t")
        await d.see("error:")
    product.run("delete", "channel", "ops", "--yes")


@pytest.mark.parametrize(("view", "topic"), [("queue", "queue"), ("approvals", "approvals")])
async def test_f1_opens_the_page_of_the_view_and_escape_comes_back(
    product: Product, deck: OpenDeck, view: str, topic: str
) -> None:
    async with deck(view) as d:
        await d.see("live")
        await d.press("f1")
        top = await d.see(lambda text: f"help {topic}" in text and "jobdeck" in text)
        await d.press("pagedown")
        await d.see(lambda text: text != top)
        await d.press("escape")
        await d.see(f"> {view}")


async def test_a_page_that_is_not_there_lists_those_that_are(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("help nonsense") as d:
        text = await d.see("there is no help page nonsense")
        assert ":help targets" in text


async def test_from_the_engine_one_goes_to_channels_and_it_is_frozen_with_a_reason(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("engine") as d:
        await d.see("stored runs")
        await d.press("c")
        await d.see("Jobdeck > engine > channels")
        await d.press("escape")
        await d.see("stored runs")
        await d.press("z")
        await d.see("freeze the engine")
        await d.type("a change goes out")
        await d.press("enter")
        await d.see("a change goes out")
        await d.see("u unfreeze")
        await d.press("u")
        await d.see(lambda text: "a change goes out" not in text)

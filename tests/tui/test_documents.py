"""Inventory, library and one document: what is shown, and what can be done from there."""

from __future__ import annotations

import pytest

from tests.support.product import Product
from tests.tui.conftest import OpenDeck

pytestmark = pytest.mark.asyncio


async def test_the_inventory_has_a_section_for_each_kind(deck: OpenDeck) -> None:
    async with deck("inventory") as d:
        assert "[hosts]" in await d.see("数据库")
        await d.press("tab")
        await d.see("[groups]")
        await d.press("tab", "tab")
        assert "sealed" in await d.see("[environments]")
        await d.press("shift+tab")
        await d.see("[accounts]")


async def test_aliases_and_filters_open_a_section(deck: OpenDeck) -> None:
    async with deck("envs seal") as d:
        await d.see("sealed")
    async with deck("hosts web") as d:
        await d.see(lambda text: "web1" in text and "数据库" not in text)
        await d.press("escape")
        await d.see("数据库")


async def test_an_empty_section_says_what_to_do_next(deck: OpenDeck) -> None:
    async with deck("library flow") as d:
        text = await d.see("no flow yet")
        assert "n makes one" in text


async def test_an_expression_is_tried_and_lists_its_hosts(deck: OpenDeck) -> None:
    async with deck("inventory") as d:
        await d.see("web1")
        await d.press("T")
        await d.see("list these hosts")
        await d.type("role=web &")
        await d.see("column 11")
        await d.type(" !web1")
        await d.see("1 host  web2")
        await d.press("enter")
        await d.see(lambda text: "web2" in text and "数据库" not in text)
        await d.press("escape")
        await d.see("数据库")


async def test_a_host_in_maintenance_says_so(product: Product, deck: OpenDeck) -> None:
    product.apply("{kind: host, name: serviced, spec: {protocol: local}}")
    async with deck("hosts serviced") as d:
        await d.see("> serviced")
        await d.press("m")
        await d.see("maintenance of 1 host")
        await d.press("enter")
        await d.see("the reason")
        await d.type("new disk")
        await d.press("enter")
        await d.see("maintenance until")
        await d.press("M")
        await d.see(lambda text: "maintenance until" not in text)


async def test_facts_are_gathered_and_read(product: Product, deck: OpenDeck) -> None:
    product.apply("{kind: host, name: asked, spec: {protocol: local}}")
    async with deck("document host/asked facts") as d:
        await d.see("nothing was ever gathered")
        await d.press("F")
        await d.see("os.id")


async def test_deleting_asks_first_and_keeps_what_others_refer_to(
    product: Product, deck: OpenDeck
) -> None:
    product.apply("{kind: host, name: doomed, spec: {protocol: local}}")
    async with deck("hosts doomed") as d:
        await d.see("> doomed")
        await d.press("D")
        await d.see("delete host doomed")
        await d.press("escape")
        await d.press("D")
        await d.see("delete host doomed")
        await d.press("enter")
        await d.see("nothing fits")
    assert product.cli("get", "host", "doomed").code != 0
    product.apply("{kind: host, name: held, spec: {protocol: local}}")
    product.apply("{kind: group, name: holders, spec: {hosts: [held]}}")
    async with deck("hosts held") as d:
        await d.see("> held")
        await d.press("D")
        await d.see("delete host held")
        await d.press("enter")
        await d.see("group/holders")
    assert product.cli("get", "host", "held").code == 0


async def test_a_read_only_environment_has_no_deed_that_changes(
    product: Product, deck: OpenDeck
) -> None:
    product.apply("{kind: host, name: kept, spec: {protocol: local, environment: sealed}}")
    async with deck("hosts kept", size=(140, 30)) as d:
        await d.see("read-only: sealed")
        await d.see(lambda text: " filter" in text and " launch" not in text.splitlines()[-1])
    async with deck("hosts kept", size=(140, 30), write=True) as d:
        await d.see("kept")
        await d.see(lambda text: " launch" in text.splitlines()[-1])


async def test_history_shows_each_change_and_takes_an_old_one_back(
    product: Product, deck: OpenDeck
) -> None:
    for port in (22, 2222, 3333):
        product.apply(f"{{kind: host, name: aged, spec: {{port: {port}}}}}")
    async with deck("document host/aged") as d:
        await d.see("port: 3333")
        await d.press("tab")
        await d.see("spec.port: 2222 -> 3333")
        await d.press("down")
        await d.see("spec.port: (none) -> 2222")
        await d.press("R")
        await d.see("not saved")
        await d.press("ctrl+s")
        await d.see("is now revision 4")
    assert product.run("get", "host", "aged", "--json").json()["spec"]["port"] == 2222


async def test_two_marked_revisions_are_compared(product: Product, deck: OpenDeck) -> None:
    for port in (1, 2, 3):
        product.apply(f"{{kind: host, name: compared, spec: {{port: {port}}}}}")
    async with deck("document host/compared history") as d:
        await d.see("spec.port: 2 -> 3")
        await d.press("space", "down", "space")
        await d.see("spec.port: 1 -> 3")


async def test_a_copy_begins_as_its_model(product: Product, deck: OpenDeck) -> None:
    product.apply("{kind: host, name: model, labels: {a: b}, spec: {address: 10.0.0.5}}")
    async with deck("document host/model") as d:
        await d.see("10.0.0.5")
        await d.press("c")
        text = await d.see("new host")
        assert "10.0.0.5" in await d.see("a=b"), text


async def test_a_document_changes_while_it_is_read(product: Product, deck: OpenDeck) -> None:
    product.apply("{kind: host, name: live, spec: {address: 10.0.0.1}}")
    async with deck("document host/live") as d:
        await d.see("10.0.0.1")
        product.apply("{kind: host, name: live, spec: {address: 10.0.0.2}}")
        await d.see("10.0.0.2")

"""What is done with hosts' keys, sources, maintenance and what the library keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.product import Product
from tests.support.sshd import Sshd, loopback, temporary_sshd
from tests.support.waiting import until
from tests.tui.conftest import OpenDeck

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with temporary_sshd(addresses=loopback(2)) as sshd:
        yield sshd


def keys_of(product: Product, host: str) -> list[str]:
    """How the keys of a host stand."""
    every = product.api("GET", "/host-keys").json()["items"]
    return sorted(each["status"] for each in every if each["host"] == host)


@pytest.mark.needs("sshd")
async def test_a_host_key_is_approved_and_revoked_after_a_question(
    product: Product, deck: OpenDeck, sshd: Sshd
) -> None:
    product.apply(
        f"{{kind: account, name: me, spec: {{user: me, password: x}}}}\n---\n"
        f"{{kind: host, name: keyed, spec: {{address: {sshd.addresses[0]}, port: {sshd.port},"
        f" account: me}}}}"
    )
    product.cli("hosts", "test", "keyed")
    assert keys_of(product, "keyed") == ["pending"]
    async with deck("keys keyed") as d:
        await d.see("pending")
        await d.press("a")
        text = await d.see("approve 1 host key")
        assert "From now on a host is trusted" in text
        await d.press("escape")
        assert keys_of(product, "keyed") == ["pending"]
        await d.press("a")
        await d.see("approve 1 host key")
        await d.press("enter")
        await d.see("done: approve 1 host key")
        assert keys_of(product, "keyed") == ["approved"]
        await d.see("R revoke the keys")
        await d.press("R")
        await d.see("No connection is made any more")
        await d.press("enter")
        await d.see("done: revoke 1 host key")
    assert keys_of(product, "keyed") == ["revoked"]


async def test_a_source_is_asked_and_what_it_says_is_taken_over_after_a_question(
    product: Product, deck: OpenDeck
) -> None:
    file = product.folder / "rack.yaml"
    racked = "{{kind: host, name: racked{at}, spec: {{protocol: local}}}}"
    file.write_text("\n---\n".join(racked.format(at=at) for at in (1, 2)), encoding="utf-8")
    product.apply(f"{{kind: inventory-source, name: rack, spec: {{file: {file}}}}}")

    def hosts() -> list[str]:
        every = product.api("GET", "/documents/host").json()["items"]
        return [each["name"] for each in every if each["name"].startswith("racked")]

    async with deck("sources") as d:
        await d.see("> rack")
        await d.press("r")
        text = await d.see("take over what rack says")
        assert "racked1" in text
        await d.press("escape")
        assert hosts() == []
        await d.press("r")
        await d.see("take over what rack says")
        await d.press("enter")
        await d.see("done: take over what rack says")
    assert hosts() == ["racked1", "racked2"]
    product.run("delete", "host", "racked1", "racked2", "--yes")


@pytest.mark.parametrize("start", ["hosts away", "document host/away"])
async def test_maintenance_begins_with_a_reason_and_ends(
    product: Product, deck: OpenDeck, start: str
) -> None:
    product.apply("{kind: host, name: away, spec: {protocol: local}}")

    def is_away() -> bool:
        states = product.api("GET", "/hosts").json()
        return any(each["host"] == "away" and each["maintenance"] for each in states)

    async with deck(start, size=(140, 30)) as d:
        await d.see("away")
        await d.see("begin maintenance")
        await d.press("m")
        await d.see("Runs leave these hosts out")
        await d.press("enter")
        await d.see("the reason")
        await d.type("new disk")
        await d.press("enter")
        until(is_away)
        await d.see("maintenance until")
        await d.press("M")
        until(lambda: not is_away())


async def test_the_library_is_gone_through_by_section(product: Product, deck: OpenDeck) -> None:
    async with deck("library") as d:
        await d.see("[jobs]")
        await d.press("tab")
        await d.see("[flows]")
        await d.press("shift+tab")
        await d.see("[jobs]")


async def test_from_the_library_things_are_made_edited_launched_and_deleted(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(
        "{kind: job, name: tidy, spec: {targets: web1,"
        " steps: [{name: main, kind: command, command: 'true'}]}}"
    )

    def jobs() -> list[str]:
        return [each["name"] for each in product.api("GET", "/documents/job").json()["items"]]

    async with deck("library tidy", size=(140, 30)) as d:
        await d.see("> tidy")
        await d.press("x")
        await d.see("launch job tidy")
        await d.press("escape")
        await d.see("> tidy")
        await d.press("e")
        await d.see("edit job tidy")
        await d.press("escape")
        await d.see("> tidy")
        await d.press("n")
        await d.see("new job")
        await d.press("escape")
        await d.see("> tidy")
        await d.press("D")
        await d.see("delete job tidy")
        await d.press("escape")
        assert "tidy" in jobs()
        await d.press("D")
        await d.see("delete job tidy")
        await d.press("enter")
        until(lambda: "tidy" not in jobs())


async def test_from_its_page_a_document_is_launched_edited_and_deleted(
    product: Product, deck: OpenDeck
) -> None:
    product.apply("{kind: host, name: paged, spec: {protocol: local}}")
    async with deck("document host/paged", size=(140, 30)) as d:
        await d.see("protocol: local")
        await d.press("tab")
        await d.see("[history]")
        await d.press("shift+tab")
        await d.see("[document]")
        await d.press("x")
        await d.see("launch")
        await d.see("paged")
        await d.press("escape")
        await d.see("protocol: local")
        await d.press("e")
        await d.see("edit host paged")
        await d.press("escape")
        await d.see("protocol: local")
        await d.press("D")
        await d.see("delete host paged")
        await d.press("enter")
        until(lambda: product.api("GET", "/documents/host/paged").status_code == 404)


async def test_hosts_are_made_edited_and_asked_for_their_facts_from_the_inventory(
    product: Product, deck: OpenDeck
) -> None:
    product.apply("{kind: host, name: known, spec: {protocol: local}}")
    async with deck("hosts known", size=(140, 30)) as d:
        await d.see("> known")
        await d.press("n")
        await d.see("new host")
        await d.press("escape")
        await d.see("> known")
        await d.press("e")
        await d.see("edit host known")
        await d.press("escape")
        await d.see("> known")
        await d.press("F")
        until(lambda: product.api("GET", "/hosts/known/facts").status_code == 200)


@pytest.mark.needs("sshd")
async def test_the_way_to_hosts_is_tested_and_says_where_it_stops(
    product: Product, deck: OpenDeck, sshd: Sshd
) -> None:
    product.apply(
        f"{{kind: account, name: tester, spec: {{user: me, password: x}}}}\n---\n"
        f"{{kind: host, name: route1, spec: {{protocol: local}}}}\n---\n"
        f"{{kind: host, name: route2, spec: {{address: {sshd.addresses[1]}, port: {sshd.port},"
        f" account: tester}}}}"
    )
    async with deck("hosts route", size=(120, 30)) as d:
        await d.see("route2")
        await d.press("ctrl+a", "t")
        text = await d.see("connection test")
        (ready,) = (row for row in text.splitlines() if "route1" in row and "ready" in row)
        assert "✓" in ready
        assert "host key" in text
        await d.press("escape")
        await d.see("2 marked")

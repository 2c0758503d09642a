"""The pulse: everything in one look, one question for all of it, and the way to each part."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from console.client import Client
from console.tui.link import Changed
from tests.support.deck import Deck, open_deck
from tests.support.product import Product
from tests.tui.conftest import OpenDeck

DOCUMENTS = """
{kind: job, name: backup, spec: {targets: web1, steps: [{name: copy, kind: command, command: "true"}]}}
---
{kind: schedule, name: nightly, spec: {job: backup, trigger: {cron: "30 2 * * *"}}}
---
kind: command-rule
name: careful
spec: {words: [careful], level: review, approval: {forbid_requester: false}}
"""


async def test_what_runs_failed_waits_and_comes_stands_on_one_screen(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(DOCUMENTS)
    product.cli("run", "--on", "web1", "--", "exit 3 # broken")
    goes_on = product.detached("run", "--on", "web1", "sleep 60 # endless")
    product.detached("run", "--on", "web1", "echo careful")
    async with deck("pulse") as d:
        text = await d.see("# endless")
        assert "waits for you  1" in text
        assert "echo careful" in text
        assert "exit 3 # broken" in text
        assert "nightly" in text
        assert "1 failed" in text
    product.run("runs", "stop", goes_on)


async def test_a_run_that_ends_leaves_by_itself(product: Product, deck: OpenDeck) -> None:
    run = product.detached("run", "--on", "web1", "sleep 60 # leaves")
    async with deck("pulse") as d:
        await d.see("# leaves")
        product.run("runs", "stop", run)
        await d.see(lambda text: "# leaves" not in text)


async def test_enter_opens_what_the_row_is_about(product: Product, deck: OpenDeck) -> None:
    product.apply(DOCUMENTS)
    async with deck("pulse") as d:
        await d.see("nightly")
        await d.press("G", "enter")
        await d.see("schedule nightly")
        await d.press("escape")
        await d.see("starts next")


async def test_faults_only_hides_what_is_well(product: Product, deck: OpenDeck) -> None:
    product.apply(DOCUMENTS)
    product.cli("run", "--on", "web1", "--", "exit 3 # wrong")
    async with deck("pulse") as d:
        await d.see("# wrong")
        await d.press("exclamation_mark")
        await d.see(lambda text: "faults only" in text and "starts next" not in text)
        assert "# wrong" in d.text
        await d.press("escape")
        await d.see("starts next")


async def test_a_hundred_changes_ask_the_engine_once_or_twice(
    product: Product, deck: OpenDeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.run("run", "--on", "web1", "true")
    asked = 0
    pulse = Client.pulse

    def counted(client: Client, limit: int) -> object:
        nonlocal asked
        asked += 1
        return pulse(client, limit)

    monkeypatch.setattr(Client, "pulse", counted)
    async with deck("pulse") as d:
        await d.see("last 24 hours")
        before = asked
        for _each in range(100):
            d.app._changed(Changed(frozenset({"run.targets"})))
        await d.pilot.pause(0.1)
        assert asked - before <= 2


async def test_what_does_not_concern_it_asks_nothing(product: Product, deck: OpenDeck) -> None:
    product.run("run", "--on", "web1", "true")
    async with deck("pulse") as d:
        await d.see("last 24 hours")
        assert not d.app.view.concerns(Changed(frozenset({"host.facts", "content.added"})))
        assert d.app.view.concerns(Changed(frozenset({"host_key.pending"})))


async def test_every_place_that_a_row_may_lead_to_is_a_view_of_that(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("inventory host-key") as d:
        await d.see("no host key is on record")


async def test_jump_letters_open_a_row(product: Product, deck: OpenDeck) -> None:
    product.apply(DOCUMENTS)
    async with deck("pulse") as d:
        await d.see("nightly")
        await d.press("G", "f")
        row = next(line for line in d.lines() if "nightly" in line)
        await d.press(row.strip()[0])
        await d.see("schedule nightly")


@asynccontextmanager
async def first_time(folder_settings: str = "") -> AsyncIterator[tuple[Product, Deck]]:
    """The application on a home that nobody has used."""
    with Product(settings=folder_settings) as empty:
        async with open_deck(empty, "pulse") as d:
            yield empty, d


async def test_an_empty_home_leads_to_a_first_run_by_enter_alone() -> None:
    async with first_time() as (empty, d):
        await d.see("Welcome to Jobdeck")
        await d.see("make this machine a host")
        await d.press("enter")
        await d.see(lambda text: "1.  make" in text and "done" in text)
        await d.press("enter")
        await d.see("run this command")
        await d.type("echo it works")
        await d.press("enter")
        text = await d.see("Enter opens all of it")
        assert "it works" in text
        (run,) = empty.run("runs", "list", "--json").json()
        assert run["state"] == "succeeded"


async def test_the_tour_is_skipped_once_and_for_all_and_offered_again() -> None:
    async with first_time() as (empty, d):
        await d.see("Welcome to Jobdeck")
        await d.press("S")
        await d.see("waits for you")
        assert empty.home.preferences.read_text() == "toured = true\n"
        await d.press("2", "1")
        await d.see("waits for you")
        await d.press("T")
        await d.see("Welcome to Jobdeck")

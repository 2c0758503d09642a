"""Schedules: their list, one of them, and what is done with them."""

from __future__ import annotations

from tests.support.product import Product
from tests.support.waiting import until
from tests.tui.conftest import OpenDeck

DOCUMENTS = """
{kind: job, name: backup, spec: {targets: web1, steps: [{name: copy, kind: command, command: "true"}]}}
---
{kind: schedule, name: nightly, spec: {job: backup, trigger: {cron: "30 2 * * *"}}}
---
{kind: schedule, name: hourly, spec: {job: backup, trigger: {cron: "5 * * * *"}}}
"""


async def test_the_slots_to_come_of_the_row_stand_on_a_line(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(DOCUMENTS)
    async with deck("schedules") as d:
        await d.see(lambda text: "> hourly" in text and "* a run starts" in text)
        hourly = next(line for line in d.lines() if line.strip().startswith("|"))
        await d.press("j")
        await d.see("> nightly")
        await d.see(lambda text: "* a run starts" in text and hourly.strip() not in text)


async def test_pausing_tells_what_it_does_and_keeps_the_reason(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(DOCUMENTS)
    async with deck("schedules") as d:
        await d.see("nightly")
        await d.press("j", "p")
        text = await d.see("pause nightly")
        assert "Slots are skipped until it is resumed" in text
        await d.type("the tape is full")
        await d.press("enter")
        await d.see("paused by")
        await d.press("r")
        await d.see(lambda text: "paused by" not in text)


async def test_no_is_no(product: Product, deck: OpenDeck) -> None:
    product.apply(DOCUMENTS)
    async with deck("schedule nightly") as d:
        await d.see("job/backup")
        await d.press("p")
        await d.see("pause nightly")
        await d.press("escape")
        assert product.api("GET", "/schedules").json()[1]["paused_by"] == ""


async def test_starting_by_hand_asks_and_its_run_stands_in_the_ledger(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(DOCUMENTS)
    async with deck("schedule nightly") as d:
        await d.see("no slot was due yet")
        await d.press("s")
        await d.see("start nightly now")
        await d.press("enter")
        await d.see("run started")


async def test_why_not_is_answered_for_a_time_and_refuses_what_is_none(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(DOCUMENTS)
    async with deck("schedules") as d:
        await d.see("hourly")
        await d.press("w")
        await d.see("why did hourly not run?")
        await d.type("yesterday-ish")
        await d.press("enter")
        await d.see("is no time")
        await d.press("escape", "w")
        await d.see("why did hourly not run?")
        await d.type("2026-01-01 10:17")
        await d.press("enter")
        await d.see("2026-01-01 10:17")


async def test_a_schedule_that_is_not_there_is_one_clear_message(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(DOCUMENTS)
    async with deck("schedule nightlyy") as d:
        text = await d.see("does not exist")
        assert "nightly" in text


async def test_on_its_page_a_schedule_is_paused_resumed_started_and_asked_why(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(DOCUMENTS)

    def paused_by() -> str:
        every = product.api("GET", "/schedules").json()
        return str(next(each for each in every if each["name"] == "hourly")["paused_by"])

    async with deck("schedule hourly") as d:
        await d.see("job/backup")
        await d.press("p")
        await d.see("pause hourly")
        await d.type("quiet, please")
        await d.press("enter")
        await d.see("quiet, please")
        assert paused_by()
        await d.press("r")
        until(lambda: not paused_by())
        await d.press("w")
        await d.see("why did hourly not run?")
        await d.type("2026-01-01 10:17")
        await d.press("enter")
        await d.see("2026-01-01 10:17")


async def test_from_the_list_a_schedule_is_started_after_a_question(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(DOCUMENTS)

    def runs() -> int:
        return len(product.api("GET", "/runs").json()["items"])

    async with deck("schedules hourly") as d:
        await d.see("> hourly")
        before = runs()
        await d.press("s")
        await d.see("start hourly now")
        await d.press("escape")
        assert runs() == before
        await d.press("s")
        await d.see("start hourly now")
        await d.press("enter")
        until(lambda: runs() == before + 1)

"""Approvals: what is asked, what differs since the last time, and votes."""

from __future__ import annotations

from tests.support.product import Product
from tests.tui.conftest import OpenDeck

RULE = """
kind: command-rule
name: careful
spec: {words: [careful], level: review, message: touches the disk, approval: {forbid_requester: false}}
---
kind: job
name: disk
spec:
  targets: web1
  parameters: [{name: SIZE, default: small}]
  steps: [{name: grow, kind: command, command: "echo careful $SIZE"}]
"""


def waiting(product: Product, *words: str) -> str:
    product.apply(RULE)
    return product.detached("run", "--on", "web1", *words)


async def test_a_vote_tells_what_it_means_and_lets_the_run_go_on(
    product: Product, deck: OpenDeck
) -> None:
    run = waiting(product, "echo careful one")
    async with deck("approvals") as d:
        await d.see("careful one")
        await d.press("a")
        text = await d.see("approve: echo careful one")
        assert "A vote is never changed" in text
        await d.type("looked at it")
        await d.press("enter")
        await d.see("nothing waits for approval")
    assert product.ended(run)["state"] == "succeeded"
    (vote,) = product.api("GET", f"/approvals?run={run}").json()["items"][0]["votes"]
    assert (vote["choice"], vote["comment"]) == ("approve", "looked at it")


async def test_who_denies_says_why(product: Product, deck: OpenDeck) -> None:
    run = waiting(product, "echo careful two")
    async with deck("approvals") as d:
        await d.see("careful two")
        await d.press("d")
        await d.see("reason (required)")
        await d.press("enter")
        await d.see("reason (required)")
        await d.type("not today")
        await d.press("enter")
        await d.see("nothing waits for approval")
        await d.press("t")
        await d.see("denied")
    assert product.ended(run)["state"] == "rejected"


async def test_escape_votes_for_nothing(product: Product, deck: OpenDeck) -> None:
    run = waiting(product, "echo careful three")
    async with deck("approvals") as d:
        await d.see("careful three")
        await d.press("a")
        await d.see("do not vote")
        await d.press("escape")
        await d.see("careful three")
    assert product.shown(run)["run"]["state"] == "waiting_user"
    product.run("runs", "stop", run)


async def test_the_page_tells_what_is_asked_differently_than_the_last_time(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(RULE)
    first = product.detached("start", "disk")
    product.run("approvals", "approve", "last")
    product.ended(first)
    second = product.detached("start", "disk", "-p", "SIZE=huge")
    (found,) = product.api("GET", f"/approvals?run={second}").json()["items"]
    async with deck(f"approval {found['id']}") as d:
        text = await d.see("since the last run")
        assert "touches the disk" in text
        assert "small" in text
        assert "huge" in text
        await d.press("d")
        await d.see("reason (required)")
        await d.type("too big")
        await d.press("enter")
        text = await d.see("denies")
        assert "too big" in text
    product.ended(second)

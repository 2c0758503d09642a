"""Ways on from runs, their comparison, their output and what waits: each by its key."""

from __future__ import annotations

import pytest

from tests.support.product import Product
from tests.support.waiting import until
from tests.tui.conftest import OpenDeck
from tests.tui.test_run_actions import asked

pytestmark = pytest.mark.asyncio


def ended(product: Product, *words: str) -> str:
    """A run that has ended; its id."""
    run = product.detached("run", *words)
    product.ended(run)
    return run


async def test_from_the_list_and_from_the_run_one_goes_to_its_output_and_starts_it_again(
    product: Product, deck: OpenDeck
) -> None:
    run = ended(product, "--on", "web1", "echo printed # onward")
    for start in ("runs onward", f"run {run}"):
        async with deck(start) as d:
            await d.see("# onward")
            await d.press("o")
            await d.see("exit 0   line 1/1")
            await d.press("escape")
            await d.see("# onward")
            await d.press("a")
            await d.see("echo printed # onward")
            await d.see("launch")
    assert len(product.api("GET", "/runs").json()["items"]) == 1, "nothing was started"


async def test_notes_and_nested_runs_are_a_key_away_in_the_list(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(
        """
kind: job
name: inner
spec: {targets: web1, steps: [{name: main, kind: command, command: "true"}]}
---
kind: flow
name: outer
spec: {targets: web1, nodes: [{name: calls, kind: run, job: inner}]}
"""
    )
    run = product.run("flow", "start", "--detach", "outer").out.strip()
    product.ended(run)
    async with deck("runs er") as d:
        await d.see("outer")
        assert "calls: outer" not in d.text
        await d.press("t")
        await d.see("calls: outer")
        await d.press("t")
        await d.see(lambda text: "calls: outer" not in text)
        await d.press("N")
        await d.see("note on 1 run")
        await d.type("seen to")
        await d.press("enter")
        until(lambda: product.api("GET", f"/runs/{run}/notes").json()["items"])
    (note,) = product.api("GET", f"/runs/{run}/notes").json()["items"]
    assert note["text"] == "seen to"


async def test_a_stop_that_hangs_is_forced_after_its_consequence_was_told(
    product: Product, deck: OpenDeck
) -> None:
    run = product.detached("run", "--on", "web1", "trap '' TERM INT HUP; sleep 20; sleep 20")
    until(lambda: "running" in str(product.targets(run)))
    async with deck(f"run {run}") as d:
        await d.see("▸ running")
        assert "S force the stop" not in d.text
        await asked(d, "s", "What goes on is ended on its hosts")
        await d.see("S force the stop")
        await d.press("S")
        text = await d.see("become unknown")
        assert "web1" in text
        await d.press("enter")
        await d.see("asked: ")
    assert product.ended(run)["state"] in ("abnormal", "stopped")


async def test_the_attempt_before_is_looked_at(product: Product, deck: OpenDeck) -> None:
    mark = product.folder / "second-time"
    run = ended(product, "--on", "web1", f"test -e {mark}")
    mark.touch()
    product.run("runs", "retry", run)
    async with deck(f"run {run} hosts") as d:
        await d.see("✓ success")
        await d.press("comma")
        await d.see("✗ failed")
        await d.press("comma")
        await d.see("✓ success")


async def test_from_a_comparison_either_run_is_opened_and_its_output_scrolled(
    product: Product, deck: OpenDeck
) -> None:
    first = ended(product, "--on", "web1", "seq 100 180")
    second = ended(product, "--on", "web1", "seq 300 380")
    async with deck(f"comparison {first} {second}") as d:
        await d.see("-100")
        await d.press("J")
        await d.see(lambda text: "-100" not in text)
        await d.press("K")
        await d.see("-100")
        for key, run in (("A", first), ("B", second)):
            await d.press(key)
            await d.see(f"run {run[:12]}")
            await d.press("escape")
            await d.see("-100")


async def test_output_is_followed_and_slid(product: Product, deck: OpenDeck) -> None:
    wide = "x" * 200
    run = product.detached("run", "--on", "web1", f"echo {wide}END; seq 50; sleep 2; echo last")
    async with deck(f"output {run} web1", size=(80, 24)) as d:
        await d.see("line ")
        await d.press("g", "F")
        await d.see("last")
        await d.press("w", "g")
        await d.see(lambda text: "END" not in text)
        while "END" not in d.text:
            await d.press("right")
        while "END" in d.text:
            await d.press("left")


async def test_from_approvals_one_goes_to_the_run_and_votes_on_the_page(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(
        "{kind: command-rule, name: wary, spec: {words: [wary], level: review, message: looks,"
        " approval: {forbid_requester: false}}}"
    )
    run = product.detached("run", "--on", "web1", "echo wary")
    async with deck("approvals") as d:
        await d.see("echo wary")
        await d.press("o")
        await d.see(f"run {run[:12]}")
        await d.press("escape")
        await d.see("> ")
        await d.press("enter")
        await d.see("requested by")
        await d.press("o")
        await d.see(f"run {run[:12]}")
        await d.press("escape")
        await d.see("requested by")
        await d.press("a")
        await d.see("A vote is never changed")
        await d.press("enter")
        until(lambda: product.api("GET", f"/runs/{run}").json()["state"] == "succeeded")


async def test_a_vote_on_what_has_changed_meanwhile_is_refused_and_said(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(
        "{kind: command-rule, name: wary, spec: {words: [wary], level: review, message: looks,"
        " approval: {forbid_requester: false}}}"
    )
    run = product.detached("run", "--on", "web1", "echo wary # elsewhere")
    (waits,) = product.api("GET", f"/approvals?run={run}").json()["items"]
    async with deck(f"approval {waits['id']}") as d:
        await d.see("requested by")
        await d.press("a")
        await d.see("A vote is never changed")
        product.run("approvals", "deny", waits["id"], "--reason", "not now")
        await d.press("enter")
        await d.see("denied")
    assert product.ended(run)["state"] == "rejected"

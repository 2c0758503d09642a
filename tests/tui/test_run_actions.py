"""What is asked of a run in the terminal UI: the consequence in words, the question, the deed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.deck import Deck
from tests.support.product import Product
from tests.support.waiting import until
from tests.tui.conftest import OpenDeck

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module", autouse=True)
def documents(product: Product) -> None:
    product.apply(
        """
{kind: environment, name: guarded, spec: {confirm: true}}
---
{kind: environment, name: changed, spec: {change_required: true}}
---
{kind: host, name: careful, spec: {protocol: local, environment: guarded}}
---
{kind: host, name: careful2, spec: {protocol: local, environment: guarded}}
---
{kind: host, name: numbered, spec: {protocol: local, environment: changed}}
---
{kind: host, name: shut, spec: {protocol: local, environment: sealed}}
---
kind: job
name: secretive
spec:
  targets: web1
  parameters: [{name: TOKEN, type: secret, required: true}]
  steps: [{name: main, kind: command, command: 'test $TOKEN = other'}]
---
kind: flow
name: steps
spec:
  targets: web1
  nodes:
    - {name: first, kind: command, command: 'true'}
    - {name: second, kind: command, command: 'sleep 60 # second'}
    - {name: third, kind: command, command: 'true'}
---
kind: flow
name: crossroads
spec:
  targets: web1
  nodes:
    - {name: size, kind: command, command: 'true'}
    - {name: which, kind: exclusive}
    - {name: big, kind: command, command: 'true'}
    - {name: small, kind: command, command: 'true'}
  edges: [size -> which, 'which -> big if 1 > 2', 'which -> small if 1 > 3']
---
kind: flow
name: undoable
spec:
  targets: web1
  nodes:
    - {name: do, kind: command, command: 'true', undo: undo-it}
    - {name: fails, kind: command, command: 'false'}
    - {name: undo-it, kind: command, command: 'true'}
  edges: [do -> fails]
---
kind: flow
name: skippable
spec:
  targets: web1
  nodes:
    - {name: rest, kind: command, command: 'false', retry: {times: 1, delay_s: 600}}
    - {name: after, kind: command, command: 'true'}
"""
    )


def failed(product: Product, targets: str = "role=web", *flags: str) -> str:
    """A run that has failed on all of its hosts, and succeeds when it is tried again."""
    mark = product.folder / f"mark-{targets.replace('=', '-')}-{len(flags)}"
    mark.unlink(missing_ok=True)
    run = product.detached("run", "--on", targets, *flags, f"test -e {mark}")
    product.ended(run)
    mark.touch()
    return run


def flow(product: Product, name: str) -> str:
    return product.run("flow", "start", "--detach", name).out.strip()


def state(product: Product, run: str) -> str:
    return str(product.api("GET", f"/runs/{run}").json()["state"])


def node(product: Product, run: str, name: str) -> dict[str, Any]:
    steps = product.api("GET", f"/runs/{run}").json()["steps"]
    found: dict[str, Any] = next(step for step in reversed(steps) if step["step"] == name)
    return found


async def asked(d: Deck, key: str, *seen: str) -> None:
    """Press a key, see the question with these words, say yes."""
    await d.press(key)
    for words in seen:
        await d.see(words)
    await d.press("enter")
    await d.see("asked: ")


async def on(d: Deck, name: str) -> None:
    """Put the cursor on a node."""
    await d.see(name)
    await d.press("g")
    here: Callable[[str], bool] = lambda text: f"> {name}" in text  # noqa: E731
    for _row in range(6):
        if here(d.text):
            return
        await d.press("j")
        await d.pilot.pause(0.05)
    await d.see(here)


async def test_a_retry_tells_its_hosts_first_and_keeps_the_reason(
    product: Product, deck: OpenDeck
) -> None:
    run = failed(product)
    async with deck(f"run {run}") as d:
        await d.see("✗ 2 failed")
        await d.press("r")
        text = await d.see("retry: step command, 2 hosts")
        assert "web[1-2]" in text
        await d.press("escape")
        assert state(product, run) == "failed"
        await d.press("r")
        await d.see("retry: step command")
        await d.type("disk replaced")
        await d.press("enter")
        await d.see("✓ succeeded")
        await d.press("v")
        await d.see("disk replaced")


async def test_a_retry_is_about_marked_hosts(product: Product, deck: OpenDeck) -> None:
    run = failed(product)
    async with deck(f"run {run} hosts") as d:
        await d.see("web2")
        await d.press("space")
        await d.see("1 marked")
        await asked(d, "r", "retry: step command, 1 host")
    product.ended(run)
    assert {h: t["state"] for h, t in product.targets(run).items()} == {
        "web1": "success",
        "web2": "failed",
    }


async def test_the_number_of_hosts_is_typed_where_a_guard_rail_asks(
    product: Product, deck: OpenDeck
) -> None:
    run = failed(product, "careful,careful2", "--confirm", "2")
    async with deck(f"run {run}") as d:
        await d.see("✗ 2 failed")
        await d.press("r")
        await d.see("retry: step command, 2 hosts")
        await d.press("enter")
        await d.see("This would touch 2 hosts")
        await d.type("3")
        await d.press("enter")
        assert state(product, run) == "failed"
        await d.press("backspace")
        await d.type("2")
        await d.press("enter")
        await d.see("✓ succeeded")


async def test_not_confirmed_changes_nothing(product: Product, deck: OpenDeck) -> None:
    run = failed(product, "careful,careful2", "--confirm", "2")
    async with deck(f"run {run}") as d:
        await d.see("✗ 2 failed")
        await d.press("r")
        await d.see("retry: step command")
        await d.press("enter")
        await d.see("This would touch")
        await d.press("escape")
        await d.see("nothing was changed")
    assert state(product, run) == "failed"


async def test_a_change_number_is_asked_for(product: Product, deck: OpenDeck) -> None:
    product.apply("{kind: environment, name: changed, spec: {change_required: false}}")
    run = failed(product, "numbered")
    product.apply("{kind: environment, name: changed, spec: {change_required: true}}")
    async with deck(f"run {run}") as d:
        await d.see("✗ 1 failed")
        await d.press("r")
        await d.see("retry: step command")
        await d.press("enter")
        await d.see("under which change number")
        await d.type("CHG-1")
        await d.press("enter")
        await d.see("✓ succeeded")


async def test_a_secret_that_was_erased_is_typed_again_and_not_shown(
    product: Product, deck: OpenDeck
) -> None:
    secret = product.folder / "token"
    secret.write_text("s3cret")
    run = product.detached("start", "secretive", "-p", f"TOKEN=@{secret}")
    product.ended(run)
    async with deck(f"run {run}") as d:
        await d.see("✗ 1 failed")
        await d.press("r")
        await d.see("retry: step main")
        await d.press("enter")
        await d.see("they were erased")
        await d.type("other")
        assert "other" not in d.text
        await d.press("enter")
        await d.see("✓ succeeded")


async def test_an_action_is_absent_where_the_environment_is_read_only(
    product: Product, deck: OpenDeck
) -> None:
    product.apply("{kind: environment, name: sealed, spec: {read_only: false}}")
    run = failed(product, "shut")
    product.apply("{kind: environment, name: sealed, spec: {read_only: true}}")
    async with deck(f"run {run}") as d:
        text = await d.see("read-only: sealed")
        assert "r retry" not in text
        await d.press("r")
        await d.pilot.pause(0.3)
        assert "retry:" not in d.text
    async with deck(f"run {run}", write=True) as d:
        await d.see("r retry")


async def test_a_failure_is_ignored(product: Product, deck: OpenDeck) -> None:
    run = failed(product)
    async with deck(f"run {run}") as d:
        await d.see("✗ 2 failed")
        await asked(d, "i", "ignore failure: step command", "counts no more")
        await d.see("error_ignored")


async def test_a_run_is_stopped(product: Product, deck: OpenDeck) -> None:
    run = product.detached("run", "--on", "web1", "sleep 60 # stopped")
    async with deck(f"run {run}") as d:
        await d.see("▸ 1 running")
        await asked(d, "s", "this is ended on its hosts:", "web1")
        await d.see("- stopped")


async def test_a_flow_is_paused_before_a_node_and_resumed(product: Product, deck: OpenDeck) -> None:
    run = flow(product, "steps")
    async with deck(f"run {run}") as d:
        await d.see("▸ running")
        await on(d, "third")
        await d.press("b")
        await d.see("the run pauses when it comes there")
        await d.press("enter")
        await d.see("pause before: step third")
        await d.press("enter")
        await d.see("asked: ")
        await asked(d, "p", "nothing more begins")
        await d.see("P resume")
        await asked(d, "P", "what was held back begins")
        await on(d, "second")
        await asked(d, "F", "mark failed: step second")
        await d.see("✗ failed")
    assert node(product, run, "second")["state"] == "failed"
    product.run("runs", "stop", run) if state(product, run) == "running" else None


async def test_a_node_is_run_anew_with_what_follows_it(product: Product, deck: OpenDeck) -> None:
    run = flow(product, "undoable")
    product.ended(run)
    async with deck(f"run {run}") as d:
        await on(d, "do")
        await asked(d, "R", "rerun: step do", "this runs anew, also where it had succeeded:")
        until(lambda: node(product, run, "do")["attempt"] == 2)


async def test_a_run_is_rolled_back(product: Product, deck: OpenDeck) -> None:
    run = flow(product, "undoable")
    product.ended(run)
    async with deck(f"run {run}") as d:
        await d.see("✗ failed")
        await asked(d, "U", "this undoes, one after the other:", "undo-it")
        await d.see("rolled_back")


async def test_a_gateway_is_shown_its_way(product: Product, deck: OpenDeck) -> None:
    run = flow(product, "crossroads")
    product.ended(run)
    async with deck(f"run {run}") as d:
        await on(d, "which")
        await d.press("w")
        await d.see("from which to which node?")
        await d.press("j", "enter")
        await d.see("choose the path: step which")
        await d.press("enter")
        until(lambda: node(product, run, "small")["state"] == "succeeded")


async def test_a_node_that_waits_is_skipped(product: Product, deck: OpenDeck) -> None:
    run = flow(product, "skippable")
    async with deck(f"run {run}") as d:
        await on(d, "rest")
        await asked(d, "K", "skip: step rest")
        await d.see("✓ succeeded")


async def test_the_next_batch_is_let_go(product: Product, deck: OpenDeck) -> None:
    run = product.detached(
        "run", "--on", "role=web", "--batch", "1", "--mode", "manual", "true # batches"
    )
    async with deck(f"run {run}") as d:
        await d.see("c next batch")
        await asked(d, "c", "continue: step command, 1 host", "web2")
        await d.see("✓ succeeded")


async def test_hosts_of_which_nobody_knows_are_resolved(product: Product, deck: OpenDeck) -> None:
    product.apply(
        """
kind: job
name: direct
spec:
  targets: web1
  steps: [{name: main, kind: command, command: 'sleep 30 # direct', execution: direct}]
"""
    )
    run = product.detached("start", "direct")
    until(lambda: "running" in str(product.targets(run)))
    product.kill_engine()
    product.run("engine", "start")
    assert product.ended(run)["state"] == "abnormal"
    async with deck(f"run {run}") as d:
        await d.see("? 1 unknown")
        await d.press("u")
        await d.see("how did they end?")
        await d.press("j", "enter")
        await d.see("resolve: step main, 1 host")
        await d.press("enter")
        await d.see("✓ succeeded")


async def test_a_note_is_left(product: Product, deck: OpenDeck) -> None:
    run = product.detached("run", "--on", "web1", "true # noted")
    product.ended(run)
    async with deck(f"run {run} record") as d:
        await d.see("NOTES")
        await d.press("N")
        await d.see("note on run")
        await d.type("handled")
        await d.press("enter")
        await d.see("handled")


async def test_a_run_that_waits_gets_another_priority(product: Product, deck: OpenDeck) -> None:
    product.run("engine", "freeze", "--reason", "calm")
    try:
        run = product.detached("run", "--on", "web1", "true # queued")
        async with deck(f"run {run}") as d:
            await d.see("queued")
            await d.press("m")
            await d.see("priority of")
            await d.press("k", "enter")
            until(lambda: product.api("GET", f"/runs/{run}").json()["priority"] == "high")
            await d.see("high")
    finally:
        product.run("engine", "unfreeze")


async def test_several_runs_are_tried_again_at_once(product: Product, deck: OpenDeck) -> None:
    first, second = failed(product, "web1"), failed(product, "web2")
    async with deck("runs") as d:
        await d.see(second[:12])
        await d.press("space", "space")
        await d.see("2 marked")
        await d.press("r")
        text = await d.see("retry 2 runs")
        assert "web1" in text
        assert "web2" in text
        await d.press("enter")
        await d.see("asked: retry 2 runs")
    assert product.ended(first)["state"] == product.ended(second)["state"] == "succeeded"


async def test_two_runs_are_compared_host_by_host(product: Product, deck: OpenDeck) -> None:
    first = product.detached("run", "--on", "role=web", "echo one")
    product.ended(first)
    second = product.detached("run", "--on", "role=web", "echo two")
    product.ended(second)
    async with deck("runs") as d:
        await d.see("echo two")
        await d.press("space", "space", "=")
        text = await d.see("2 of 2 answers differ")
        assert "1 setting differs" in text
        await d.see(lambda text: "-one" in text and "+two" in text)
        await d.press("d")
        await d.see("steps.command.command")
        await d.press("n", "n")
        await d.see("web2  command")
        await d.press("escape")
        await d.see("TITLE")


async def test_a_run_is_compared_with_the_one_before_it(product: Product, deck: OpenDeck) -> None:
    for _time in range(2):
        run = product.detached("run", "--on", "web1", "echo same # twice")
        product.ended(run)
    async with deck(f"run {run}") as d:
        await d.see("✓ succeeded")
        await d.press("=")
        await d.see("the other run's id")
        await d.press("enter")
        await d.see("no answer differs")

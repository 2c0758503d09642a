"""The view of a run: its panes, from keys to the painted screen, over a real engine."""

from __future__ import annotations

import pytest

from console.cells import width
from tests.support.product import Product
from tests.tui.conftest import OpenDeck

pytestmark = pytest.mark.asyncio

FLOW = """
kind: flow
name: rollout
spec:
  targets: role=web
  nodes:
    - {name: build, kind: local, command: 'echo built'}
    - {name: deploy, kind: command, command: 'test $JOBDECK_HOST = web2', rolling: {batch: '1'}}
    - {name: alarm, kind: command, command: 'echo alarm', targets: 'web1'}
    - {name: smoke, kind: command, command: 'true'}
  edges: [build -> deploy, deploy -> alarm on failure, deploy -> smoke]
"""
ANSWERS = 'case $JOBDECK_HOST in web1) echo "disk full"; exit 3;; *) echo fine;; esac'


@pytest.fixture(scope="module")
def answers(product: Product) -> str:
    """A run in which web1 has failed and the other two hosts answered alike."""
    return product.detached("run", "--on", "all", "--env", "LEVEL=3", ANSWERS)


@pytest.fixture(scope="module")
def rollout(product: Product) -> str:
    """A run of a flow, of which one step has failed."""
    product.apply(FLOW)
    run = product.run("flow", "start", "--detach", "rollout").out.strip()
    product.ended(run)
    return run


async def test_the_list_opens_it_and_escape_comes_back(
    product: Product, deck: OpenDeck, answers: str
) -> None:
    product.ended(answers)
    async with deck("runs") as d:
        await d.see("partially_succeeded")
        await d.press("enter")
        text = await d.see("[steps]")
        assert "✗ 1 failed" in text
        assert "by " in text
        await d.press("escape")
        await d.see("RUN ")


async def test_hosts_stand_by_state_what_needs_a_person_first(
    product: Product, deck: OpenDeck, answers: str
) -> None:
    product.ended(answers)
    async with deck(f"run {answers}") as d:
        await d.see("✗ 1 failed")
        await d.press("enter")
        text = await d.see("NonZeroResultCode")
        assert text.index("web1") < text.index("web2")
        assert "all 3  ✗ 1 failed  ✓ 2 success" in text
        await d.press("!")
        await d.see(lambda text: "NonZero" in text and "web2" not in text)
        await d.press("escape")
        await d.see("web2")
        await d.press("full_stop", "full_stop")
        await d.see(lambda text: "/state:success" in text and "NonZero" not in text)
        await d.press("escape", "escape")
        await d.see("[steps]")


async def test_hosts_that_answered_alike_stand_together_and_two_groups_are_compared(
    product: Product, deck: OpenDeck, answers: str
) -> None:
    product.ended(answers)
    async with deck(f"run {answers}") as d:
        await d.see("✗ 1 failed")
        await d.press("e")
        text = await d.see("web1 printed:")
        assert "数据库,web2" in text or "web2,数据库" in text
        await d.press("D")
        await d.see(lambda text: "-disk full" in text and "+fine" in text)
        await d.press("escape")
        await d.see("web1 printed:")


async def test_what_really_ran_on_one_host_is_told_without_secrets(
    product: Product, deck: OpenDeck
) -> None:
    run = product.detached("run", "--on", "role=web", "--env", "LEVEL=3", "echo $LEVEL")
    product.ended(run)
    async with deck(f"run {run} hosts") as d:
        await d.see("web2")
        await d.press("down", "x")
        text = await d.see("WHERE AND AS WHOM")
        assert "echo $LEVEL" in text
        assert "the engine's own user" in text
        assert "JOBDECK_HOST     web2" in text
        assert "LEVEL            3" in text
        await d.press("escape")
        await d.see("differs from host to host")


async def test_a_flow_is_drawn_with_the_states_of_its_nodes(deck: OpenDeck, rollout: str) -> None:
    async with deck(f"run {rollout}", size=(80, 40)) as d:
        await d.see("deploy")
        await d.press("d")
        text = await d.see("│ ✗ failed")
        assert "▾ on failure" in text
        assert "│ ✓ succeeded │" in text


async def test_a_drawing_that_has_no_room_is_its_tree(product: Product, deck: OpenDeck) -> None:
    nodes = ", ".join(f"{{name: n{n}, kind: local, command: 'true'}}" for n in range(7))
    edges = "[n0 -> n1, n0 -> n2, n0 -> n3, n0 -> n4, n0 -> n5, n0 -> n6]"
    product.apply(f"{{kind: flow, name: wide, spec: {{nodes: [{nodes}], edges: {edges}}}}}")
    run = product.run("flow", "start", "--detach", "wide").out.strip()
    async with deck(f"run {run} graph", size=(60, 30)) as d:
        text = await d.see("There is no room")
        assert "n6" in text
    async with deck(f"run {run} graph", size=(149, 30)) as d:
        await d.see("┬────────┴────────┬")


async def test_batches_and_the_record_have_panes(deck: OpenDeck, rollout: str) -> None:
    async with deck(f"run {rollout}") as d:
        await d.see("deploy")
        await d.press("t")
        await d.see("1/2")
        await d.press("v")
        text = await d.see("WHAT PEOPLE ASKED")
        assert "flow/rollout@1" in text
        await d.press("tab")
        await d.see("[steps]")
        await d.press("shift+tab")
        await d.see("[record]")


async def test_only_panes_that_a_run_has_are_at_hand(
    product: Product, deck: OpenDeck, answers: str
) -> None:
    async with deck(f"run {answers}") as d:
        text = await d.see("[steps]")
        assert "drawing" not in text
        await d.press("d")
        assert "[steps]" in d.text


async def test_a_wide_window_has_the_steps_beside_what_they_did(
    deck: OpenDeck, rollout: str
) -> None:
    async with deck(f"run {rollout}", size=(200, 50)) as d:
        await d.see(lambda text: "NODE" in text and "HOST " in text)
        await d.press("down")
        text = await d.see("✗ 1 failed  - 1 not_started")
        assert "(engine)" not in text


async def test_it_follows_what_happens(product: Product, deck: OpenDeck) -> None:
    flag = product.folder / "go"
    run = product.detached("run", "--on", "web1", f"until test -e {flag}; do sleep 0.1; done")
    async with deck(f"run {run}") as d:
        await d.see("▸ running")
        flag.touch()
        await d.see("✓ succeeded")


async def test_where_one_was_is_found_again(product: Product, deck: OpenDeck, answers: str) -> None:
    product.ended(answers)
    async with deck(f"run {answers}") as d:
        await d.see("✗ 1 failed")
        await d.press("h")
        await d.see("NonZeroResultCode")
        await d.press("down", "down", ":")
        await d.type("runs")
        await d.press("enter")
        await d.see("TITLE")
        await d.press("minus")
        await d.see("[hosts]")
        await d.see(lambda text: "\n> 数据库" in text or "\n> web2" in text)


async def test_a_run_that_is_not_there_is_said(deck: OpenDeck) -> None:
    async with deck("run 01NOSUCHRUN0") as d:
        await d.see("does not exist")


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (200, 60)])
async def test_every_painted_row_is_as_wide_as_the_terminal(
    deck: OpenDeck, rollout: str, answers: str, size: tuple[int, int]
) -> None:
    for run, panes in ((rollout, "nhdxtv"), (answers, "nhexv")):
        async with deck(f"run {run}", size=size) as d:
            await d.see("live")
            for key in panes:
                await d.press(key)
                await d.see("[")
                assert {width(line) for line in d.lines()} == {size[0]}

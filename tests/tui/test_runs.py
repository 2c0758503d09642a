"""The list of runs: live, filtered, marked, acted on."""

from __future__ import annotations

import pytest

from console.cells import width
from console.tui.views.base import View
from tests.support.product import Product
from tests.tui.conftest import OpenDeck

pytestmark = pytest.mark.asyncio


async def test_a_run_that_starts_comes_by_itself(product: Product, deck: OpenDeck) -> None:
    async with deck("runs") as d:
        await d.see("live")
        product.detached("run", "--on", "web1", "echo by-itself")
        await d.see("echo by-itself")


async def test_a_filter_narrows_and_escape_shows_everything(
    product: Product, deck: OpenDeck
) -> None:
    product.run("run", "--on", "web1", "echo kept")
    product.run("run", "--on", "web1", "echo other")
    async with deck("runs") as d:
        await d.see("echo other")
        await d.press("/")
        await d.type("kept")
        await d.see(lambda text: "echo kept" in text and "echo other" not in text)
        await d.press("enter", "escape")
        await d.see("echo other")


async def test_a_bad_filter_says_why_and_changes_nothing(product: Product, deck: OpenDeck) -> None:
    product.run("run", "--on", "web1", "echo stays")
    async with deck("runs") as d:
        await d.see("echo stays")
        await d.press("/")
        await d.type("sta[")
        text = await d.see("regular expression")
        assert "echo stays" in text


async def test_stopping_asks_first_and_no_is_no(product: Product, deck: OpenDeck) -> None:
    run = product.detached("run", "--on", "web1", "sleep 60 # endless")
    async with deck("runs") as d:
        await d.see("# endless")
        await d.press("s")
        await d.see("stop 1 run")
        await d.press("escape")
        assert product.shown(run)["run"]["state"] == "running"
        await d.press("s")
        await d.see("stop 1 run")
        await d.press("enter")
        await d.see("stopped")
    assert product.ended(run)["state"] == "stopped"


async def test_an_engine_that_is_killed_comes_back_behind_it(
    product: Product, deck: OpenDeck
) -> None:
    product.run("run", "--on", "web1", "echo before")
    async with deck("runs") as d:
        await d.see("echo before")
        product.kill_engine()
        text = await d.see("engine is away")
        assert "echo before" in text
        await d.see(lambda text: "engine is away" not in text and "live" in text)
        product.detached("run", "--on", "web1", "echo after")
        await d.see("echo after")


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_every_painted_row_is_as_wide_as_the_terminal(
    product: Product, deck: OpenDeck, size: tuple[int, int]
) -> None:
    product.run("run", "--on", "数据库", "echo 宽度; true")
    async with deck("runs", size=size) as d:
        await d.see("宽度")
        assert {width(line) for line in d.lines()} == {size[0]}


async def test_what_is_shown_is_copied_as_a_command_and_as_a_call(
    product: Product, deck: OpenDeck
) -> None:
    product.run("run", "--on", "web1", "echo copied")
    async with deck("runs state:succeeded by:me since:2h nested:true") as d:
        await d.see("live")
        await d.press("Y")
        await d.see("--state succeeded")
        assert d.app.clipboard == (
            "jobdeck runs list --nested --state succeeded --by tester --since 2h"
        )
        await d.press("C")
        await d.see("copied: curl")
        assert d.app.clipboard.endswith("/runs?nested=true&state=succeeded&actor=tester&since=2h'")


async def test_runs_are_narrowed_to_an_environment_and_to_labels_of_their_job(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(
        """
{kind: environment, name: lab, spec: {}}
---
{kind: host, name: lab1, spec: {protocol: local, environment: lab}}
---
kind: job
name: tagged
labels: {team: web}
spec: {targets: web1, steps: [{name: main, kind: command, command: 'true'}]}
"""
    )
    product.run("run", "--on", "lab1", "echo in-the-lab")
    product.run("start", "tagged")
    async with deck("runs @lab") as d:
        text = await d.see("echo in-the-lab")
        assert "tagged" not in text
    async with deck("runs -l team=web") as d:
        await d.see(lambda text: "tagged" in text and "in-the-lab" not in text)


async def test_a_view_that_opens_asks_once(
    product: Product, deck: OpenDeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[View] = []
    reload = View.reload

    def counted(view: View) -> None:
        asked.append(view)
        reload(view)

    monkeypatch.setattr(View, "reload", counted)
    async with deck("queue") as d:
        await d.see("live")
        await d.pilot.pause(0.5)
        assert [type(view).__name__ for view in asked] == ["QueueView"]

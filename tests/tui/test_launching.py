"""Starts: what they are given, what they would do, what is asked, and the run that opens."""

from __future__ import annotations

from typing import Any

import pytest

from console.tui.widgets.grid import Grid
from tests.support.product import Product
from tests.tui.conftest import OpenDeck
from tests.tui.test_editing import fill, to_row

pytestmark = pytest.mark.asyncio


def job(product: Product, name: str, **fields: Any) -> None:
    """A job of a test's own."""
    step = {"kind": "command", "name": "greet", "command": "echo hello $NAME"}
    product.apply(str({"kind": "job", "name": name, "spec": {"steps": [step], **fields}}))


def newest(product: Product) -> dict[str, Any]:
    [found, *_older] = product.run("runs", "list", "--json").json() or [{"title": ""}]
    return dict(found)


async def test_a_job_is_chosen_and_started(product: Product, deck: OpenDeck) -> None:
    job(product, "chosen", targets="web1")
    async with deck("launch") as d:
        await d.see("chosen")
        await d.press("/")
        await d.type("chosen")
        await d.press("enter")
        await d.see(lambda _text: isinstance(d.app.focused, Grid))
        await d.press("enter")
        await d.see("start chosen on 1 host")
        await d.press("ctrl+s")
        await d.see("do nothing")
        await d.press("enter")
        await d.see("> run")
    run = newest(product)
    assert run["title"] == "chosen"
    assert product.ended(run["id"])["state"] == "succeeded"


async def test_no_is_no(product: Product, deck: OpenDeck) -> None:
    job(product, "refused", targets="web1")
    async with deck("launch job/refused") as d:
        await d.see("start refused on 1 host")
        await d.press("ctrl+s")
        await d.see("do nothing")
        await d.press("escape")
        await d.see(lambda text: "do nothing" not in text)
    assert newest(product)["title"] != "refused"


async def test_parameters_are_filled_in_and_judged(product: Product, deck: OpenDeck) -> None:
    declared = [
        {"name": "NAME", "required": True, "pattern": "[a-z]+"},
        {"name": "LEVEL", "type": "choice", "choices": ["low", "high"], "default": "low"},
    ]
    job(product, "given", targets="web1", parameters=declared)
    async with deck("launch job/given") as d:
        await d.see("NAME")
        await d.press("ctrl+s")
        await d.see("nothing was started: see the fields")
        await fill(d, "NAME", "Ada")
        await d.see("must match [a-z]+")
        await fill(d, "NAME", "ada")
        await to_row(d, "LEVEL")
        await d.press("right")
        await d.see("high")
        await d.see("start given on 1 host")
        await d.press("ctrl+s")
        await d.see("do nothing")
        await d.press("enter")
        await d.see("> run")
    run = product.shown(newest(product)["id"])["run"]
    assert run["definition"]["parameters"] == {"NAME": "ada", "LEVEL": "high"}


async def test_a_secret_parameter_is_seen_nowhere(product: Product, deck: OpenDeck) -> None:
    secret = {"name": "TOKEN", "type": "secret", "required": True}
    job(product, "secretive", targets="web1", parameters=[secret])
    async with deck("launch job/secretive") as d:
        await to_row(d, "TOKEN")
        await d.press("enter")
        await d.see("type it, or @FILE")
        await d.type("hush-hush")
        await d.press("enter")
        await d.see("(typed, not saved)")
        await d.press("ctrl+s")
        await d.see("do nothing")
        assert "hush-hush" not in d.text
        await d.press("enter")
        await d.see("> run")
    assert product.ended(newest(product)["id"])["state"] == "succeeded"
    kept = [file.read_text() for file in product.home.drafts.glob("*")]
    assert not [text for text in kept if "hush-hush" in text]


async def test_targets_are_counted_while_they_are_typed(product: Product, deck: OpenDeck) -> None:
    job(product, "counted")
    async with deck("launch job/counted") as d:
        await to_row(d, "targets")
        await d.press("enter")
        await d.type("role=web")
        await d.see("2 hosts  web[1-2]")
        await d.press("enter")
        await d.see("start counted on 2 hosts")


async def test_a_guard_rail_has_the_number_of_hosts_typed(product: Product, deck: OpenDeck) -> None:
    product.apply("{kind: environment, name: careful, spec: {confirm: true}}")
    host = "{kind: host, name: guarded, spec: {protocol: local, environment: careful}}"
    product.apply(host)
    job(product, "watched", targets="guarded")
    async with deck("launch job/watched") as d:
        await d.see("asks to type the number of hosts: 1")
        await d.press("ctrl+s")
        await d.see("type 1 to confirm")
        await d.type("2")
        await d.press("enter")
        assert newest(product)["title"] != "watched"
        await d.press("backspace")
        await d.type("1")
        await d.press("enter")
        await d.see("> run")
    assert newest(product)["title"] == "watched"


async def test_a_change_number_is_asked_for(product: Product, deck: OpenDeck) -> None:
    rails = "{change_required: true, change_pattern: 'CHG-[0-9]+'}"
    product.apply(f"{{kind: environment, name: changing, spec: {rails}}}")
    product.apply("{kind: host, name: numbered, spec: {protocol: local, environment: changing}}")
    job(product, "under-change", targets="numbered")
    async with deck("launch job/under-change") as d:
        await fill(d, "change", "CHG-77")
        await d.see("start under-change on 1 host")
        await d.press("ctrl+s")
        await d.see("do nothing")
        await d.press("enter")
        await d.see("> run")
    assert newest(product)["change"] == "CHG-77"


async def test_a_dangerous_command_is_acknowledged_by_name(
    product: Product, deck: OpenDeck
) -> None:
    rule = "{pattern: 'very-dangerous', level: confirm, message: it is dangerous}"
    product.apply(f"{{kind: command-rule, name: perilous, spec: {rule}}}")
    async with deck("launch command on web1") as d:
        await to_row(d, "command")
        await d.press("enter")
        await d.see("back to the form")
        await d.type("echo very-dangerous")
        await d.press("escape")
        await d.see("rules for dangerous commands: perilous")
        await d.press("ctrl+s")
        await d.see("do nothing")
        await d.press("enter")
        await d.see("type perilous to confirm")
        await d.type("perilous")
        await d.press("enter")
        await d.see("> run")
    assert newest(product)["title"] == "echo very-dangerous"


async def test_a_plan_and_a_probe_tell_before_anything_runs(
    product: Product, deck: OpenDeck
) -> None:
    job(product, "planned", targets="role=web")
    async with deck("launch job/planned", size=(140, 40)) as d:
        await d.see("start planned on 2 hosts")
        await d.press("p")
        await d.see("AT A TIME")
        await d.press("P")
        probed = await d.see("2 ready")
        await d.press("c")
        await d.see(lambda text: text != probed and "2 ready" in text and "done" in text)
    assert newest(product)["title"] != "planned"


async def test_a_long_preview_is_scrolled_beside_the_form(product: Product, deck: OpenDeck) -> None:
    job(product, "long", targets="role=web")
    async with deck("launch job/long", size=(100, 30)) as d:
        await d.see("start long on 2 hosts")
        await to_row(d, "rolling")
        await d.press("enter")
        await fill(d, "batch", "1")
        first = await d.see("batch 1/2")
        await d.press("p")
        await d.see("AT A TIME" if "AT A TIME" not in first else "batch")
        await d.press(*["shift+down"] * 30)
        below = await d.see(lambda text: text != first)
        await d.press(*["shift+up"] * 30)
        await d.see(lambda text: text != below)


async def test_batches_are_shown_before_the_start(product: Product, deck: OpenDeck) -> None:
    job(product, "rolled", targets="role=web")
    async with deck("launch job/rolled", size=(140, 40)) as d:
        await to_row(d, "rolling")
        await d.press("enter")
        await fill(d, "batch", "1")
        await d.see("batch 2/2")


async def test_what_was_begun_is_there_when_one_comes_back(
    product: Product, deck: OpenDeck
) -> None:
    job(product, "begun", targets="web1")
    async with deck("launch job/begun") as d:
        await fill(d, "title", "for ada")
        await d.see("changed")
    async with deck("launch job/begun") as d:
        await d.see("for ada")
        await d.press("X")
        await d.see(lambda text: "for ada" not in text)


async def test_an_earlier_run_is_asked_again(product: Product, deck: OpenDeck) -> None:
    job(product, "repeated")
    run = product.detached("start", "repeated", "--on", "web2", "--title", "the first")
    product.ended(run)
    async with deck(f"launch again {run}") as d:
        await d.see("the first")
        await fill(d, "title", "the second")
        await d.see("start the second on 1 host")
        await d.press("ctrl+s")
        await d.see("do nothing")
        await d.press("enter")
        await d.see("> run")
    found = newest(product)
    assert (found["title"], found["target_count"]) == ("the second", 1)


async def test_marked_hosts_are_what_a_command_runs_on(product: Product, deck: OpenDeck) -> None:
    async with deck("hosts web") as d:
        await d.see("> web1")
        await d.press("space", "space", "x")
        await d.see("web[1-2]")
        await d.see("launch a command")

"""Documents as forms: typed, judged, saved, kept as drafts, and what others do meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.deck import Deck
from tests.support.product import Product
from tests.tui.conftest import OpenDeck

pytestmark = pytest.mark.asyncio


def spec(product: Product, kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = product.run("get", kind, name, "--json").json()["spec"]
    return found


def host(product: Product, name: str, **fields: Any) -> None:
    """A host of a test's own."""
    product.apply(str({"kind": "host", "name": name, "spec": {"protocol": "local", **fields}}))


async def to_row(d: Deck, label: str) -> None:
    """Put the cursor on a row of the form."""
    await d.see(label)
    await d.press("g")
    for _row in range(60):
        line = next((each for each in d.lines() if each.startswith(">")), "")
        if line[1:].strip(" *+-").startswith(label):
            return
        await d.press("down")
        await d.pilot.pause()
    raise AssertionError(f"no row {label}\n{d.text}")


async def fill(d: Deck, label: str, text: str) -> None:
    """Type a value in place of the one that stands there."""
    await to_row(d, label)
    await d.press("enter", "end", "ctrl+u")
    await d.type(text)
    await d.press("enter")


async def test_a_field_is_typed_and_saved(product: Product, deck: OpenDeck) -> None:
    host(product, "typed")
    async with deck("edit host/typed") as d:
        await fill(d, "address", "10.1.2.3")
        assert "not saved" in await d.see("changed")
        assert "address" not in spec(product, "host", "typed")
        await d.press("ctrl+s")
        await d.see("is now revision 2")
    assert spec(product, "host", "typed") == {"address": "10.1.2.3", "protocol": "local"}


async def test_what_is_wrong_is_said_at_the_field_and_is_not_saved(
    product: Product, deck: OpenDeck
) -> None:
    host(product, "wrong")
    async with deck("edit host/wrong") as d:
        await fill(d, "port", "many")
        await d.see("must be a whole number")
        await d.press("ctrl+s")
        await d.see("not saved: see the fields")
    assert spec(product, "host", "wrong") == {"protocol": "local"}


async def test_the_engine_judges_while_it_is_typed(product: Product, deck: OpenDeck) -> None:
    host(product, "judged")
    async with deck("edit host/judged") as d:
        await fill(d, "account", "nobody-here")
        await d.see("nobody-here' does not exist")
        await fill(d, "account", "")
        await d.see(lambda text: "does not exist" not in text)


async def test_escape_takes_back_what_was_typed(product: Product, deck: OpenDeck) -> None:
    host(product, "taken-back", address="10.0.0.1")
    async with deck("edit host/taken-back") as d:
        await to_row(d, "address")
        await d.press("enter")
        await d.type("99")
        await d.see("10.0.0.199")
        await d.press("escape")
        assert "not saved" not in await d.see(lambda text: "10.0.0.199" not in text)


async def test_a_new_document_is_made(product: Product, deck: OpenDeck) -> None:
    async with deck("edit script") as d:
        await fill(d, "name", "hello")
        await to_row(d, "text")
        await d.press("enter")
        await d.see("back to the form")
        await d.type("echo hello")
        await d.press("escape")
        await d.see("echo hello")
        await d.press("ctrl+s")
        await d.see("script hello is now revision 1")
        await d.see("> script hello")
    assert spec(product, "script", "hello")["text"] == "echo hello"


async def test_a_new_document_does_not_replace_one_of_its_name(
    product: Product, deck: OpenDeck
) -> None:
    host(product, "there-already", address="10.0.0.1")
    async with deck("edit host") as d:
        await fill(d, "name", "there-already")
        await d.press("ctrl+s")
        await d.see("already")
    assert spec(product, "host", "there-already")["address"] == "10.0.0.1"


async def test_steps_are_added_moved_and_removed(product: Product, deck: OpenDeck) -> None:
    step = {"kind": "command", "name": "first", "command": "true"}
    product.apply(str({"kind": "job", "name": "grows", "spec": {"steps": [step]}}))
    async with deck("edit job/grows") as d:
        await to_row(d, "steps")
        await d.press("a")
        await d.see("what kind")
        await d.type("command")
        await d.press("enter")
        await d.see(lambda text: "steps[1].name" in text)
        await d.type("second")
        await d.press("enter")
        await to_row(d, "command")
        await d.press("enter")
        await d.see("back to the form")
        await d.type("echo 2")
        await d.press("escape")
        await to_row(d, "2 second")
        await d.press("K")
        await d.see("1 second")
        await d.press("J")
        await d.see("2 second")
        await d.press("K")
        await d.see("1 second")
        await d.press("ctrl+s")
        await d.see("is now revision 2")
    names = [each["name"] for each in spec(product, "job", "grows")["steps"]]
    assert names == ["second", "first"]


async def test_a_step_is_removed(product: Product, deck: OpenDeck) -> None:
    steps = [{"kind": "command", "name": name, "command": "true"} for name in ("one", "two")]
    product.apply(str({"kind": "job", "name": "shrinks", "spec": {"steps": steps}}))
    async with deck("edit job/shrinks") as d:
        await to_row(d, "steps")
        await d.press("enter")
        await to_row(d, "1 one")
        await d.press("d")
        await d.see("1 two")
        await d.press("ctrl+s")
        await d.see("is now revision 2")
    assert [each["name"] for each in spec(product, "job", "shrinks")["steps"]] == ["two"]


async def test_keys_of_a_map_are_added(product: Product, deck: OpenDeck) -> None:
    host(product, "labelled")
    async with deck("edit host/labelled") as d:
        await to_row(d, "labels")
        await d.press("a")
        await d.see("add to labels")
        await d.type("env")
        await d.press("enter")
        await d.see("labels.env")
        await d.type("prod")
        await d.press("enter", "ctrl+s")
        await d.see("is now revision 2")
    found = product.run("get", "host", "labelled", "--json").json()
    assert found["labels"] == {"env": "prod"}


async def test_choices_and_flags_change_with_the_arrows(product: Product, deck: OpenDeck) -> None:
    product.apply(str({"kind": "environment", "name": "arrows", "spec": {}}))
    async with deck("edit environment/arrows") as d:
        await to_row(d, "read_only")
        await d.press("right")
        await d.see("changed")
        await d.see("yes")
        await d.press("left")
        await d.see(lambda text: "yes" not in text)
        await d.press("u")
        await d.see(lambda text: "changed" not in text)
        await d.press("right", "ctrl+s")
        await d.see("is now revision 2")
    assert spec(product, "environment", "arrows") == {"read_only": True}
    product.run("delete", "environment", "arrows", "--yes")


async def test_seldom_fields_are_shown_when_asked_for(product: Product, deck: OpenDeck) -> None:
    host(product, "seldom")
    async with deck("edit host/seldom") as d:
        assert "health_s" not in await d.see("environment")
        await d.press("t")
        await fill(d, "health_s", "5m")
        await d.see("300")
        await d.press("t")
        text = await d.see(lambda text: "facts_s" not in text)
        assert "health_s" in text


async def test_a_secret_goes_into_the_vault_and_is_never_seen(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(str({"kind": "account", "name": "locked", "spec": {"user": "u"}}))
    async with deck("edit account/locked") as d:
        await to_row(d, "password")
        await d.press("enter")
        await d.see("type it, or @FILE")
        await d.type("hush-hush")
        assert "hush-hush" not in d.text
        await d.press("enter")
        assert "hush-hush" not in await d.see("(typed, not saved)")
        await d.pilot.pause(0.8)
        kept = "".join(file.read_text() for file in product.home.drafts.iterdir())
        assert "hush-hush" not in kept
        await d.press("ctrl+s")
        await d.see("is now revision 2")
    assert list(spec(product, "account", "locked")["password"]) == ["secret"]


async def test_a_draft_outlives_the_console(product: Product, deck: OpenDeck) -> None:
    host(product, "drafted")
    async with deck("edit host/drafted") as d:
        await fill(d, "address", "10.9.9.9")
        await d.see("not saved")
    async with deck("edit host/drafted") as d:
        text = await d.see("you began this before")
        assert "10.9.9.9" in text
        await d.press("enter")
        await d.see("not saved")
        await d.press("ctrl+s")
        await d.see("is now revision 2")
    assert spec(product, "host", "drafted")["address"] == "10.9.9.9"
    async with deck("edit host/drafted") as d:
        assert "you began" not in await d.see("10.9.9.9")


async def test_a_draft_that_is_thrown_away_is_gone(product: Product, deck: OpenDeck) -> None:
    host(product, "regretted")
    async with deck("edit host/regretted") as d:
        await fill(d, "address", "10.9.9.9")
        await d.see("not saved")
        await d.press("X")
        await d.see("discard the draft")
        await d.press("enter")
        await d.see(lambda text: "10.9.9.9" not in text and "not saved" not in text)
    async with deck("edit host/regretted") as d:
        assert "you began" not in await d.see("address")


async def test_somebody_else_was_faster_and_both_stand(product: Product, deck: OpenDeck) -> None:
    host(product, "shared")
    async with deck("edit host/shared") as d:
        await fill(d, "address", "10.7.7.7")
        host(product, "shared", port=2222)
        await d.see("has changed it meanwhile")
        await d.press("ctrl+s")
        text = await d.see("somebody else was faster")
        assert "spec.port" in text
        assert "10.7.7.7" in text
        await d.press("enter")
        await d.see("revision 2")
        await d.press("ctrl+s")
        await d.see("is now revision 3")
    found = spec(product, "host", "shared")
    assert found == {"address": "10.7.7.7", "port": 2222, "protocol": "local"}


async def test_what_somebody_else_saves_comes_by_itself(product: Product, deck: OpenDeck) -> None:
    host(product, "watched")
    async with deck("edit host/watched") as d:
        await d.see("address")
        host(product, "watched", address="10.5.5.5")
        await d.see("10.5.5.5")


async def test_an_engine_that_is_killed_takes_no_draft_with_it(
    product: Product, deck: OpenDeck
) -> None:
    host(product, "survivor")
    async with deck("edit host/survivor") as d:
        await fill(d, "address", "10.3.3.3")
        product.kill_engine()
        await d.see("engine is away")
        assert "10.3.3.3" in d.text
        await d.see(lambda text: "engine is away" not in text and "live" in text)
        await d.press("ctrl+s")
        await d.see("is now revision 2")
    assert spec(product, "host", "survivor")["address"] == "10.3.3.3"


async def test_what_changed_is_shown_before_it_is_saved(product: Product, deck: OpenDeck) -> None:
    host(product, "compared", address="10.0.0.1")
    async with deck("edit host/compared") as d:
        await fill(d, "address", "10.0.0.2")
        await d.press("=")
        text = await d.see("save this")
        assert "spec.address: 10.0.0.1 -> 10.0.0.2" in text
        await d.press("enter")
        await d.see("is now revision 2")


async def test_names_of_documents_are_offered(product: Product, deck: OpenDeck) -> None:
    product.apply(str({"kind": "account", "name": "deployer", "spec": {"user": "u"}}))
    host(product, "offered")
    async with deck("edit host/offered") as d:
        await to_row(d, "account")
        await d.see("deployer")
        await d.press("enter", "d", "e", "p")
        await d.see(lambda text: "deployer" in text.split("account  name")[0])
        await d.press("right", "enter", "ctrl+s")
        await d.see("is now revision 2")
    assert spec(product, "host", "offered")["account"] == "deployer"


async def test_an_expression_counts_its_hosts_while_it_is_typed(
    product: Product, deck: OpenDeck
) -> None:
    product.apply(str({"kind": "group", "name": "counted", "spec": {"expression": "role=db"}}))
    async with deck("edit group/counted") as d:
        await to_row(d, "expression")
        await d.press("enter", "end", "ctrl+u")
        await d.type("role=web")
        await d.see("2 hosts  web[1-2]")
        await d.type(" &")
        await d.see(lambda text: "column" in text and "^" in text)

"""Settings: what is chosen holds at once and is kept; keys that are taken are told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.preferences import PreferenceFile
from tests.support.product import Product
from tests.tui.conftest import OpenDeck


@pytest.fixture(autouse=True)
def fresh(product: Product, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No preferences before, and the language of the test run after."""
    monkeypatch.setenv("JOBDECK_LANG", "en")
    product.home.preferences.unlink(missing_ok=True)
    yield
    product.home.preferences.unlink(missing_ok=True)


async def test_a_language_is_spoken_at_once(product: Product, deck: OpenDeck) -> None:
    async with deck("settings") as d:
        await d.see("language")
        await d.press("j", "enter")
        await d.see("简体中文")
        await d.press("j", "enter")
        await d.see(lambda text: "语言" in text and "language" not in text)
        assert PreferenceFile(product.home.preferences).read().language == "zh_CN"


async def test_a_theme_is_worn_at_once(product: Product, deck: OpenDeck) -> None:
    async with deck("settings") as d:
        await d.see("as the terminal is")
        before = d.app.theme
        await d.press("enter")
        await d.see("high contrast")
        await d.press("j", "j", "enter")
        await d.see("changed")
        assert d.app.theme != before
        assert PreferenceFile(product.home.preferences).read().theme == "light"


async def test_a_key_is_given_to_another_action_and_taken_back(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("settings") as d:
        await d.see("language")
        await d.press("slash")
        await d.type("faults only")
        await d.press("enter")
        await d.see("runs: faults only")
        await d.press("j")
        assert d.app.view.subject().name == "runs.faults"
        await d.press("enter")
        await d.see("which key is to do this")
        await d.press("x")
        await d.see("pressed: x")
        await d.press("enter")
        await d.see("changed")
        assert PreferenceFile(product.home.preferences).read().keys == {"runs.faults": "x"}
        await d.press("2")
        await d.see("x faults only")
        await d.press("x")
        await d.see("/state:failed")


async def test_a_key_that_another_action_has_is_refused_with_its_name(
    product: Product, deck: OpenDeck
) -> None:
    async with deck("settings") as d:
        await d.see("language")
        await d.press("slash")
        await d.type("runs: stop")
        await d.press("enter")
        await d.see("runs: stop")
        await d.press("enter")
        await d.see("which key is to do this")
        await d.press("question_mark")
        await d.see("everywhere.keys")
        await d.press("enter")
        await d.see("which key is to do this")
        await d.press("escape")
    assert not product.home.preferences.exists()


async def test_backspace_gives_the_default_back(product: Product, deck: OpenDeck) -> None:
    PreferenceFile(product.home.preferences).change(theme="light")
    async with deck("settings") as d:
        await d.see("changed")
        await d.press("backspace")
        await d.see("as the terminal is")
    assert PreferenceFile(product.home.preferences).read().theme == ""


async def test_preferences_that_cannot_be_understood_are_told_and_left_alone(
    product: Product, deck: OpenDeck
) -> None:
    product.home.preferences.write_text('theme = "light\n')
    async with deck("settings") as d:
        await d.see("the preferences cannot be understood")
        await d.press("escape", "j", "enter")
        await d.see("简体中文")
        await d.press("j", "enter")
        await d.see("the preferences cannot be understood")
    assert product.home.preferences.read_text() == 'theme = "light\n'


async def test_keys_that_cannot_be_are_told_and_the_default_key_stays(
    product: Product, deck: OpenDeck
) -> None:
    written = '[keys]\n"runs.faults" = "q"\n"runs.fly" = "x"\n'
    product.home.preferences.write_text(written)
    async with deck("runs") as d:
        await d.see("[keys] runs.faults: q is the key of")
        await d.see("[keys] runs.fly: there is no such action")
        await d.press("escape", "exclamation_mark")
        await d.see("/state:failed")
        await d.press("colon")
        await d.type("settings")
        await d.press("enter")
        await d.see("[keys] runs.faults: q is the key of")
        await d.press("slash")
        await d.type("faults only")
        await d.press("enter")
        await d.see("not in force")
        assert product.home.preferences.read_text() == written
        await d.press("j", "backspace")
        await d.see(lambda text: "runs.fly" in text and "[keys] runs.faults" not in text)


async def test_a_sign_may_be_a_key(product: Product, deck: OpenDeck) -> None:
    PreferenceFile(product.home.preferences).change(keys={"runs.faults": "%,$"})
    async with deck("runs") as d:
        await d.see("% faults only")
        await d.press("dollar_sign")
        await d.see("/state:failed")


async def test_the_help_page_of_keys_has_those_that_are_in_force(
    product: Product, deck: OpenDeck
) -> None:
    PreferenceFile(product.home.preferences).change(keys={"everywhere.quit": "ctrl+q"})
    async with deck("help keys") as d:
        await d.see("^q")


async def test_another_choice_leaves_the_language_that_was_asked_for(
    product: Product, deck: OpenDeck
) -> None:
    PreferenceFile(product.home.preferences).change(language="zh_CN")
    async with deck("settings") as d:
        await d.see("language")
        await d.press("enter")
        await d.see("high contrast")
        await d.press("j", "enter")
        await d.see("kept")
        await d.see("language")

"""The frame around a view: what comes while there is no view to frame ends nothing."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widget import Widget

from console.tui.link import State
from console.tui.navigation import Place
from tests.tui.conftest import OpenDeck


async def test_news_between_two_views_are_told_with_the_second(
    deck: OpenDeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deck("runs") as d:
        await d.see("live")
        body = d.app.query_one("#body", Widget)
        mount = body.mount

        def mount_after_news(view: Widget) -> Any:
            d.app._line_is(State.AWAY, "it sleeps")
            d.app.say("said between")
            return mount(view)

        monkeypatch.setattr(body, "mount", mount_after_news)
        d.app.go(Place("events"))
        shown = await d.see("said between")
        assert "it sleeps" in shown
        assert "events" in shown.splitlines()[0]


async def test_news_that_come_when_the_screen_is_gone_are_for_nobody(deck: OpenDeck) -> None:
    async with deck("runs") as d:
        await d.see("live")
        app = d.app
    app._line_is(State.AWAY, "it sleeps")

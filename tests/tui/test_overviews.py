"""Every overview at every size: rows as wide as the terminal, whatever names and texts are."""

from __future__ import annotations

import pytest

from console.cells import width
from tests.support.product import Product
from tests.tui.conftest import OpenDeck

DOCUMENTS = """
{kind: job, name: 夜间备份, spec: {targets: 数据库, steps: [{name: s, kind: command, command: "true"}]}}
---
{kind: schedule, name: 周报, spec: {job: 夜间备份, trigger: {cron: "0 8 * * 1"}}}
---
kind: command-rule
name: careful
spec: {words: [careful], level: review, message: "磁盘 \\U0001F468\\u200D\\U0001F469 e\\u0301 \\u202Eabc", approval: {forbid_requester: false}}
"""
PLACES = (
    "pulse", "schedules", "schedule 周报", "approvals", "queue", "events", "engine", "channels",
    "settings", "help", "help states", "help keys", "tour",
)  # fmt: skip


@pytest.mark.parametrize(
    ("size", "language"), [((40, 12), "en"), ((80, 24), "zh_CN"), ((200, 60), "zh_CN")]
)
async def test_every_row_is_as_wide_as_the_terminal(
    product: Product,
    deck: OpenDeck,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    language: str,
) -> None:
    product.apply(DOCUMENTS)
    product.cli("run", "--on", "数据库", "--", "printf 'x\\033[2J'; exit 3 # 宽度 \t\x07")
    product.detached("run", "--on", "web1", "echo careful \u202e 宽")
    monkeypatch.setenv("JOBDECK_LANG", language)
    async with deck("pulse", size=size) as d:
        for place in PLACES:
            assert d.app.obey(place)
            await d.see(lambda _text, place=place: str(d.app.view.place) == place)
            await d.pilot.pause(0.1)
            lines = d.lines()
            assert {width(line) for line in lines} == {size[0]}, f"{place}\n{d.text}"
            assert len(lines) == size[1]
            assert not any(ord(each) < 32 for line in lines for each in line), place

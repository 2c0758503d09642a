"""The terminal UI in a real tmux: every row as wide as the terminal, whatever names and titles hold."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from wcwidth import wcswidth

from tests.support.product import Product
from tests.support.terminal import Terminal

pytestmark = [pytest.mark.needs("tmux"), pytest.mark.slow]

JOBDECK = (sys.executable, "-P", "-m", "console.cli.main")
COLUMNS, ROWS = 100, 30
TITLES = {
    "chinese": "部署到生产环境，然后检查",
    "korean and kana": "배포 デプロイ",
    "combining": "re\u0301sume\u0301 vo\u0308llig",
    "right to left": "\u0627\u0644\u0625\u0646\u062a\u0627\u062c \u05d9\u05d9\u05e6\u05d5\u05e8",
    "a tab": "a\tb",
    "control bytes": "\x1b[31mred\x1b]0;owned\x07 \x9b2J \x08\x7f",
    "a very long one": "long " * 38,
}


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    with Product() as product:
        product.apply("{kind: host, name: 主机一, spec: {protocol: local}}")
        for title in [*TITLES.values(), "the last one |"]:
            step = {"kind": "command", "name": "c", "command": "true"}
            body = {"step": step, "targets": "all", "title": title}
            started = product.api("POST", "/runs", json=body)
            assert started.status_code == 202, started.text
        with Terminal(home, product.env, columns=COLUMNS, rows=ROWS) as terminal:
            yield terminal


def test_every_row_keeps_its_columns(terminal: Terminal) -> None:
    terminal.start(*JOBDECK, "tui", "runs")
    terminal.wait_for("the last one |")
    terminal.wait_for(lambda screen: screen.count("succeeded") == len(TITLES) + 1)
    title = terminal.title
    screen = terminal.screen()
    rows = [row for row in screen.splitlines() if "succeeded" in row]

    # What stands left of a column is as wide in every row: nothing drifted.
    assert len({wcswidth(row[: row.index("succeeded")]) for row in rows}) == 1
    assert {row.split("succeeded")[1].split()[0] for row in rows} == {"1"}
    assert all(wcswidth(row) <= COLUMNS for row in screen.splitlines())
    assert r"\x1b[31mred" in screen
    assert "owned" not in title
    header, footer = screen.splitlines()[0], screen.splitlines()[-1]
    assert header.startswith(" Jobdeck")
    assert header.endswith("live")
    assert footer.endswith("keys")

    for key, reached in (("j", "2/8"), ("j", "3/8"), ("G", "8/8"), ("k", "7/8"), ("g", "1/8")):
        terminal.press(key)
        terminal.wait_for(reached)
    again = terminal.screen()
    terminal.press("F5")
    terminal.wait_for(lambda screen: screen.splitlines()[2:] == again.splitlines()[2:])
    terminal.type("q", enter=False)
    code, _screen = terminal.ended()
    assert code == 0

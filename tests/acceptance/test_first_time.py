"""The very first minutes, as a person has them: an empty home, a real terminal, keys only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.product import Product
from tests.support.terminal import Terminal

pytestmark = [pytest.mark.needs("tmux"), pytest.mark.slow]

JOBDECK = (sys.executable, "-P", "-m", "console.cli.main")


@pytest.fixture
def product() -> Iterator[Product]:
    with Product() as product:
        yield product


@pytest.fixture
def terminal(product: Product, home: Path) -> Iterator[Terminal]:
    with Terminal(home, product.env) as terminal:
        yield terminal


def test_jobdeck_alone_leads_from_nothing_to_a_first_run(
    product: Product, terminal: Terminal
) -> None:
    terminal.start(*JOBDECK)
    terminal.wait_for("make this machine a host")
    terminal.press("Enter")
    terminal.wait_for("Enter asks for the command")
    terminal.press("Enter")
    terminal.wait_for("run this command")
    terminal.type("echo it works")
    terminal.wait_for("Enter opens all of it")
    terminal.press("Enter")
    terminal.wait_for("output")
    terminal.press("Escape")
    terminal.wait_for("That was a run. What next:")
    terminal.press("1")
    terminal.wait_for("1 succeeded")
    terminal.press("q")
    terminal.wait_for("exit1=0")
    (run,) = product.run("runs", "list", "--json").json()
    assert (run["state"], run["title"]) == ("succeeded", "echo it works")


def test_the_language_is_asked_for_anywhere(terminal: Terminal) -> None:
    terminal.start(*JOBDECK, "--lang", "zh_CN")
    terminal.wait_for("欢迎使用 Jobdeck")
    terminal.press("q")
    terminal.wait_for("exit1=0")


def test_without_a_terminal_or_where_nobody_may_be_asked_it_is_the_help_page(
    product: Product, terminal: Terminal
) -> None:
    for words in ([], ["--no-input"]):
        ended = product.cli(*words)
        assert ended.code == 2
        assert "jobdeck" in ended.err
    assert "Usage: jobdeck" in product.cli().err
    terminal.start("env", "TERM=dumb", *JOBDECK)
    terminal.wait_for("exit1=2")

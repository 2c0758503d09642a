"""The terminal UI in a real terminal, with keys only: from an empty home to a recovered run.

A real sshd, a real tmux, a real engine that is killed in the middle. Nothing is typed into a
shell but `jobdeck`; an account, hosts, a start, a retry and a vote are all made on the screen.
"""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fleet import Fleet
from tests.support.product import Product
from tests.support.sshd import Sshd, loopback, temporary_sshd
from tests.support.terminal import Terminal
from tests.support.waiting import until

pytestmark = [pytest.mark.needs("tmux", "sshd"), pytest.mark.slow, pytest.mark.timeout(300)]

JOBDECK = (sys.executable, "-P", "-m", "console.cli.main")

FLOW = """
kind: flow
name: careful
spec:
  nodes:
    - {name: may-we, kind: approval, message: restart the service?, forbid_requester: false}
    - {name: restart, kind: command, command: echo restarted, targets: one}
  edges: [may-we -> restart]
"""


class Screen:
    """What a person does at the terminal."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def keys(self, *keys: str) -> None:
        for key in keys:
            self._terminal.press(key)

    def see(self, *texts: str) -> str:
        """Wait until all of these stand on the screen at once."""
        return self._terminal.wait_for(lambda screen: all(text in screen for text in texts))

    def until_gone(self, text: str) -> None:
        self._terminal.wait_for(lambda screen: text not in screen)

    def confirm(self, key: str, shown: str) -> None:
        """Do what asks first, once the footer names it, and say yes."""
        self.see(shown)
        self.keys(key)
        self.see(shown.split()[1], "esc do")
        self.keys("Enter")
        self.until_gone("esc do")

    def command(self, text: str) -> None:
        self.keys(":")
        self._terminal.wait_for(lambda screen: re.search(r"^:", screen, re.MULTILINE))
        self._terminal.type(text)

    def choose(self, name: str) -> None:
        """Put the cursor on the row that begins with this name."""
        row = re.compile(rf"^(>?)[ *]+[+>]? ?{re.escape(name)}\b", re.MULTILINE)
        rows = self._terminal.wait_for(
            lambda screen: row.search(screen) and re.search("^>", screen, re.MULTILINE)
        ).splitlines()
        at = next(number for number, text in enumerate(rows) if row.match(text))
        cursor = next(number for number, text in enumerate(rows) if text.startswith(">"))
        self.keys(*["Down" if at > cursor else "Up"] * abs(at - cursor))
        self._terminal.wait_for(lambda screen: (found := row.search(screen)) and found[1])

    def fill(self, field: str, value: str, *, end: str = "Enter") -> None:
        """Write a value into a field of a form; texts of several lines end with `Escape`."""
        self.choose(field)
        self.keys("Enter")
        self._terminal.type(value, enter=False)
        self.see(value)
        self.keys(end)


@pytest.fixture
def sshd() -> Iterator[Sshd]:
    with temporary_sshd(addresses=loopback(1)) as sshd:
        yield sshd


def test_from_an_empty_home_to_a_recovered_run_with_keys_only(sshd: Sshd, home: Path) -> None:
    with Product() as product, Terminal(home, product.env, columns=100, rows=30) as terminal:
        screen = Screen(terminal)
        key = Fleet(product, sshd).key_file("me", sshd.client_key)
        marker = home / "repaired"

        terminal.start(*JOBDECK, "tui", "pulse")
        screen.see("live", "pulse")

        screen.command("accounts")
        screen.see("accounts", "no account")
        screen.keys("n")
        screen.see("new account")
        screen.keys("t")
        screen.fill("user", getpass.getuser())
        screen.fill("key_file", str(key))
        screen.fill("name", "me")
        screen.keys("C-s")
        screen.see("account me", "revision")

        screen.command("hosts")
        screen.see("[hosts]")
        screen.keys("n")
        screen.see("new host")
        screen.fill("name", "one")
        screen.fill("address", sshd.addresses[0])
        screen.fill("port", str(sshd.port))
        screen.fill("account", "me")
        screen.keys("C-s")
        screen.see("host one", "revision")

        # Its key is unknown: nothing runs there before somebody has approved it.
        screen.command("launch command")
        screen.fill("command", "echo first", end="Escape")
        screen.fill("targets", "one")
        screen.confirm("C-s", "^s start")
        screen.see("echo first", "host_key_failed")
        screen.command("keys")
        screen.see("[host keys]", "pending")
        screen.confirm("a", "a approve")
        screen.see("approved")

        screen.command("launch command")
        work = f"sleep 3; test -e {marker} && echo repaired"
        screen.fill("command", work, end="Escape")
        screen.fill("targets", "one")
        screen.confirm("C-s", "^s start")
        screen.see("sleep 3", "running")
        product.kill_engine()
        screen.see("the engine is away", "sleep 3")
        screen.see("failed", "live")
        assert product.engine_pid is not None

        marker.touch()
        screen.confirm("r", "r retry")
        screen.see("succeeded")
        screen.keys("o")
        screen.see("repaired")

        product.apply(FLOW)
        screen.command("launch flow/careful")
        screen.see("start careful on 1 host")
        screen.confirm("C-s", "^s start")
        screen.see("may-we", "waiting")
        screen.keys("7")
        screen.see("restart the service?")
        screen.confirm("a", "a approve")
        until(lambda: "succeeded" in product.run("runs", "list", "--limit", "1").out)
        screen.command("q")
        assert terminal.ended()[0] == 0

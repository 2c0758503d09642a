"""The command line at a real terminal: a line that lives, questions, Ctrl-C, colours, Chinese."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cells import width
from tests.support.product import Product
from tests.support.terminal import Terminal
from tests.support.waiting import until

pytestmark = [pytest.mark.needs("tmux"), pytest.mark.slow]

JOBDECK = (sys.executable, "-P", "-m", "console.cli.main")

DOCUMENTS = """
kind: environment
name: careful
spec: {confirm: true}
---
kind: job
name: login
spec:
  parameters: [{name: TOKEN, type: secret, required: true}]
  targets: one
  steps: [{name: use, kind: command, command: 'echo "${#TOKEN} characters"'}]
---
{kind: host, name: one, spec: {protocol: local}}
---
{kind: host, name: 主机二, labels: {区域: 华东}, spec: {protocol: local}}
---
{kind: host, name: guarded, spec: {protocol: local, environment: careful}}
"""


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Product() as product:
        product.apply(DOCUMENTS)
        yield product


@pytest.fixture
def terminal(product: Product, home: Path) -> Iterator[Terminal]:
    with Terminal(home, product.env) as terminal:
        yield terminal


class Held:
    """A command that says it began and then waits for `release`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "release"
        # It ends with its folder too: no work is left over that the engine would wait for.
        waits = f"while [ -d {folder} ] && [ ! -e {self._file} ]; do sleep 0.05; done"
        self.command = f"echo began; {waits}; echo done"

    def release(self) -> None:
        self._file.touch()


@pytest.fixture
def held(home: Path) -> Iterator[Held]:
    held = Held(home)
    yield held
    held.release()


def newest(product: Product) -> str:
    """Id of the newest run."""
    return str(product.api("GET", "/runs", params={"limit": 1}).json()["items"][0]["id"])


def test_a_line_tells_how_far_a_run_is_and_leaves_no_trace(terminal: Terminal, held: Held) -> None:
    terminal.start(*JOBDECK, "run", "--on", "one,主机二", "--", held.command)

    terminal.wait_for("0/2  ▸ 2 running")
    held.release()
    code, screen = terminal.ended()

    assert code == 0
    assert screen.splitlines()[1:] == [
        "✓ success  exit 0  2 hosts  one,主机二",
        "    began",
        "    done",
        screen.splitlines()[-1],
    ]
    assert re.fullmatch(r"✓ succeeded  ✓ 2 success  [\d.]+s", screen.splitlines()[-1])


QUESTION = "The run goes on by itself: d)etach, s)top the run, or Enter to go on?"


def test_an_engine_that_is_away_is_one_calm_line(
    product: Product, terminal: Terminal, held: Held
) -> None:
    terminal.start(*JOBDECK, "run", "--on", "one", "--", held.command)
    terminal.wait_for("0/1  ▸ 1 running")

    product.kill_engine()
    terminal.wait_for("the engine is away; coming back ...")
    terminal.wait_for("0/1  ▸ 1 running")
    held.release()
    code, screen = terminal.ended()

    assert code == 0
    assert "✓ succeeded  ✓ 1 success" in screen
    assert "away" not in screen


def test_ctrl_c_asks_and_enter_goes_on(terminal: Terminal, held: Held) -> None:
    terminal.start(*JOBDECK, "run", "--on", "one", "--", held.command)
    terminal.wait_for("1 running")

    terminal.press("C-c")
    terminal.wait_for(QUESTION)
    terminal.press("Enter")
    terminal.wait_for(lambda screen: screen.splitlines()[-1].startswith("0/1"))
    held.release()

    assert terminal.ended()[0] == 0


def test_detaching_leaves_the_run_alone(product: Product, terminal: Terminal, held: Held) -> None:
    terminal.start(*JOBDECK, "run", "--on", "one", "--", held.command)
    terminal.wait_for("1 running")

    terminal.press("C-c")
    terminal.wait_for(QUESTION)
    terminal.type("d")
    code, screen = terminal.ended()
    run_id = newest(product)

    assert code == 0
    assert screen.splitlines()[-1] == f"  jobdeck runs watch {run_id[:12]}"
    assert product.api("GET", f"/runs/{run_id}").json()["state"] == "running"
    held.release()
    assert product.run("runs", "watch", run_id[:12]).out.endswith("    began\n    done\n")


def test_a_second_ctrl_c_detaches(product: Product, terminal: Terminal, held: Held) -> None:
    terminal.start(*JOBDECK, "run", "--on", "one", "--", held.command)
    terminal.wait_for("1 running")

    terminal.press("C-c")
    terminal.wait_for(QUESTION)
    terminal.press("C-c")
    code, screen = terminal.ended()

    assert code == 130
    assert "the run goes on without this terminal" in screen
    assert product.api("GET", f"/runs/{newest(product)}").json()["state"] == "running"


def test_stopping_ends_what_runs_on_hosts(product: Product, terminal: Terminal, held: Held) -> None:
    terminal.start(*JOBDECK, "run", "--on", "one", "--", held.command)
    terminal.wait_for("1 running")

    terminal.press("C-c")
    terminal.wait_for(QUESTION)
    terminal.type("s")
    code, screen = terminal.ended()

    assert code == 130
    assert "stopping: what runs on hosts is being ended" in screen
    assert "- stopped  - 1 terminated" in screen
    assert product.api("GET", f"/runs/{newest(product)}").json()["state"] == "stopped"


def test_without_a_terminal_ctrl_c_detaches(product: Product, held: Held) -> None:
    console = product.open_console("run", "--on", "one", "--stream", "--", held.command)
    assert console.stdout is not None
    assert console.stdout.readline() == b"one | began\n"

    console.send_signal(signal.SIGINT)
    out, err = console.communicate(timeout=30)

    assert console.returncode == 130
    assert b"the run goes on without this terminal" in err
    run_id = newest(product)
    held.release()
    assert product.ended(run_id)["state"] == "succeeded"
    assert out == b""


def test_a_guard_rail_is_confirmed_by_typing_the_number(terminal: Terminal) -> None:
    terminal.start(*JOBDECK, "run", "--on", "guarded,one", "--", "true")

    screen = terminal.wait_for("Type the number of hosts to go on:")
    assert "This would touch 2 hosts:\n  environment careful  guarded\n" in screen
    terminal.type("2")

    code, screen = terminal.ended()
    assert code == 0
    assert "✓ success  exit 0  2 hosts  guarded,one" in screen


def test_a_secret_is_not_shown_while_it_is_typed(terminal: Terminal) -> None:
    terminal.start(*JOBDECK, "start", "login")
    terminal.wait_for("TOKEN (not shown):")

    terminal.type("hunter2")
    code, screen = terminal.ended()

    assert code == 0
    assert "    7 characters" in screen
    assert "hunter2" not in screen


def test_what_a_host_prints_cannot_touch_the_terminal(terminal: Terminal) -> None:
    before = terminal.title
    hostile = r"printf '\033]0;owned\007\033[2J\033[1;1Hgone\n\033[?1049h'"

    terminal.start(*JOBDECK, "run", "--on", "one", "--", hostile)
    code, screen = terminal.ended()

    assert code == 0
    assert r"    \x1b]0;owned\x07\x1b[2J\x1b[1;1Hgone" in screen
    assert terminal.title == before


def sgr(screen: str) -> set[str]:
    return set(re.findall(r"\x1b\[[\d;]*m", screen)) - {"\x1b[0m", "\x1b[39m", "\x1b[49m"}


def test_colours_repeat_what_the_words_say(terminal: Terminal) -> None:
    terminal.start(*JOBDECK, "run", "--on", "one", "--", "true")
    terminal.ended()
    with_colours = terminal.screen(colours=True)
    plain = terminal.screen()

    assert "\x1b[32m✓ success" in with_colours
    assert "✓ success" in plain

    terminal.start("env", "NO_COLOR=1", *JOBDECK, "run", "--on", "one", "--", "true")
    terminal.ended()
    assert sgr(terminal.screen(colours=True)) == set()
    assert "✓ success" in terminal.screen()


def test_chinese_columns_are_straight(product: Product, home: Path) -> None:
    with Terminal(home, {**product.env, "JOBDECK_LANG": "zh_CN"}) as terminal:
        terminal.start(*JOBDECK, "hosts", "list")
        code, screen = terminal.ended()

    rows = screen.splitlines()
    assert code == 0
    assert rows[0].startswith("名称")
    # Every row's second column begins in the same cell, as the terminal drew it.
    starts = {
        width(re.match(r"\S+\s+", row)[0])  # type: ignore[index]
        for row in rows[:4]
    }
    assert len(starts) == 1
    assert rows[-1] == "3 台主机"


@pytest.fixture(scope="module")
def crowded(product: Product) -> Product:
    """Long names, long titles, every kind of state, an action and a note."""
    names = [f"application-server-frankfurt-{number:02}" for number in range(1, 7)]
    document = (
        "kind: host\nname: {}\nlabels: {{fleet: application-servers}}\nspec: {{protocol: local}}\n"
    )
    product.apply("---\n".join(map(document.format, names)))
    title = "renew the certificates of all application servers in Frankfurt"
    work = f'test "$JOBDECK_HOST" != {names[1]}'
    rolls = ("--batch", "2 2 100%", "--max-fail", "0")
    asked = ("run", "--on", "application*", *rolls, "--title", title, "--change", "CHG-20261126-01")
    assert product.cli(*asked, "--", work).code == 1
    product.cli("runs", "retry", "last", "--not-started", "--reason", "the cause was mended")
    product.run("runs", "note", "last", "handled, ticket 123")
    product.cli(*asked, "--", work)
    return product


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize(
    "words",
    [
        ("runs", "list"),
        ("runs", "show", "last"),
        ("runs", "show", "last", "--hosts"),
        ("hosts", "list", "application*"),
        ("engine", "status"),
        ("run", "--on", "application*", "--batch", "2", "--plan", "--", "uptime"),
    ],
    ids=" ".join,
)
def test_tables_fit_eighty_columns(
    crowded: Product, home: Path, language: str, words: tuple[str, ...]
) -> None:
    with Terminal(home, {**crowded.env, "JOBDECK_LANG": language}, rows=80) as terminal:
        terminal.start(*JOBDECK, *words)
        _code, _screen = terminal.ended()
        printed = terminal.screen(unwrapped=True).splitlines()

    assert len(printed) > 3
    assert [line for line in printed if width(line) > 80] == []


def test_a_comparison_fits_eighty_columns(crowded: Product, home: Path) -> None:
    newest, before = (run["id"] for run in crowded.run("runs", "list", "--json").json()[:2])
    with Terminal(home, crowded.env, rows=80) as terminal:
        terminal.start(*JOBDECK, "runs", "compare", before, newest)
        _code, _screen = terminal.ended()
        printed = terminal.screen(unwrapped=True).splitlines()

    assert [line for line in printed if width(line) > 80] == []


def test_a_chinese_help_page_fits_the_terminal(product: Product, home: Path) -> None:
    env = {**product.env, "JOBDECK_LANG": "zh_CN"}
    with Terminal(home, env, rows=120) as terminal:
        terminal.start(*JOBDECK, "run", "--help")
        code, screen = terminal.ended()

    assert code == 0
    assert screen.splitlines()[0] == "用法：jobdeck run [选项] [--] COMMAND..."
    assert all(width(row) <= 80 for row in screen.splitlines())
    # The right column of every section begins in the same cell: nothing was wrapped by tmux.
    flags = [row for row in screen.splitlines() if row.startswith("  -")]
    assert len({width(re.match(r" *(?:\S+ )+ +", row)[0]) for row in flags}) == 1  # type: ignore[index]


def test_a_reader_that_leaves_is_no_error(terminal: Terminal) -> None:
    terminal.type("clear; set -o pipefail 2>/dev/null")
    terminal.start(
        "sh", "-c", f"({' '.join(JOBDECK)} help targets; echo code=$? >&2) | head -n 1"
    )  # fmt: skip
    code, screen = terminal.ended()

    assert code == 0
    assert "Target expressions" in screen
    assert "Traceback" not in screen


def test_following_events_ends_with_the_engine(product: Product, terminal: Terminal) -> None:
    run_id = product.detached("run", "--on", "one", "--", "true")
    product.ended(run_id)
    terminal.start(*JOBDECK, "events", "--follow", "--after", "0")
    terminal.wait_for("run.state")

    product.run("engine", "stop")
    code, screen = terminal.ended()

    assert code == 3
    assert "error: the engine has stopped" in screen
    assert product.run("engine", "start").err.startswith("the engine runs")
    until(lambda: product.engine_pid)

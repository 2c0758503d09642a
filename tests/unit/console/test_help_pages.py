"""The help pages: in both languages, true to the tables, and straight on a terminal."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import assets
from console.cells import width
from console.cli import exit_codes
from console.cli.root import table
from console.pages import render
from console.presenters.states import RUN_SIGNS, TARGET_SIGNS
from console.presenters.text import Table, plain
from core.domain.run import RunState
from core.home import Home
from tests.unit.console.fake_api import Jobdeck

HELP = Path(assets.__file__).parent / "help"
TOPICS = sorted({page.name.partition(".")[0] for page in HELP.glob("*.md")})


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_has_both_languages(topic: str) -> None:
    english = (HELP / f"{topic}.en.md").read_text()
    chinese = (HELP / f"{topic}.zh_CN.md").read_text()

    def shape(text: str) -> list[str]:
        return re.findall(r"^(#+|```)", text, re.MULTILINE)

    assert shape(english) == shape(chinese)


@pytest.mark.parametrize("page", sorted(HELP.glob("*.md")), ids=lambda page: page.name)
def test_pages_fit_their_width(page: Path) -> None:
    lines = [part for part in render(page.read_text(), 80) if not isinstance(part, Table)]
    text = [plain(line) for line in lines if not plain(line).startswith("  ")]

    assert [line for line in text if width(line) > 80] == []


def test_a_row_that_begins_with_code_goes_on_with_its_paragraph() -> None:
    assert [plain(line) for line in render("behind `sudo`,\n`env` or", 80)] == [  # type: ignore[arg-type]
        "behind `sudo`, `env` or",
        "",
    ]


@pytest.mark.parametrize("page", sorted(HELP.glob("*.md")), ids=lambda page: page.name)
def test_commands_in_pages_exist(page: Path) -> None:
    known = {name for places in table().values() for name in places}

    named = set(re.findall(r"\bjobdeck ([a-z]+)", page.read_text()))

    assert named <= known


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_page_of_states_has_every_state_with_its_sign(language: str) -> None:
    text = (HELP / f"states.{language}.md").read_text()
    missing = [
        state.value
        for state, (symbol, _tone) in [*RUN_SIGNS.items(), *TARGET_SIGNS.items()]
        if not re.search(rf"{re.escape(symbol)} [^✓✗▸◦!?~]*`{state.value}`", text)
    ]

    assert missing == []


def test_help_lists_its_topics(jobdeck: Jobdeck) -> None:
    ended = jobdeck("help")

    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines()] == sorted(
        [*TOPICS, "exit-codes", "keys"]
    )


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_is_printed_without_its_marks(jobdeck: Jobdeck, topic: str) -> None:
    ended = jobdeck("help", topic)

    assert ended.code == 0
    assert "```" not in ended.out
    assert "**" not in ended.out
    assert not re.search(r"^#", ended.out, re.MULTILINE)


def test_every_exit_code_is_explained(jobdeck: Jobdeck) -> None:
    printed = jobdeck("help", "exit-codes").out

    numbers = [int(found) for found in re.findall(r"^ *(\d+)  ", printed, re.MULTILINE)]
    assert numbers == [code.value for code in exit_codes.ExitCode]


def test_every_end_of_a_run_has_an_exit_code() -> None:
    from core.domain.run import TERMINAL_RUN_STATES

    assert set(exit_codes._RUN_STATES) == TERMINAL_RUN_STATES
    assert exit_codes.of_run(RunState.RUNNING) == 0


def test_an_unknown_topic_suggests_the_nearest(jobdeck: Jobdeck) -> None:
    ended = jobdeck("help", "target")

    assert ended.code == 2
    assert ended.err == "error: topic 'target' does not exist\n  hint: did you mean 'targets'?\n"


def test_lists_code_and_tables_are_rendered() -> None:
    page = "# Title\n\n- one `code`\n  goes on\n\n| a | b |\n|---|---|\n| `x \\| y` | z |\n\n```\ncode  x\n```\n"

    parts = list(render(page, 40))

    assert [plain(part) for part in parts if not isinstance(part, Table)] == [
        "Title",
        "",
        "- one `code` goes on",
        "",
        "",
        "  code  x",
        "",
    ]
    [shown] = [part for part in parts if isinstance(part, Table)]
    assert [[cell.text for cell in row] for row in shown.rows] == [["`x | y`", "z"]]


def test_keys_are_those_that_are_in_force(jobdeck: Jobdeck) -> None:
    preferences = Home.locate(None, os.environ).preferences
    preferences.parent.mkdir(parents=True, exist_ok=True)
    preferences.write_text('[keys]\n"runs.stop" = "x"\n"runs.faults" = "q"\n')

    ended = jobdeck("help", "keys")

    assert ended.code == 0
    assert re.search(r"^x +stop the runs", ended.out, re.MULTILINE)
    assert re.search(r"^! +faults only", ended.out, re.MULTILINE)
    assert "[keys] runs.faults: q is the key of" in ended.err

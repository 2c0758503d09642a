"""What a command line loads: little, because people wait for it. Seen in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

HEAVY = {
    "the client": {"httpx", "httpcore", "msgspec"},
    "documents": {"pydantic", "yaml", "core.domain.documents"},
    "the engine": {
        "asyncssh",
        "cryptography",
        "fastapi",
        "sqlalchemy",
        "uvicorn",
        "core.bootstrap",
    },
    "terminal libraries": {"click", "rich.console", "rich.progress", "textual"},
}

PROGRAM = """
import sys
from console.cli import main
code = main.run(sys.argv[1:])
print("\\n".join(["LOADED", *sys.modules]))
"""


def loaded(*words: str, program: str = PROGRAM) -> set[str]:
    """Modules in memory after this command line."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.partition("LOADED\n")[2].split())


@pytest.mark.parametrize("words", [("--help",), ("help",), ("help", "targets"), ("version",)])
def test_reading_help_loads_neither_client_nor_engine(words: tuple[str, ...]) -> None:
    modules = loaded(*words)

    assert modules & set.union(*HEAVY.values()) == set()


def test_the_first_page_loads_no_command() -> None:
    modules = loaded("--help")

    own = {name for name in modules if name.startswith("console.cli.")}
    assert own == {f"console.cli.{name}" for name in ("main", "root", "helping", "settings")}


def test_a_command_loads_the_client_but_not_the_engine() -> None:
    modules = loaded("runs", "list", "--state", "no-such-state")

    assert "console.client" in modules
    assert "httpx" not in modules  # nobody was asked anything
    unwanted = HEAVY["the engine"] | HEAVY["documents"] | HEAVY["terminal libraries"]
    assert modules & unwanted == set()


def test_the_terminal_ui_paints_before_it_loads_what_it_asks_with() -> None:
    program = """
import sys
import console.tui.app, console.tui.views.runs
print("\\n".join(["LOADED", *sys.modules]))
"""
    modules = loaded(program=program)

    assert "textual.app" in modules
    assert modules & set.union(HEAVY["documents"], HEAVY["the engine"], {"httpx", "typer"}) == set()

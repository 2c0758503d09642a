"""The checks that every change passes, in order; all run even where one fails."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

from installers import pip, progress
from installers.environment import ROOT, Environment


def commands(environment: Environment, pytest_arguments: Sequence[str]) -> dict[str, list[str]]:
    """Each check by name, as a list of arguments. `-P`: nothing is imported by where we stand."""
    python = [str(environment.python), "-P", "-m"]
    return {
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "ruff check": [*python, "ruff", "check", "."],
        "mypy": [*python, "mypy"],
        "import-linter": [str(environment.scripts / "lint-imports"), "--no-logo"],
        "pytest": [*python, "pytest", *pytest_arguments],
    }


def run(environment: Environment, pytest_arguments: Sequence[str]) -> int:
    """0 when every check passed, else 1. A pytest that collects no test (its exit 5) has failed."""
    outcomes = []
    for name, command in commands(environment, pytest_arguments).items():
        progress.say(f"\n== {name}")
        started = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, env=pip.environment(), check=False).returncode
        duration = progress.seconds(time.monotonic() - started)
        outcomes.append((name, code, duration))
        progress.say(f"== {name}: {verdict(code)} after {duration}")
    progress.say("\n== summary")
    for name, code, duration in outcomes:
        progress.say(f"   {name:14} {verdict(code):20} {duration:>10}")
    return 1 if any(code for _, code, _ in outcomes) else 0


def verdict(code: int) -> str:
    return "passed" if code == 0 else f"FAILED (exit {code})"

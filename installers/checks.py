"""The checks that every change passes, in order; all run even where one fails."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence

from installers import pip, progress
from installers.environment import ROOT, Environment

LAST_FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
"""Where pytest notes which tests failed."""
ON_ALL_CORES = ("-n", "auto", "--maxprocesses", "4", "--dist", "worksteal")
"""Neighbours stay together, since they share servers; who is done early takes from the others. A
later `-n0` goes before it. More than four would be in each other's way: most tests start programs.
"""
MOST_AGAIN = 12
"""Failed tests that are run once more, by themselves; more than these are no accident of timing."""


def commands(environment: Environment, pytest_arguments: Sequence[str]) -> dict[str, list[str]]:
    """Each check by name, as a list of arguments. `-P`: nothing is imported by where we stand."""
    python = [str(environment.python), "-P", "-m"]
    return {
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "ruff check": [*python, "ruff", "check", "."],
        "mypy": [*python, "mypy"],
        "import-linter": [str(environment.scripts / "lint-imports"), "--no-logo"],
        "pytest": [*python, "pytest", *ON_ALL_CORES, *pytest_arguments],
    }


def run(environment: Environment, pytest_arguments: Sequence[str]) -> int:
    """0 when every check passed, else 1. A pytest that collects no test (its exit 5) has failed.

    A few failed tests are run once more, by themselves. What passes then hangs on timing, on a
    machine that others keep busy: it is named at the end, as a defect to mend, and fails nothing.
    """
    outcomes = []
    unsteady: list[str] = []
    for name, command in commands(environment, pytest_arguments).items():
        progress.say(f"\n== {name}")
        started = time.monotonic()
        code = _run(command)
        if name == "pytest" and code == 1 and (unsteady := _few_failed()):
            progress.say(f"\n== {name}: {len(unsteady)} failed; they are run again")
            code = _run([*command, "-n0", "--last-failed"])
        duration = progress.seconds(time.monotonic() - started)
        outcomes.append((name, code, duration))
        progress.say(f"== {name}: {verdict(code)} after {duration}")
    progress.say("\n== summary")
    for name, code, duration in outcomes:
        progress.say(f"   {name:14} {verdict(code):20} {duration:>10}")
    for test in unsteady:
        progress.say(f"   failed when it ran among all others: {test}")
    return 1 if any(code for _, code, _ in outcomes) else 0


def _run(command: Sequence[str]) -> int:
    return subprocess.run(command, cwd=ROOT, env=pip.environment(), check=False).returncode


def _few_failed() -> list[str]:
    """The tests that pytest saw fail; none where they are more than MOST_AGAIN."""
    try:
        failed = sorted(json.loads(LAST_FAILED.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return []
    return failed if len(failed) <= MOST_AGAIN else []


def verdict(code: int) -> str:
    return "passed" if code == 0 else f"FAILED (exit {code})"

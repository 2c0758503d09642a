"""What a shell is offered after TAB."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console.cli import completing
from tests.unit.console.fake_api import FakeApi, Jobdeck, answer

ROOT = Path(__file__).parents[3]


def offered(line: str, shell: str = "bash") -> list[str]:
    """Candidates for the last word of `line`."""
    words = line.split(" ")
    asked = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **asked}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "console.cli.main"],
        env={**env, "_JOBDECK_COMPLETE": f"complete_{shell}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip().splitlines()


def document(name: str) -> dict[str, Any]:
    return {"kind": "schedule", "name": name, "labels": {}, "spec": {}, "revision": 1,
            "updated_at": "2026-01-01T00:00:00Z", "updated_by": "ann"}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        ("jobdeck ru", ["run", "runs"]),
        ("jobdeck runs ret", ["retry"]),
        ("jobdeck flow s", ["start", "show"]),
        ("jobdeck hosts keys a", ["approve", "add-ca"]),
        ("jobdeck run --conc", ["--concurrency"]),
        ("jobdeck runs list --no", ["--noted", "--no-input"]),
        ("jobdeck zzz", []),
        ("jobdeck queue move last ur", ["urgent"]),
        ("jobdeck approvals list --state de", ["denied"]),
        ("jobdeck channels outbox --state s", ["sending", "sent"]),
    ],
)
def test_bash_is_offered_commands_and_flags(line: str, candidates: list[str]) -> None:
    assert offered(line) == candidates


def test_names_are_offered_that_the_engine_knows(api: FakeApi, jobdeck: Jobdeck) -> None:
    known = [document("nightly"), document("monthly, as nightly was"), document("夜间")]
    api.on("GET", "/documents/schedule", answer({"items": known}))

    assert completing.documents("schedule")("night") == ["nightly"]
    assert api.asked("/documents/schedule")["q"] == ["night"]
    assert completing.documents("schedule")("夜") == ["夜间"]


def test_without_an_engine_no_name_is_offered_and_none_is_started(home: Path) -> None:
    assert offered("jobdeck schedules why night") == []
    assert not [*home.rglob("engine*")]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_are_told_what_a_command_does(shell: str) -> None:
    assert "start a saved job" in "\n".join(offered("jobdeck sta", shell))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_this_program(jobdeck: Jobdeck, shell: str) -> None:
    script = jobdeck("completion", shell).out

    assert f"_JOBDECK_COMPLETE=complete_{shell}" in script

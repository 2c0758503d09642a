"""Failpoints: named places where a test may break the engine, and nothing otherwise."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import failpoints
from core.errors import Invalid

ROOT = Path(__file__).parents[2]
PRODUCT = ("core", "sync", "console")


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


def test_an_error_strikes_once_at_the_hit_that_was_asked_for() -> None:
    failpoints.arm("backup.copied=error:ENOSPC@3")

    failpoints.reach("backup.copied")
    failpoints.reach("backup.named")
    failpoints.reach("backup.copied")
    with pytest.raises(OSError, match="No space left on device"):
        failpoints.reach("backup.copied")
    failpoints.reach("backup.copied")


def test_a_new_plan_takes_the_place_of_the_old_one() -> None:
    failpoints.arm("backup.copied=error:EIO")
    failpoints.arm("")

    failpoints.reach("backup.copied")


@pytest.mark.parametrize(
    ("action", "code"), [("kill", -signal.SIGKILL), ("sleep:0", 0), ("kill@2", 0)]
)
def test_a_process_ends_where_its_plan_says(action: str, code: int) -> None:
    text = f"from core import failpoints as f; f.arm('run.begun={action}'); f.reach('run.begun')"

    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, check=False)

    assert done.returncode == code


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ("run.beguhn=kill", "run.beguhn=kill: there is no such point (did you mean run.begun?)"),
        ("run.begun", "run.begun: is not POINT=ACTION"),
        ("run.begun=explode", "there is no action explode (try kill, stop, error, sleep)"),
        ("run.begun=error", "there is no errno (none given) (try error:ENOSPC)"),
        ("run.begun=error:EWRONG", "there is no errno EWRONG"),
        ("run.begun=sleep:long", "says no number of seconds"),
    ],
)
def test_a_plan_without_sense_is_refused_and_the_one_before_stays(plan: str, says: str) -> None:
    failpoints.arm("backup.copied=error:EIO")

    with pytest.raises(Invalid) as caught:
        failpoints.arm(f"run.ended=kill; {plan}")

    assert says in str(caught.value)
    with pytest.raises(OSError, match="error"):
        failpoints.reach("backup.copied")


def reached_in(text: str) -> Iterator[object]:
    """What the calls of `failpoints.reach` in a file name; the text of a call that computes it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "failpoints.reach":
            argument = node.args[0]
            yield argument.value if isinstance(argument, ast.Constant) else ast.unparse(node)


def test_every_point_that_is_declared_is_in_the_code_and_no_other() -> None:
    reached = {
        name
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
        for name in reached_in(path.read_text(encoding="utf-8"))
    }

    assert reached == set(failpoints.POINTS)
    assert len(failpoints.POINTS) >= 30

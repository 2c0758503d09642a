"""The demo as a new user meets it: it ends by itself and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 50.0

pytestmark = pytest.mark.slow


class Demo:
    """One demo process and the folder in which it makes everything."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder / "t"
        self.folder.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "console.demo", *arguments],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(self.folder), "JOBDECK_LANG": "en"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.shown = ""

    def wait_for(self, text: str) -> None:
        """Read on until a line with `text` has come."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.shown += line
            if text in line:
                return
        raise AssertionError(f"{text!r} never came:\n{self.shown}")

    def end(self) -> int:
        """Read to the end; the exit code."""
        rest, _nothing = self.process.communicate(timeout=PATIENCE_S)
        self.shown += rest
        return self.process.returncode

    def left_behind(self) -> list[str]:
        """Files in the temporary folder, and processes that speak of it."""
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True
        )
        processes = [line for line in listed.stdout.splitlines() if str(self.folder) in line]
        return [*map(str, self.folder.iterdir()), *processes]


@pytest.fixture
def demos(home: Path) -> Iterator[list[Demo]]:
    """Demos started by a test; one that hangs is killed."""
    started: list[Demo] = []
    yield started
    for demo in started:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()
        assert demo.process.stdout is not None
        demo.process.stdout.close()


def test_the_tour_ends_by_itself_in_time_and_shows_every_kind_of_answer(
    demos: list[Demo], home: Path
) -> None:
    started = time.monotonic()
    demo = Demo(home)
    demos.append(demo)

    assert demo.end() == 0, demo.shown

    assert time.monotonic() - started < PATIENCE_S
    for expected in (
        "$ jobdeck apply -f samples",
        "host_key_failed  11 hosts",
        "$ jobdeck hosts keys approve 'broken1,cache1,db[1-2],edge-slow,queue1,web[01-05]'",
        "$ jobdeck start health-check -p max_disk=95",
        "success  exit 0  6 hosts  edge-slow,web[01-05]",
        "failed  exit 1  1 host  broken1",
        "unreachable  1 host  gone1",
        "success  exit 0  4 hosts  web[01-02,04-05]",
        "broken1               97%",
        "created  346ac6474e1cff08e72b913001fa3c76e51fc6da8b92ab87da9ddfab18029ecf  ~/notice",
        '"status": "up", "version": "1.24.0"}',
        "step book  ✓ succeeded",
        "What next",
    ):
        assert expected in demo.shown
    assert "PRIVATE KEY" not in demo.shown
    assert demo.left_behind() == []


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_in_the_middle_ends_everything(demos: list[Demo], home: Path, name: str) -> None:
    number = signal.Signals[name]
    demo = Demo(home)
    demos.append(demo)
    demo.wait_for("$ jobdeck start health-check")

    demo.process.send_signal(number)

    assert demo.end() == 128 + number, demo.shown
    assert "What next" not in demo.shown
    assert demo.left_behind() == []


def test_a_reader_that_leaves_ends_everything(demos: list[Demo], home: Path) -> None:
    demo = Demo(home)
    demos.append(demo)
    demo.wait_for("$ jobdeck apply")

    assert demo.process.stdout is not None
    demo.process.stdout.close()

    assert demo.process.wait(PATIENCE_S) == 141
    assert demo.left_behind() == []


def test_a_home_that_was_named_stays_and_can_be_used(demos: list[Demo], home: Path) -> None:
    kept = home / "kept"
    demo = Demo(home, "--home", str(kept), "--stay")
    demos.append(demo)
    demo.wait_for("JOBDECK_HOME=")

    listed = subprocess.run(
        [
            sys.executable,
            "-m",
            "console.cli.main",
            "--home",
            str(kept),
            "hosts",
            "list",
            "--folded",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    demo.process.send_signal(signal.SIGINT)

    assert listed.stdout.strip() == "broken1,cache1,db[1-2],edge-slow,gone1,queue1,web[01-05]"
    assert demo.end() == 0, demo.shown
    assert (kept / "jobdeck.db").is_file()
    assert demo.left_behind() == []


def test_a_home_with_something_in_it_is_refused(demos: list[Demo], home: Path) -> None:
    (home / "used").mkdir()
    (home / "used" / "jobdeck.db").touch()
    demo = Demo(home, "--home", str(home / "used"))
    demos.append(demo)

    assert demo.end() == 2
    assert f"error: {home / 'used'} is not empty\n  hint: " in demo.shown
    assert demo.left_behind() == []

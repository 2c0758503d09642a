"""The door: any Python can read it, and what it was asked for is answered plainly."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from installers import bootstrap, checks, commands, progress, system
from installers.environment import Environment

DOOR = Path(bootstrap.__file__)


def start(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DOOR), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_the_door_is_readable_by_a_python_of_2016() -> None:
    ast.parse(DOOR.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_an_old_python_is_told_which_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(sys, "argv", ["installers/bootstrap.py", "demo"])
    monkeypatch.setattr("shutil.which", lambda name: name if name == "python3.12" else None)

    assert bootstrap.too_old() == (
        "Jobdeck needs Python 3.11 or newer; this is 3.9.\n"
        "This machine has one: python3.12 installers/bootstrap.py demo"
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    done = start("--help", cwd=tmp_path)

    assert done.returncode == 0
    assert all(command in done.stdout for command in commands.COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demoo"], "there is no command 'demoo': demo, test or install (--help tells more)\n"),
        ([], "a command is needed: demo, test or install (--help tells more)\n"),
    ],
)
def test_a_wrong_command_is_refused_with_the_right_ones(arguments: list[str], message: str) -> None:
    done = start(*arguments)

    assert (done.returncode, done.stderr) == (2, message)


def test_a_failure_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise progress.Failure("the disk is full")

    monkeypatch.setattr(Environment, "prepare", fail)

    assert commands.main(["install"]) == 1
    assert capsys.readouterr().err == "\nthe disk is full\n"


@pytest.mark.parametrize(
    ("duration_s", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.3, "12 s"), (125, "2 min 5 s")]
)
def test_durations_read_like_durations(duration_s: float, text: str) -> None:
    assert progress.seconds(duration_s) == text


@pytest.mark.parametrize(
    ("failed", "second", "code"), [(1, 0, 0), (1, 1, 1), (checks.MOST_AGAIN + 1, 0, 1)]
)
def test_a_few_failed_tests_are_run_again_and_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    failed: int,
    second: int,
    code: int,
) -> None:
    noted = tmp_path / "lastfailed"
    noted.write_text(json.dumps({f"tests/test_x.py::test_{n}": True for n in range(failed)}))
    monkeypatch.setattr(checks, "LAST_FAILED", noted)
    program = f"import sys; sys.exit({second} if '--last-failed' in sys.argv else 1)"
    monkeypatch.setattr(checks, "commands", lambda *_: {"pytest": [sys.executable, "-c", program]})

    assert checks.run(Environment(Path("unused")), []) == code
    assert ("among all others: tests/test_x.py::test_0" in capsys.readouterr().out) == (failed == 1)


def exits(code: int) -> list[str]:
    return [sys.executable, "-c", f"raise SystemExit({code})"]


def test_every_check_runs_and_one_failure_fails_them_all(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    three = {"one": exits(0), "two": exits(1), "three": exits(0)}
    monkeypatch.setattr(checks, "commands", lambda *_: three)

    assert checks.run(Environment(Path("unused")), []) == 1
    summary = capfd.readouterr().out.split("== summary\n")[1].split()
    assert [word for word in summary if word in {*three, "passed", "FAILED"}] == [
        *("one", "passed", "two", "FAILED", "three", "passed")
    ]


def test_a_pytest_that_collects_nothing_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "commands", lambda *_: {"pytest": exits(5)})

    assert checks.run(Environment(Path("unused")), []) == 1


def test_what_follows_test_goes_to_pytest() -> None:
    every = checks.commands(Environment(Path("unused")), ["-k", "targets"])

    assert list(every) == ["ruff format", "ruff check", "mypy", "import-linter", "pytest"]
    assert every["pytest"][-2:] == ["-k", "targets"]
    assert every["pytest"].index("-n") < every["pytest"].index("-k"), "what is typed goes before"


SSHD = system.Need("sshd", "openssh-server", "runs over a real SSH server")
ODD = system.Need("no-such-program", "odd-package", "odd tests")
ODD_LIBRARY = system.Need("libno-such-thing.so.9", "libodd9", "odder tests")


def test_a_missing_program_and_a_missing_library_are_noticed() -> None:
    assert not ODD.is_met()
    assert ODD_LIBRARY.is_met() == (not sys.platform.startswith("linux"))


def test_on_debian_as_root_one_call_installs_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(system, "is_debian", lambda: True)
    monkeypatch.setattr(system, "is_root", lambda: True)
    monkeypatch.setattr(system, "apt_install", lambda packages: calls.append(packages) or "")

    system.provide([ODD, ODD])

    assert calls == [["odd-package"]]


def test_elsewhere_the_tests_left_out_and_the_remedy_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(system, "is_debian", lambda: True)
    monkeypatch.setattr(system, "is_root", lambda: False)

    system.provide([ODD])

    assert capsys.readouterr().out.splitlines() == [
        "  missing on this machine: no-such-program",
        "  left out without it: odd tests",
        "  to install: sudo apt-get install odd-package",
    ]


def test_nothing_is_said_or_done_when_nothing_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(system.Need, "is_met", lambda _: True)
    monkeypatch.setattr(system, "apt_install", lambda _: pytest.fail("installed without need"))

    system.provide()

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("has_lists", "answers", "calls"),
    [
        (True, [""], ["install"]),
        (True, ["not found", "", ""], ["install", "update", "install"]),
        (False, ["", ""], ["update", "install"]),
        (False, ["no network"], ["update"]),
    ],
    ids=["fresh lists", "old lists", "no lists", "no network"],
)
def test_package_lists_are_fetched_only_when_needed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    has_lists: bool,
    answers: list[str],
    calls: list[str],
) -> None:
    made: list[str] = []
    left = iter(answers)
    monkeypatch.setattr(system, "APT_LISTS", tmp_path)
    monkeypatch.setattr(system, "_apt", lambda asked: made.append(asked[0]) or next(left))
    if has_lists:
        (tmp_path / "mirror_Packages.lz4").touch()

    error = system.apt_install(["tmux"])

    assert made == calls
    assert error == answers[-1]

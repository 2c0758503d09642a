"""The private environment: made once, mended when something changed, never somebody else's."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from installers import environment, pip, progress
from installers.environment import NOTE, Environment

MADE = "made"


class Builder:
    """Stands in for venv and pip: writes what they were asked to do into `did`."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.fails = False

    def make_venv(self, folder: Path, *, with_pip: bool) -> None:
        self.did.append(MADE)
        python = Environment(folder).python
        python.parent.mkdir(parents=True)
        python.touch()

    def pip(self, _: Sequence[str], arguments: Sequence[str | Path], log: Path) -> None:
        log.touch()
        if self.fails:
            raise progress.Failure("pip stopped")
        self.did += [Path(argument).name for argument in arguments if isinstance(argument, Path)]


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> Builder:
    stand_in = Builder()
    monkeypatch.setattr(environment, "make_venv", stand_in.make_venv)
    monkeypatch.setattr(environment, "provide_venv", lambda: True)
    monkeypatch.setattr(pip, "run", stand_in.pip)
    monkeypatch.setattr(Environment, "_pip", lambda _: ["pip"])
    return stand_in


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "installers").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[project]\n")
    (root / "installers" / "constraints.txt").write_text("rich==15.0.0\n")
    (root / "installers" / "constraints-test.txt").write_text("pytest==9.2.0\n")
    monkeypatch.setattr(environment, "ROOT", root)
    monkeypatch.setattr(environment, "PROJECT", root / "pyproject.toml")
    monkeypatch.setattr(environment, "RUNTIME", root / "installers" / "constraints.txt")
    monkeypatch.delenv("JOBDECK_VENV", raising=False)
    return root


def prepare(*extras: str) -> None:
    Environment.chosen().prepare(extras)


def test_the_first_start_makes_it_and_the_second_does_nothing(builder: Builder) -> None:
    prepare("test")
    assert builder.did == [MADE, "constraints.txt", "constraints-test.txt", "checkout"]

    builder.did.clear()
    prepare("test")
    prepare()
    assert builder.did == []


def test_an_extra_is_added_to_what_is_there(builder: Builder) -> None:
    prepare()
    builder.did.clear()

    prepare("test")

    assert builder.did == ["constraints-test.txt", "checkout"]


def test_a_changed_lock_file_is_installed_again(builder: Builder, checkout: Path) -> None:
    prepare("test")
    builder.did.clear()
    (checkout / "installers" / "constraints.txt").write_text("rich==15.1.0\n")

    prepare("test")

    assert builder.did == ["constraints.txt", "checkout"]


def test_an_interrupted_start_begins_again_from_nothing(builder: Builder, checkout: Path) -> None:
    builder.fails = True
    with pytest.raises(progress.Failure):
        prepare()
    leftover = checkout / ".venv" / "half-written"
    leftover.mkdir()
    builder.fails = False
    builder.did.clear()

    prepare()

    assert builder.did == [MADE, "constraints.txt", "checkout"]
    assert not leftover.exists()


def test_an_interrupted_mend_begins_again_from_nothing(builder: Builder, checkout: Path) -> None:
    prepare()
    (checkout / "pyproject.toml").write_text("[project]\nversion = '2'\n")
    builder.fails = True
    with pytest.raises(progress.Failure):
        prepare()
    builder.fails = False
    builder.did.clear()

    prepare()

    assert builder.did == [MADE, "constraints.txt", "checkout"]


@pytest.mark.parametrize(
    "change",
    [{"python": "cpython 3.10"}, {"folder": "/elsewhere"}, {"checkout": "/elsewhere"}],
    ids=["another Python", "a moved environment", "a moved checkout"],
)
def test_what_cannot_be_mended_is_made_anew(
    builder: Builder, checkout: Path, change: dict[str, str]
) -> None:
    prepare()
    builder.did.clear()
    note = checkout / ".venv" / NOTE
    note.write_text(json.dumps({**json.loads(note.read_text()), **change}))

    prepare()

    assert builder.did[0] == MADE


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"folder": 1, "odd": 2}'])
def test_a_spoilt_note_counts_as_an_unfinished_start(
    builder: Builder, checkout: Path, text: str
) -> None:
    prepare()
    builder.did.clear()
    (checkout / ".venv" / NOTE).write_text(text)

    prepare()

    assert builder.did[0] == MADE


def test_a_python_that_was_uninstalled_is_noticed(builder: Builder) -> None:
    prepare()
    builder.did.clear()
    Environment.chosen().python.unlink()

    prepare()

    assert builder.did[0] == MADE


def test_a_folder_of_somebody_else_is_left_as_it_is(
    builder: Builder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    theirs = tmp_path / "photos"
    theirs.mkdir()
    (theirs / "cat.jpg").write_text("meow")
    monkeypatch.setenv("JOBDECK_VENV", str(theirs))

    with pytest.raises(progress.Failure, match="photos was made by something else"):
        prepare()

    assert [path.name for path in theirs.iterdir()] == ["cat.jpg"]
    assert builder.did == []


def test_an_unknown_extra_is_answered_with_the_known_ones(builder: Builder) -> None:
    with pytest.raises(progress.Failure, match=r"no extra 'tset'; there are: test$"):
        prepare("tset")


def test_without_ensurepip_venv_and_pip_the_command_to_type_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(environment, "_has", lambda _: False)
    monkeypatch.setattr(environment.system, "is_debian", lambda: True)
    monkeypatch.setattr(environment.system, "is_root", lambda: False)

    with pytest.raises(progress.Failure, match=r"sudo apt-get install python3\.\d+-venv$"):
        environment.provide_venv()


def test_without_ensurepip_the_pip_of_this_python_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_has", lambda module: module != "ensurepip")
    monkeypatch.setattr(environment.system, "is_debian", lambda: False)

    assert environment.provide_venv() is False


def test_the_checkout_is_compiled_so_that_no_start_has_to(builder: Builder, checkout: Path) -> None:
    (checkout / "core").mkdir()
    (checkout / "core" / "engine.py").write_text("")

    prepare()

    assert list((checkout / "core" / "__pycache__").glob("engine.*.pyc"))


@pytest.mark.skipif(os.name != "posix", reason="locale encodings of .pth files differ on Windows")
def test_a_checkout_with_a_chinese_name_is_found_under_any_locale(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    checkout = tmp_path / "工具 箱"
    checkout.mkdir()
    (checkout / "found_it.py").write_text("")
    monkeypatch.setattr(environment, "ROOT", checkout)
    made = Environment(tmp_path / "venv")
    environment.make_venv(made.folder, with_pip=False)

    made._spell_the_checkout_in_ascii()

    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    subprocess.run([made.python, "-c", "import found_it"], env=ascii_only, check=True)


def test_the_persons_pip_settings_stay_but_nothing_leads_astray_or_slows_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unwanted = {"PIP_TARGET", "PIP_CONSTRAINT", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    for name in ("PIP_FIND_LINKS", *unwanted):
        monkeypatch.setenv(name, "/somewhere")

    kept = pip.environment()

    assert kept["PIP_FIND_LINKS"] == "/somewhere"
    assert not unwanted & kept.keys()


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "cache purge"),
        ("ERROR: [Errno 28] No space left on device", "another disk"),
        ("WARNING: NewConnectionError\nERROR: No matching distribution", "Without a network"),
        ("ERROR: No matching distribution found for rich==15", "pip config list"),
        ("  error: subprocess-exited-with-error", "compiled"),
        ("Killed", "Killed"),
    ],
)
def test_a_failure_of_pip_comes_with_something_to_try(said: str, advice: str) -> None:
    told = pip.explain(f"Collecting rich\n{said}\n")

    assert said.splitlines()[-1].strip() in told
    assert advice in told

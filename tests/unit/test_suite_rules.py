"""The rules of tests/conftest.py, tried on small test files of their own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_pytest(folder: Path, text: str, **env: str) -> str:
    """What pytest prints for one test file under the project's own conftest and configuration."""
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "test_sample.py").write_text(text)
    plugins = ["-p", "pytest_asyncio.plugin", "-p", "pytest_timeout"]  # the ones pyproject names
    configuration = ["-c", ROOT / "pyproject.toml", "--rootdir", folder]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *configuration, folder],
        capture_output=True,
        text=True,
        env={**os.environ, "CI": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **env},
        cwd=folder,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_warning_that_nobody_expected_fails_the_test(tmp_path: Path) -> None:
    printed = run_pytest(
        tmp_path,
        "import logging\ndef test_it():\n    logging.getLogger('engine').warning('disk is slow')\n",
    )

    assert "WARNING engine: disk is slow" in printed
    assert "1 passed, 1 error" in printed


def test_an_expected_record_that_never_comes_fails_the_test(tmp_path: Path) -> None:
    printed = run_pytest(
        tmp_path,
        "import pytest\n@pytest.mark.expect_logs('disk is slow')\ndef test_it():\n    pass\n",
    )

    assert "expected log records that never came: ['disk is slow']" in printed


@pytest.mark.expect_logs("WARNING engine: disk is slow")
def test_an_expected_warning_passes() -> None:
    logging.getLogger("engine").warning("disk is slow")


def test_a_missing_program_skips_on_a_laptop_and_fails_in_ci(tmp_path: Path) -> None:
    text = "import pytest\n@pytest.mark.needs('no-such-program')\ndef test_it():\n    pass\n"

    assert "SKIPPED [1]" in run_pytest(tmp_path, text)
    in_ci = run_pytest(tmp_path, text, CI="true")
    assert "this machine lacks no-such-program, which the test command installs" in in_ci


def test_each_test_has_an_empty_home_of_its_own(home: Path) -> None:
    assert os.environ["HOME"] == str(home)
    assert list(home.iterdir()) == []
    assert os.environ["JOBDECK_HOME"] == str(home / "j")
    assert len(os.environ["JOBDECK_HOME"]) < 60

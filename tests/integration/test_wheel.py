"""The wheel, as `pipx install .` builds it, holds everything the product needs at run time."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "sync", "console", "assets")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("jobdeck-*.whl"))) as built:
        yield built


def test_every_file_of_the_product_is_shipped_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    here = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name != ".DS_Store"
    }
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert shipped == here


def test_the_wheel_brings_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    information = {
        name.split(".dist-info/")[1]: name for name in wheel.namelist() if ".dist-info/" in name
    }

    entry_points = wheel.read(information["entry_points.txt"]).decode()
    assert "jobdeck = console.cli.main:main" in entry_points
    assert "Apache License" in wheel.read(information["licenses/LICENSE"]).decode()

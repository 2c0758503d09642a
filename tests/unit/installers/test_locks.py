"""The lock files: whole, hash-checked, and silent about where packages come from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from installers import lock

INSTALLERS = Path(lock.__file__).parent
PROJECT = tomllib.loads((INSTALLERS.parent / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
LOCKS = sorted(INSTALLERS.glob("constraints*.txt"))
PINNED = re.compile(r"[a-z0-9-]+==[^ ]+( ; .+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+")


def pins(file: Path) -> dict[str, str]:
    """Name to version."""
    requirements = [Requirement(text.split(" \\")[0]) for text in lock.split(file.read_text())]
    return {
        canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement in requirements
    }


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.name)
def test_every_requirement_is_one_version_with_its_hashes(file: Path) -> None:
    requirements = lock.split(file.read_text(encoding="utf-8"))

    assert requirements
    assert [text for text in requirements if not PINNED.fullmatch(text)] == []


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.name)
def test_a_lock_names_no_address_and_no_path(file: Path) -> None:
    text = file.read_text(encoding="utf-8").removeprefix(lock.HEADER)

    assert re.findall(r"/|@|(?<!sha256):|--(?!hash=).*", text) == []


def test_there_is_a_lock_for_jobdeck_and_one_for_each_extra() -> None:
    assert [file.name for file in LOCKS] == sorted(
        ["constraints.txt", *(f"constraints-{extra}.txt" for extra in EXTRAS)]
    )


@pytest.mark.parametrize("extra", ["", *sorted(EXTRAS)])
def test_what_pyproject_asks_for_is_what_is_locked(extra: str) -> None:
    asked = EXTRAS[extra] if extra else PROJECT["project"]["dependencies"]
    locked = pins(INSTALLERS / "constraints.txt")
    if extra:
        locked |= pins(INSTALLERS / f"constraints-{extra}.txt")

    for requirement in map(Requirement, asked):
        version = locked.get(canonicalize_name(requirement.name), "missing from the lock")
        assert version in requirement.specifier, f"{requirement} is locked as {version}"


def test_the_build_backend_is_locked_as_pyproject_pins_it() -> None:
    locked = pins(INSTALLERS / "constraints.txt")

    for requirement in map(Requirement, PROJECT["build-system"]["requires"]):
        assert f"=={locked[requirement.name]}" == str(requirement.specifier)

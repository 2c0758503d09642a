"""The home folder: made for its owner alone, and never somebody else's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import EnvironmentFault
from core.home import Home


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_home_is_for_its_owner_alone(home: Path) -> None:
    place = Home(home / "new" / "home")
    place.create()
    assert mode(place.root) == 0o700


@pytest.mark.parametrize("file", [None, "engine.lock"])
def test_an_empty_folder_and_an_old_home_are_closed_to_others(home: Path, file: str | None) -> None:
    folder = home / "open"
    folder.mkdir()
    folder.chmod(0o755)
    if file is not None:
        (folder / file).touch()

    Home(folder).create()

    assert mode(folder) == 0o700


def test_a_folder_with_files_of_others_is_refused_and_stays_open(home: Path) -> None:
    folder = home / "shared"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "letter").touch()

    with pytest.raises(EnvironmentFault, match=f"{folder} holds other files") as refused:
        Home(folder).create()

    assert f"chmod 700 {folder}" in refused.value.hint
    assert mode(folder) == 0o755


def test_a_file_in_the_place_of_the_home_is_named(home: Path) -> None:
    file = home / "file"
    file.touch()
    with pytest.raises(EnvironmentFault, match=r"file cannot be used: File exists"):
        Home(file).create()


def test_a_long_path_has_its_socket_in_a_private_folder_of_the_temporary_files(home: Path) -> None:
    place = Home(home / ("long" * 30))
    place.create()
    assert len(str(place.socket)) < 100
    assert mode(place.socket.parent) == 0o700

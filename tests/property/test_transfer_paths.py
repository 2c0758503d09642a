"""Whatever a file is called, it lands below its folder or nowhere."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.domain.files.paths import check_below, joined, place
from core.domain.files.resuming import Found, resume_at
from core.executors.files.failures import TransferFailed
from core.executors.files.landing import Landing

PARTS = st.one_of(
    st.sampled_from(["..", ".", "", "a", "link", "file", "..\u2025", "\uff0e\uff0e", "C:", "nul"]),
    st.text(st.characters(exclude_categories=()), max_size=6),
)
NAMES = st.lists(PARTS, max_size=5).map("/".join)
HOSTILE = [
    *("../x", "a/../../x", "/etc/x", "//x", "a//x", "./x", "a/.", "..", "link/x", "link", "x\0y"),
    *("a\nb", "\ud800", "a/" * 3000 + "x", "x" * 256, "file/x", "~/x", "..\\x", "a\u202eb"),
]


@given(NAMES)
def test_a_name_that_passes_lies_below_any_folder(name: str) -> None:
    with suppress(ValueError):
        path = joined("/srv/in", check_below(name))
        assert os.path.normpath(path) == path
        assert path.startswith("/srv/in/")


@given(NAMES)
def test_a_place_is_a_folder_that_nothing_leads_up_from(to: str) -> None:
    for text in (to, f"/{to}", f"~/{to}"):
        with suppress(ValueError):
            found = place(text)
            assert ".." not in found.folder.split("/")
            assert "/" not in found.name
            assert found.name not in (".", "..", "~")


def land(folder: Path, name: str) -> bool:
    """Whether a file of that name was taken in."""
    data = b"new"
    try:
        landing = Landing(str(folder), name, "key", hashlib.sha256(data).hexdigest())
    except TransferFailed:
        return False
    try:
        assert landing.enter(makes_folders=True)
        landing.found(len(data))
        landing.begin(0)
        landing.write(data)
        landing.finish(mode=0o600, replaces=True)
    except TransferFailed:
        return False
    finally:
        landing.close()
    return True


def outside(root: Path) -> dict[str, bytes | None]:
    """All that lies beside the folder `in`."""
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
        if not path.is_relative_to(root / "in")
    }


@given(NAMES)
@example("link/x")
def test_nothing_is_written_beside_the_folder(name: str) -> None:
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        (root / "in").mkdir()
        (root / "beside").mkdir()
        (root / "beside" / "file").write_bytes(b"old")
        (root / "in" / "link").symlink_to(root / "beside")
        (root / "in" / "file").symlink_to(root / "beside" / "file")
        before = outside(root)
        took = land(root / "in", name)
        assert outside(root) == before
        assert not took or (root / "in" / name).read_bytes() == b"new"


@pytest.mark.parametrize("name", HOSTILE[:15])
def test_a_hostile_name_is_refused(home: Path, name: str) -> None:
    (home / "in").mkdir()
    (home / "in" / "link").symlink_to(home)
    assert not land(home / "in", name)


@given(st.binary(max_size=50), st.binary(max_size=60))
def test_only_a_beginning_of_the_file_is_gone_on_with(data: bytes, part: bytes) -> None:
    found = Found(exists=False, part_bytes=len(part), part_digest=hashlib.sha256(part).hexdigest())
    at = resume_at(found, len(data), lambda size: hashlib.sha256(data[:size]).hexdigest())
    assert at == (len(part) if data.startswith(part) else 0)

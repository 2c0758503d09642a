"""Paths on Windows hosts: how they are written, and which names Windows would read as others."""

from __future__ import annotations

import ntpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.files.paths import check_below, check_whole, on_drive, place
from core.domain.files.windows import check_name

PARTS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
        st.sampled_from(
            ["..", ".", "a:b", "..\\x", "C:", "NUL", "com1.txt", "x ", "x.", "\\\\h\\s"]
        ),
    ),
    min_size=1,
    max_size=3,
)


@given(PARTS)
def test_a_name_that_is_taken_lies_below_its_folder_as_windows_reads_it(parts: list[str]) -> None:
    name = "/".join(parts)
    try:
        check_name(check_below(name))
    except ValueError:
        return
    there = ntpath.normpath(ntpath.join("C:\\folder", name))

    assert there.split("\\") == ["C:", "folder", *name.split("/")]


@pytest.mark.parametrize(
    "name",
    [
        "report.txt",
        "Program Files/App/a b.cfg",
        "服务/配置.ini",
        "nul-values.csv",
        "console.log",
        ".env",
    ],
)
def test_usual_names_are_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("log.txt:hidden", "no files with: :"),
        ("a\\b", "no files with: \\"),
        ("what?", "no files with: ?"),
        ("end.", "dot or blank"),
        ("folder /x", "dot or blank"),
        ("aux", "device of Windows: aux"),
        ("in/Com1.tar.gz", "device of Windows: Com1.tar.gz"),
        ("LPT² .txt", "device of Windows"),
        ("x" * 256, "more than 255 characters"),
    ],
)
def test_a_name_that_windows_reads_otherwise_says_why(name: str, words: str) -> None:
    with pytest.raises(ValueError) as refused:
        check_name(name)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("to", "folder", "name"),
    [
        ("C:/x", "C:/", "x"),
        ("C:/", "C:/", ""),
        ("d:/a b/c/", "d:/a b/c", ""),
        ("~/x", "~", "x"),
        ("/Temp/x", "/Temp", "x"),
    ],
)
def test_a_place_on_a_drive_is_one(to: str, folder: str, name: str) -> None:
    found = place(to)
    assert (found.folder, found.name) == (folder, name)


@pytest.mark.parametrize("path", ["C:", "C:x", "C:\\x", "CD:/x", "1:/x", "ä:/x", "C:/a/../x"])
def test_what_is_no_whole_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"whole path|goes up"):
        check_whole(path, home=True)


def test_the_engine_s_own_machine_has_no_drives() -> None:
    assert on_drive("C:/x")
    with pytest.raises(ValueError, match=r"beginning with /$"):
        check_whole("C:/x")

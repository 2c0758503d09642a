"""Preferences: typed, kept whole or not at all, never written over where nobody understands them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.preferences import PreferenceFile, Preferences
from core.errors import EnvironmentFault, Invalid


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "preferences.toml"


def test_without_a_file_the_defaults_hold(file: Path) -> None:
    assert PreferenceFile(file).read() == Preferences()


def test_a_change_keeps_what_was_there(file: Path) -> None:
    kept = PreferenceFile(file)
    kept.change(theme="light")
    kept.change(keys={"runs.stop": "x"})
    assert kept.read() == Preferences(theme="light", keys={"runs.stop": "x"})
    assert file.read_text() == 'theme = "light"\n\n[keys]\n"runs.stop" = "x"\n'


def test_a_default_is_not_written_down(file: Path) -> None:
    kept = PreferenceFile(file)
    kept.change(theme="light", toured=True)
    kept.change(theme="")
    assert file.read_text() == "toured = true\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('theme = "light', "Unterminated string"),
        ("theme = 7", "Expected `str`, got `int` - at `$.theme`"),
        ('colour = "red"', "unknown field `colour`"),
        ('language = "tlh"', "language tlh is not known; there are en, zh_CN"),
        ('[keys]\n"runs.stop" = ["x"]', "$.keys"),
    ],
)
def test_what_cannot_be_is_one_message_and_is_left_alone(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    for deed in (PreferenceFile(file).read, lambda: PreferenceFile(file).change(theme="dark")):
        with pytest.raises(Invalid) as refused:
            deed()
        (problem,) = refused.value.problems
        assert said in problem.what
        assert problem.where == str(file)
    assert file.read_text() == text


def test_bytes_that_are_no_text_are_one_message(file: Path) -> None:
    file.write_bytes(b'theme = "\xff"')
    with pytest.raises(Invalid):
        PreferenceFile(file).read()


def test_a_folder_that_is_not_there_is_the_machines_fault(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        PreferenceFile(tmp_path / "none" / "preferences.toml").change(theme="dark")


def test_a_write_that_breaks_off_leaves_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = PreferenceFile(file)
    kept.change(theme="light")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFault, match="No space left"):
        kept.change(theme="dark")
    assert kept.read().theme == "light"
    assert [*file.parent.iterdir()] == [file]


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(theme=_TEXTS, keys=st.dictionaries(_TEXTS, _TEXTS, max_size=5))
def test_any_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, theme: str, keys: dict[str, str]
) -> None:
    kept = PreferenceFile(tmp_path_factory.mktemp("p") / "preferences.toml")
    kept.change(theme=theme, keys=keys)
    assert kept.read() == Preferences(theme=theme, keys=keys)

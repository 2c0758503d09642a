"""English and Chinese are equal: every text has both, and nothing else is in the catalogue."""

from __future__ import annotations

import string

import pytest

from console import i18n
from console.pofile import read_po
from tests.unit.console.messages import source_messages


def catalogue() -> dict[str, tuple[str, ...]]:
    return read_po(i18n.catalogue_file(i18n.CHINESE).read_text(encoding="utf-8"))


def test_every_text_is_translated() -> None:
    translated = catalogue()

    missing = {text: place for text, place in source_messages().items() if text not in translated}

    assert missing == {}


def test_no_translation_is_without_its_text() -> None:
    assert sorted(set(catalogue()) - set(source_messages())) == []


def fields(text: str) -> set[str]:
    return {f"{name}!{how}" for _text, name, _spec, how in string.Formatter().parse(text) if name}


def test_translations_fill_in_the_same_places() -> None:
    wrong = [text for text, (chinese, *_) in catalogue().items() if fields(text) != fields(chinese)]

    assert wrong == []


def test_commands_and_flags_are_not_translated() -> None:
    def words(text: str) -> list[str]:
        return sorted(word for word in text.replace("`", " ").split() if word.startswith("--"))

    wrong = [
        text
        for text, (chinese, *_) in catalogue().items()
        if any(word.strip(".,;:") not in chinese for word in words(text))
    ]

    assert wrong == []


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh_CN"),
        ({"LC_ALL": "en_US.UTF-8", "JOBDECK_LANG": "zh"}, "zh_CN"),
        ({"JOBDECK_LANG": "de"}, "en"),
    ],
)
def test_the_language_is_that_of_the_environment(variables: dict[str, str], language: str) -> None:
    assert i18n.language(variables) == language


def test_numbers_choose_the_form_of_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "en")
    assert i18n.ngettext("{count} host", "{count} hosts", 1) == "{count} host"
    assert i18n.ngettext("{count} host", "{count} hosts", 0) == "{count} hosts"

    monkeypatch.setenv("JOBDECK_LANG", "zh_CN")
    assert i18n.ngettext("{count} host", "{count} hosts", 2) == "{count} 台主机"


def test_without_its_catalogue_jobdeck_speaks_english(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "zh_CN")
    monkeypatch.setattr(i18n, "catalogue_file", lambda name: tmp_path / name)  # type: ignore[operator]
    i18n._catalogue.cache_clear()
    try:
        assert i18n.gettext("failed") == "failed"
    finally:
        i18n._catalogue.cache_clear()

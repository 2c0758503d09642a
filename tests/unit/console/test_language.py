"""One language for every console: what is asked for this time, else the preference, else the locale."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console import i18n
from console.i18n import language_named
from console.preferences import PreferenceFile
from core.home import Home
from tests.unit.console.fake_api import Jobdeck


@pytest.fixture
def preferences() -> Path:
    place = Home.locate(None, os.environ)
    place.create()
    return place.preferences


@pytest.mark.parametrize(
    ("locale", "preferred", "variable", "flag", "spoken"),
    [
        ("en_US.UTF-8", "", None, None, "en"),
        ("en_US.UTF-8", "zh_CN", None, None, "zh_CN"),
        ("zh_CN.UTF-8", "en", None, None, "en"),
        ("en_US.UTF-8", "zh_CN", "en", None, "en"),
        ("en_US.UTF-8", "en", "zh_CN", None, "zh_CN"),
        ("en_US.UTF-8", "zh_CN", None, "en", "en"),
        ("en_US.UTF-8", "zh_CN", "zh_CN", "en", "en"),
    ],
)
def test_the_nearest_wish_is_spoken(
    jobdeck: Jobdeck,
    monkeypatch: pytest.MonkeyPatch,
    preferences: Path,
    locale: str,
    preferred: str,
    variable: str | None,
    flag: str | None,
    spoken: str,
) -> None:
    monkeypatch.setenv("LANG", locale)
    # Set and taken away, so that what a flag sets is taken away after the test too.
    monkeypatch.setenv("JOBDECK_LANG", variable or "")
    if variable is None:
        monkeypatch.delenv("JOBDECK_LANG")
    PreferenceFile(preferences).change(language=preferred)

    page = jobdeck("--help", *(("--lang", flag) if flag else ())).out

    assert ("全局选项" in page) is (spoken == "zh_CN")


def test_the_preference_is_that_of_the_home_that_is_asked_for(
    jobdeck: Jobdeck, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    PreferenceFile(tmp_path / "preferences.toml").change(language="zh_CN")

    for words in (("--home", str(tmp_path), "help"), ("help", f"--home={tmp_path}")):
        assert "终端" in jobdeck(*words).out, words
    assert "终端" not in jobdeck("help").out


def test_preferences_that_cannot_be_read_are_no_reason_to_fail(
    jobdeck: Jobdeck, preferences: Path
) -> None:
    preferences.write_text('language = "tlh"\n')

    ended = jobdeck("help")

    assert (ended.code, ended.err) == (0, "")


def test_a_language_that_is_chosen_here_goes_before_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.setenv("JOBDECK_LANG", "en")
    i18n.prefer("zh_CN")
    assert i18n.language() == "en"

    i18n.choose("zh_CN")
    assert i18n.language() == "zh_CN"

    i18n.choose("")
    assert i18n.language() == "en", "the locale's"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("zh_CN", "zh_CN"),
        ("zh-CN", "zh_CN"),
        ("zh", "zh_CN"),
        ("zh_CN.UTF-8", "zh_CN"),
        ("ZH-hans", "zh_CN"),
        ("en", "en"),
        ("en-GB", "en"),
        ("de", ""),
        ("zhuang", ""),
        ("", ""),
    ],
)
def test_a_language_goes_by_any_of_its_names(text: str, name: str) -> None:
    assert language_named(text) == name


def test_a_flag_may_name_the_language_as_web_pages_do(
    jobdeck: Jobdeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "")
    assert "全局选项" in jobdeck("--lang", "zh-CN", "--help").out


def test_the_plain_console_refuses_a_language_that_is_not_there(jobdeck: Jobdeck) -> None:
    ended = jobdeck("plain", "--lang", "tlh")
    assert ended.code == 2
    assert "must be one of en, zh_CN" in ended.err

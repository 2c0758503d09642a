"""The one way to user-visible text: `_` and `ngettext`, in English or Simplified Chinese.

The language is JOBDECK_LANG, which `--lang` sets, else the one that the person
prefers, else that of the locale (LC_ALL, LC_MESSAGES, LANG). Catalogues are read
from their `.po` source when the first text is asked for: deliberately no compiled
`.mo`, which could fall behind its source and loads no faster. English is the
source language and reads nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import assets
from console.pofile import Catalogue, read_po

ENGLISH = "en"
CHINESE = "zh_CN"
LANGUAGES = (ENGLISH, CHINESE)

_OWN = "JOBDECK_LANG"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
_preferred = ""


def language(environ: Mapping[str, str] = os.environ) -> str:
    """One of LANGUAGES: every Chinese locale reads Simplified Chinese, all others English."""
    wishes = (environ.get(_OWN), _preferred, *(environ.get(name) for name in _LOCALE))
    wanted = next(filter(None, wishes), "")
    return CHINESE if wanted.lower().startswith("zh") else ENGLISH


def is_language_given(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody asked Jobdeck for a language this time."""
    return bool(environ.get(_OWN))


def language_named(text: str) -> str:
    """One of LANGUAGES by any of its names (`zh-CN`, `zh`, `en_GB.UTF-8`); "" where it is none."""
    first = text.replace("-", "_").partition("_")[0].lower()
    return {"en": ENGLISH, "zh": CHINESE}.get(first, "")


def speak(name: str) -> None:
    """From now on this process, and those that it starts, speak one of LANGUAGES."""
    os.environ[_OWN] = name


def prefer(name: str) -> None:
    """Speak one of LANGUAGES unless another is asked for; "": the locale's."""
    global _preferred  # the language of a process is one, as its environment is
    _preferred = name


def choose(name: str) -> None:
    """Speak what is preferred from now on, whatever was asked for before."""
    os.environ.pop(_OWN, None)
    prefer(name)


def catalogue_file(name: str) -> Path:
    """The source of a language's catalogue."""
    return Path(assets.__file__).parent / "locale" / name / "LC_MESSAGES" / "jobdeck.po"


@cache
def _catalogue(name: str) -> Catalogue:
    if name != ENGLISH:
        with suppress(OSError):  # without its catalogue Jobdeck speaks English; it does not fail
            return read_po(catalogue_file(name).read_text(encoding="utf-8"))
    return {}


def gettext(text: str) -> str:
    """`text` in the language of the environment; itself where no translation exists."""
    return _catalogue(language()).get(text, (text,))[0]


def ngettext(one: str, many: str, count: int) -> str:
    """The form of a text that fits `count`; the caller fills in `{count}`."""
    translated = _catalogue(language()).get(one)
    if translated is not None:
        return translated[0]  # Chinese has one form for every number
    return one if count == 1 else many


_ = gettext

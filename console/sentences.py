"""What the engine says, in the language of the environment.

The engine knows no screen and no language: its errors and reasons are English, for logs, records
and programs too. The commonest of its sentences are translated here, by their templates:
`engine.po` has them with names in the place of values, a sentence is recognised by its fixed
words, and its values are put into the translation. One that nobody has translated stays English.

What fields of documents mean stands in `schema.po`, text by text (`meant`).

A value whose name begins with `said` is itself something that the engine says, such as a state.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache

from console.i18n import ENGLISH, catalogue_file, gettext, language
from console.pofile import read_po

_NESTED = "said"
_FILE, _MEANINGS = "engine.po", "schema.po"


def said(text: str) -> str:
    """`text`, translated where it is a sentence that is known; line by line where it has several."""
    if language() == ENGLISH or not text:
        return text
    if "\n" in text:
        return "\n".join(map(said, text.split("\n")))
    for pattern, translation in _templates(language()):
        if found := pattern.fullmatch(text):
            values = found.groupdict()
            nested = {
                name: gettext(said(value)) if name.startswith(_NESTED) else value
                for name, value in values.items()
            }
            return translation.format(**nested)
    return text


def meant(text: str) -> str:
    """What a field of a document means, as its JSON Schema says it; English where nobody knows."""
    if language() == ENGLISH:
        return text
    return _meanings(language()).get(text, (text,))[0]


@cache
def _meanings(name: str) -> Mapping[str, tuple[str, ...]]:
    with suppress(OSError):
        return read_po(catalogue_file(name).with_name(_MEANINGS).read_text(encoding="utf-8"))
    return {}


@cache
def _templates(name: str) -> list[tuple[re.Pattern[str], str]]:
    """The one with the most fixed words comes first: `{x} is paused` also fits much else."""
    found = {}
    with suppress(OSError):  # without its translations the engine speaks English
        found = read_po(catalogue_file(name).with_name(_FILE).read_text(encoding="utf-8"))
    ordered = sorted(found, key=lambda text: -len("".join(_fixed(text))))
    return [(_pattern(text), found[text][0]) for text in ordered]


def _fixed(template: str) -> Iterator[str]:
    return (fixed for fixed, *_ in string.Formatter().parse(template))


def _pattern(template: str) -> re.Pattern[str]:
    parts = []
    for fixed, name, *_ in string.Formatter().parse(template):
        parts.append(re.escape(fixed))
        if name is not None:
            parts.append(f"(?P<{name}>.*?)")
    return re.compile("".join(parts))

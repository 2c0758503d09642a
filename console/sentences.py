"""What the engine says, in the language of the environment.

The engine knows no screen and no language: its errors and reasons are English, for logs, records
and programs too. Its sentences are translated here, by their templates:
`engine.po` has them with names in the place of values, a sentence is recognised by its fixed
words, and its values are put into the translation. One that nobody has translated stays English.

What fields of documents mean stands in `schema.po`, text by text (`meant`).

A value whose name begins with `said` is itself something that the engine says, such as a state.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from console.i18n import ENGLISH, catalogue_file, gettext, language
from console.pofile import read_po

_NESTED = "said"
_MOST_CLAUSES = 4
_FILE, _MEANINGS = "engine.po", "schema.po"


def said(text: str) -> str:
    """`text`, translated where it is a sentence that is known; line by line where it has several."""
    if language() == ENGLISH or not text:
        return text
    if "\n" in text:
        return "\n".join(map(said, text.split("\n")))
    return _hinted(text) or _translated(text) or _clauses(text) or text


def _hinted(text: str) -> str:
    """`what (hint)`, as an error is written in one line; "" where one of the two is not known.

    The hint is one without gaps: what stands in brackets may be a part of the sentence, too.
    """
    what, _, hint = text.removesuffix(")").rpartition(" (")
    whole, _ = _catalogue(language())
    if not what or not text.endswith(")") or hint not in whole:
        return ""
    known = _translated(what)
    return f"{known}（{whole[hint]}）" if known else ""


def _translated(text: str) -> str:
    """A sentence that is known; "" where it is not."""
    whole, with_gaps = _catalogue(language())
    if text in whole:
        return whole[text]
    for template in with_gaps:
        values = template.values(text)
        if values is not None:
            nested = {
                name: gettext(said(value)) if name.startswith(_NESTED) else value
                for name, value in values.items()
            }
            return template.translation.format(**nested)
    return ""


def _clauses(text: str) -> str:
    """Several sentences that are known, joined by semicolons; "" where one of them is not."""
    clauses = text.split("; ", _MOST_CLAUSES)
    known = [_translated(clause) for clause in clauses] if len(clauses) > 1 else []
    return "；".join(known) if all(known) else ""


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


@dataclass(frozen=True, slots=True)
class _Template:
    """A sentence with gaps, and what it is in another language."""

    fixed: tuple[str, ...]
    """What stands before, between and behind the gaps."""
    names: tuple[str, ...]
    translation: str

    def values(self, text: str) -> dict[str, str] | None:
        """What fills the gaps, each as short as can be; None where this is another sentence.

        Time grows with the text, however many gaps there are: texts may be what a host printed.
        """
        first, *between, last = self.fixed
        at, end = len(first), len(text) - len(last)
        if at > end or not (text.startswith(first) and text.endswith(last)):
            return None
        found = []
        for fixed in between:
            begin = text.find(fixed, at, end)
            if begin < 0:
                return None
            found.append(text[at:begin])
            at = begin + len(fixed)
        return dict(zip(self.names, [*found, text[at:end]], strict=True))


@cache
def _catalogue(name: str) -> tuple[Mapping[str, str], Sequence[_Template]]:
    """Sentences without gaps by their text; those with gaps in the order in which to try them.

    The one with the most fixed words comes first: `{x} is paused` also fits much else.
    """
    found = {}
    with suppress(OSError):  # without its translations the engine speaks English
        found = read_po(catalogue_file(name).with_name(_FILE).read_text(encoding="utf-8"))
    every = [_template(text, forms[0]) for text, forms in found.items()]
    whole = {each.fixed[0]: each.translation.format() for each in every if not each.names}
    rest = [each for each in every if each.names]
    return whole, sorted(rest, key=lambda template: -sum(map(len, template.fixed)))


def _template(text: str, translation: str) -> _Template:
    fixed, names = [""], []
    for words, name, *_ in string.Formatter().parse(text):
        fixed[-1] += words
        if name is not None:
            names.append(name)
            fixed.append("")
    return _Template(tuple(fixed), tuple(names), translation)

"""What the engine says, in the language of the environment.

The engine knows no screen and no language: its errors and reasons are English, for logs, records
and programs too. Its sentences are translated here, by their templates:
`engine.po` has them with names in the place of values, a sentence is recognised by its fixed
words, and its values are put into the translation. One that nobody has translated stays English.

What fields of documents mean stands in `schema.po`, text by text (`meant`).

A value whose name begins with `said` is itself something that the engine says, such as a state;
one that is called `count` is a number.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import itemgetter

from console.i18n import ENGLISH, _, catalogue_file, gettext, language
from console.pofile import read_po

_NESTED, _COUNT = "said", "count"
_NUMBER = re.compile(r"[0-9,]+")
_MOST_CLAUSES = 4
_MOST_CHOICES = 8
_MOST_REMEMBERED = 400
_PATH = re.compile(r"\w+(\.[\w-]+|\[[0-9]+\])+( \([^()]*\))?")
"""A place in a document, which is the same in every language: `spec.nodes[2] (build)`."""
_COLUMN = re.compile(r"(?P<before>(.* )?)column (?P<number>[0-9]+)( \((?P<field>[^()]+)\))?")
_HINTED = re.compile(r"(.+) \((.+)\)")
_FILE, _MEANINGS = "engine.po", "schema.po"


def said(text: str) -> str:
    """`text`, translated where it is a sentence that is known; line by line where it has several."""
    if language() == ENGLISH or not text:
        return text
    if "\n" in text:
        return "\n".join(map(said, text.split("\n")))
    return _placed(text) or _with_hint(text) or _part_said(text) or text


def _translated(text: str) -> str:
    """A sentence that is known; "" where it is not."""
    if len(text) <= _MOST_REMEMBERED:
        return _remembered(language(), text)
    return _looked_up(language(), text)


@lru_cache(maxsize=4096)
def _remembered(name: str, text: str) -> str:
    return _looked_up(name, text)


def _looked_up(name: str, text: str) -> str:
    catalogue = _catalogue(name)
    if text in catalogue.whole:
        return catalogue.whole[text]
    for template in catalogue.likely(text):
        values = template.values(text)
        if values is not None:
            nested = {
                name: gettext(_inside(value)) if name.startswith(_NESTED) else value
                for name, value in values.items()
            }
            return template.translation.format(**nested)
    return ""


def _inside(text: str) -> str:
    """A sentence within another one, or several that are known, joined by `or`."""
    choices = text.split(" or ", _MOST_CHOICES)
    known = [_translated(choice) for choice in choices] if len(choices) > 1 else []
    return "或".join(known) if known and all(known) else said(text)


def _clauses(text: str) -> str:
    """Several sentences that are known, joined by semicolons; "" where one of them is not."""
    clauses = text.split("; ", _MOST_CLAUSES)
    known = [_translated(clause) for clause in clauses] if len(clauses) > 1 else []
    return "；".join(known) if all(known) else ""


def place(where: str) -> str:
    """A place, of which a column within a text is told in the language of the environment."""
    found = _COLUMN.fullmatch(where)
    if found is None or language() == ENGLISH:
        return where
    field = f"（{said(found['field'])}）" if found["field"] else ""
    return f"{found['before']}{_('column {number}').format(number=found['number'])}{field}"


def _placed(text: str) -> str:
    """A sentence that is known, behind the place that it is about; "" where it is another one."""
    where, _colon, sentence = text.partition(": ")
    if not sentence or not (_PATH.fullmatch(where) or _COLUMN.fullmatch(where)):
        return ""
    known = _part_said(sentence) or _with_hint(sentence)
    return f"{place(where)}：{known}" if known else ""


def _with_hint(text: str) -> str:
    """A sentence that is known, with a hint in parentheses; "" where it is another one."""
    found = _HINTED.fullmatch(text)
    if found is None:
        return ""
    sentence, hint = _part_said(found[1]), _part_said(found[2])
    return f"{sentence}（{hint}）" if sentence and hint else ""


def _part_said(text: str) -> str:
    """One sentence or several; "" where nobody knows them."""
    return _translated(text) or _clauses(text)


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
        values = dict(zip(self.names, [*found, text[at:end]], strict=True))
        is_counted = all(
            _NUMBER.fullmatch(value) for name, value in values.items() if name == _COUNT
        )
        return values if is_counted else None


class _Catalogue:
    """Sentences without gaps by their text, and those with gaps where a text finds them quickly."""

    def __init__(self, found: Mapping[str, tuple[str, ...]]) -> None:
        every = [_template(text, forms[0]) for text, forms in found.items()]
        self.whole = {each.fixed[0]: each.translation.format() for each in every if not each.names}
        # The one with the most fixed words comes first: `{x} is paused` also fits much else.
        with_gaps = sorted(
            (each for each in every if each.names), key=lambda each: -sum(map(len, each.fixed))
        )
        self._by_part: dict[tuple[int, str], list[tuple[int, _Template]]] = {}
        for rank, each in enumerate(with_gaps):
            self._by_part.setdefault(_part(each), []).append((rank, each))

    def likely(self, text: str) -> list[_Template]:
        """Templates that may fit, in the order in which to try them."""
        parts = [(length, text[:length]) for length in _BEGINNINGS]
        parts += [(_ENDING, text[_ENDING:]), (0, "")]
        found = (each for part in parts for each in self._by_part.get(part, ()))
        return [template for _rank, template in sorted(found, key=itemgetter(0))]


_BEGINNINGS, _ENDING = (8, 3), -3
"""Characters at the beginning or the end by which templates are found."""


def _part(template: _Template) -> tuple[int, str]:
    first, last = template.fixed[0], template.fixed[-1]
    for length in _BEGINNINGS:
        if len(first) >= length:
            return length, first[:length]
    return (_ENDING, last[_ENDING:]) if len(last) >= -_ENDING else (0, "")


@cache
def _catalogue(name: str) -> _Catalogue:
    found: Mapping[str, tuple[str, ...]] = {}
    with suppress(OSError):  # without its translations the engine speaks English
        found = read_po(catalogue_file(name).with_name(_FILE).read_text(encoding="utf-8"))
    return _Catalogue(found)


def _template(text: str, translation: str) -> _Template:
    fixed, names = [""], []
    for words, name, *_rest in string.Formatter().parse(text):
        fixed[-1] += words
        if name is not None:
            names.append(name)
            fixed.append("")
    return _Template(tuple(fixed), tuple(names), translation)

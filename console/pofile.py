"""Reads gettext's `.po` text: the subset that translators' tools write for our catalogues.

No contexts (`msgctxt`), no other charset than UTF-8. Fuzzy entries are left
out, as gettext's own compiler does: a guess is worse than the English text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

Catalogue = Mapping[str, tuple[str, ...]]
"""English text -> its forms, one for each plural form of the language."""

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*$')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def read_po(text: str) -> dict[str, tuple[str, ...]]:
    """The translated entries of a catalogue; the header and obsolete entries are left out."""
    found = {}
    for entry in _entries(text):
        forms = tuple(
            entry[key] for key in sorted(entry) if key.startswith("msgstr") and entry[key]
        )
        if entry.get("msgid") and forms and "fuzzy" not in entry.get("flags", ""):
            found[entry["msgid"]] = forms
    return found


def _entries(text: str) -> Iterator[dict[str, str]]:
    """Each entry as keyword -> text (`flags` holds its `#,` line).

    One ends where the next begins, with a comment or a msgid: blank lines are for people.
    """
    entry: dict[str, str] = {}
    keyword = ""
    for line in text.splitlines():
        if keyword.startswith("msgstr") and line.startswith(("#", "msgid ")):
            yield entry
            entry, keyword = {}, ""
        if line.startswith("#,"):
            entry["flags"] = line
        elif line.startswith("#"):
            continue
        elif quoted := _QUOTED.search(line):
            named = line[: quoted.start()].strip()
            keyword = named or keyword
            entry[keyword] = entry.get(keyword, "") + _ESCAPE.sub(_unescape, quoted[1])
    yield entry


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[1], match[1])

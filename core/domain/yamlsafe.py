"""YAML as people mean it: a safe subset in, readable text out. The one door to YAML.

Reading builds only plain values (None, bool, int, float, str, list, dict with
text keys) from parser events, with a stack of its own, so hostile input meets
a limit and not Python's recursion limit:

- the plain words of YAML 1.2's core schema, and fewer: `no`, `on`, `1:20`,
  `2024-01-31` and `0644` stay text; `true`, `null`, `5` and `1.5` do not;
- keys are always text, as written, and a repeated key is an error;
- no tags, so no other types; aliases and merge keys (`<<`) within a budget.

Every value remembers its line, so that later checks can name it too.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, Union

import yaml

from core.errors import Invalid, Problem

MAX_CHARACTERS = 8 * 1024 * 1024
MAX_DEPTH = 64
"""Lists and mappings inside each other."""
MAX_ALIASED = 100_000
"""Values that all aliases together stand for."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value under a tag that the reader was told to step over; its content is not kept."""

    tag: str


Plain: TypeAlias = Union[bool, int, float, str, Opaque, "list[Plain]", "dict[str, Plain]", None]


@dataclass(frozen=True, slots=True)
class _Place:
    """The line of a value (from 1), the places inside it, and how many values it is in all."""

    line: int
    inside: Mapping[str | int, _Place] = field(default_factory=dict)
    size: int = 1


@dataclass(frozen=True, slots=True)
class Located:
    """A document and the lines that its values stand on."""

    value: Plain
    place: _Place = field(repr=False)

    @property
    def line(self) -> int:
        """The line the document begins on, from 1."""
        return self.place.line

    def line_of(self, path: Sequence[str | int]) -> int:
        """The line of the key or item at `path`, or of the nearest one around it."""
        place = self.place
        for step in path:
            if step not in place.inside:
                break
            place = place.inside[step]
        return place.line


def load_all(text: str, *, opaque_tags: frozenset[str] = frozenset()) -> list[Located]:
    """Every document of `text`; those with nothing in them are left out.

    Values under one of `opaque_tags` (such as `!vault`) become `Opaque`.
    Raises: Invalid, with line and column.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_CHARACTERS:
        raise _invalid(1, 1, f"the text has more than {MAX_CHARACTERS:,} characters", "split it")
    if odd := _NOT_YAML.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        column = odd.start() - text.rfind("\n", 0, odd.start())
        raise _invalid(line, column, f"the character {odd[0]!r} is not allowed in YAML")
    try:
        return list(_Builder(opaque_tags).documents(text))
    except yaml.MarkedYAMLError as error:
        raise _translated(error, text) from None


def load(text: str) -> Located:
    """The only document of `text`. Raises: Invalid, also for none or several."""
    documents = load_all(text)
    if len(documents) != 1:
        line = documents[1].line if documents else 1
        raise _invalid(line, 1, f"one document is expected here, not {len(documents)}")
    return documents[0]


def dump(value: Any) -> str:
    """`value` as YAML for people: block texts, keys in their order, every script as it is.

    Takes mappings, sequences and scalars; `load(dump(value)).value == value`.
    Words that other YAML readers take for something else (`no`, `1:20`) are
    quoted. Raises: Invalid for too deep values and for numbers that are not finite.
    """
    return yaml.dump(
        _plain(value, 0),
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=sys.maxsize,
    )


def dump_all(values: Iterable[Any]) -> str:
    """Several documents, as `load_all` reads them."""
    return "---\n".join(map(dump, values))


# ------------------------------------------------------------------ reading

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE_TAG = "tag:yaml.org,2002:"
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# Not `+5` (a step of a rollout), `0644` (octal to some, decimal to others) or `1e3` (a commit).
_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,4299})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?")


def _word(text: str) -> Plain:
    """What an unquoted word means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read yet."""

    value: list[Plain] | dict[str, Plain]
    line: int
    anchor: str | None
    tag: str | None
    inside: dict[str | int, _Place] = field(default_factory=dict)
    key: str | None = None
    """The key whose value comes next; in a list, and between two entries, None."""
    key_line: int = 0
    merging: bool = False
    """The key is `<<`, unquoted."""
    merged: list[tuple[Plain, _Place]] = field(default_factory=list)

    def close(self) -> tuple[Plain, _Place]:
        if isinstance(self.value, dict):
            for source, place in self.merged:
                assert isinstance(source, dict)
                for key in source.keys() - self.value.keys():
                    self.inside[key] = place.inside[key]
                self.value |= {key: source[key] for key in source if key not in self.value}
        size = 1 + sum(place.size for place in self.inside.values())
        value = Opaque(self.tag) if self.tag else self.value
        return value, _Place(self.line, self.inside, size)


class _Builder:
    """Builds plain values from parser events; one frame for each open list or mapping."""

    def __init__(self, opaque_tags: frozenset[str]) -> None:
        self._opaque_tags = opaque_tags
        self._frames: list[_Open] = []
        self._anchors: dict[str, tuple[Plain, _Place]] = {}
        self._aliased = 0
        self._root: Located | None = None

    def documents(self, text: str) -> Iterator[Located]:
        for event in yaml.parse(text, Loader=_LOADER):
            match event:
                case yaml.ScalarEvent() if self._expects_key:
                    self._take_key(event)
                case yaml.ScalarEvent():
                    self._take_scalar(event)
                case yaml.AliasEvent():
                    self._take_alias(event)
                case yaml.SequenceStartEvent():
                    self._open(event, [])
                case yaml.MappingStartEvent():
                    self._open(event, {})
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    frame = self._frames.pop()
                    self._add(*frame.close(), anchor=frame.anchor)
                case yaml.DocumentEndEvent():
                    if self._root is not None:
                        yield self._root
                    self._root = None
                    self._anchors.clear()

    @property
    def _expects_key(self) -> bool:
        return (
            bool(self._frames)
            and isinstance(self._frames[-1].value, dict)
            and self._frames[-1].key is None
        )

    def _take_key(self, event: yaml.ScalarEvent) -> None:
        frame, (line, column), key = self._frames[-1], _position(event), event.value
        is_plain = event.implicit[0]
        if is_plain and not key:
            raise _invalid(line, column, "a key is missing before `:`")
        frame.merging = is_plain and key == "<<"
        if key in frame.value and not frame.merging:
            first = frame.inside[key].line
            what = f"the key {_shortened(key)!r} stands here a second time"
            raise _invalid(line, column, what, f"first on line {first}; keep one of them")
        frame.key, frame.key_line = key, line

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        line, _ = _position(event)
        is_plain, text = event.implicit[0], event.value
        if not self._frames and is_plain and not text:
            return  # a document with nothing in it
        tag = self._tag(event, "str")
        value = Opaque(tag) if tag else _word(text) if is_plain and not event.tag else text
        self._add(value, _Place(line), anchor=event.anchor)

    def _take_alias(self, event: yaml.AliasEvent) -> None:
        line, column = _position(event)
        known = self._anchors.get(event.anchor or "")
        if known is None:
            what = f"the alias `*{event.anchor}` is not defined before this place"
            raise _invalid(line, column, what, "put text that begins with `*` in quotes")
        if self._expects_key:
            raise _invalid(line, column, "an alias cannot be a key")
        self._aliased += known[1].size
        if self._aliased > MAX_ALIASED:
            raise _invalid(line, column, f"the aliases stand for more than {MAX_ALIASED:,} values")
        self._add(known[0], replace(known[1], line=line))

    def _open(
        self,
        event: yaml.SequenceStartEvent | yaml.MappingStartEvent,
        value: list[Plain] | dict[str, Plain],
    ) -> None:
        line, column = _position(event)
        if self._expects_key:
            what = "a key is a word, not a list or mapping"
            raise _invalid(line, column, what, "put text that begins with `{` or `[` in quotes")
        if len(self._frames) == MAX_DEPTH:
            raise _invalid(line, column, f"this is nested more than {MAX_DEPTH} levels deep")
        tag = self._tag(event, "seq" if isinstance(value, list) else "map")
        self._frames.append(_Open(value, line, event.anchor, tag))

    def _tag(self, event: Any, core: str) -> str | None:
        """The opaque tag of a value, None without one; others than the core one are refused."""
        if event.tag in (None, "!", _CORE_TAG + core):
            return None
        if event.tag in self._opaque_tags:
            return str(event.tag)
        line, column = _position(event)
        shown = event.tag.replace(_CORE_TAG, "!!")
        what = f"the tag `{_shortened(shown)}` is not allowed"
        raise _invalid(line, column, what, "put text that begins with `!` in quotes")

    def _add(self, value: Plain, place: _Place, *, anchor: str | None = None) -> None:
        """Put a finished value where it belongs: into its list or mapping, or as the document."""
        if anchor:
            self._anchors[anchor] = value, place
        if not self._frames:
            self._root = Located(value, place)
            return
        frame = self._frames[-1]
        if isinstance(frame.value, list):
            frame.inside[len(frame.value)] = place
            frame.value.append(value)
        elif frame.merging:
            frame.merged += self._merge_sources(value, place)
        else:
            assert frame.key is not None
            frame.inside[frame.key] = replace(place, line=frame.key_line)
            frame.value[frame.key] = value
        frame.key, frame.merging = None, False

    def _merge_sources(self, value: Plain, place: _Place) -> list[tuple[Plain, _Place]]:
        sources = [(value, place)]
        if isinstance(value, list):
            sources = [(item, place.inside[at]) for at, item in enumerate(value)]
        if not all(isinstance(source, dict) for source, _ in sources):
            raise _invalid(place.line, 1, "`<<` merges a mapping or a list of mappings")
        return sources


# ------------------------------------------------------------------- errors

_HINTS = {
    "cannot start any token": "put the text in quotes",
    "mapping values are not allowed": "check the indentation; quote text that has `: ` in it",
    "found unexpected ':'": "put a blank behind the `:`, or the text in quotes",
    "could not find expected ':'": "check the indentation, and the `:` of this or the line before",
    "did not find expected key": "check the indentation and the quotes above",
    "did not find expected '-' indicator": "check the indentation",
    "expected node content": "put text that begins with a sign in quotes",
    "did not find expected ',' or": "close the bracket or quote the text",
    "whitespace or line break": "put text that begins with `!` in quotes",
    "unknown escape": "use '...' for text with backslashes",
    "end of stream": "close the quote or bracket",
    "alphabetic or numeric": "put text that begins with `*` or `&` in quotes",
}


def _translated(error: yaml.MarkedYAMLError, text: str) -> Invalid:
    what = error.problem or str(error)
    hint = next((hint for part, hint in _HINTS.items() if part in what), "")
    lines = text.splitlines() or [""]
    mark = error.problem_mark or error.context_mark
    if mark and error.context_mark and (mark.line, mark.column) >= (len(lines) - 1, len(lines[-1])):
        mark = error.context_mark  # what began there goes on to the end of the text
    line, column = (min(mark.line, len(lines) - 1) + 1, mark.column + 1) if mark else (1, 1)
    if "end of stream" in what:
        what = "this is never closed"
    elif re.match(r" *\t", lines[line - 1][:column]):
        what, hint = "a tab cannot indent", "indent with spaces"
    elif error.context:
        what = f"{what} {error.context}"
    return _invalid(line, column, what, hint)


def _invalid(line: int, column: int, what: str, hint: str = "") -> Invalid:
    where = f"line {line}, column {column}"
    return Invalid("this YAML cannot be used", [Problem(where=where, what=what, hint=hint)])


def _position(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "..."


# ------------------------------------------------------------------ writing

# Readers differ on these line breaks and on the byte order mark, so they are always escaped.
_ESCAPED = re.compile("[\r\x85\u2028\u2029\ufeff]")
_BLOCK = re.compile("[\n\t\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


def _plain(value: Any, depth: int) -> Any:
    """`value` with exact types, as the writer wants them."""
    if depth > MAX_DEPTH:
        raise Invalid(f"this value is nested more than {MAX_DEPTH} levels deep")
    match value:
        case str():
            return str(value)
        case float() if not math.isfinite(value):
            raise Invalid(f"{value} is not a number that YAML can carry everywhere")
        case Mapping():
            return {str(key): _plain(inner, depth + 1) for key, inner in value.items()}
        case Sequence():
            return [_plain(inner, depth + 1) for inner in value]
        case _:
            return value


class _Dumper(yaml.SafeDumper):
    """PyYAML's writer without aliases, with indented lists and with block texts."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def analyze_scalar(self, scalar: str) -> Any:
        """Allow blocks for texts with tabs and with blanks at the end of a line, as scripts have."""
        analysis = super().analyze_scalar(scalar)
        analysis.allow_block = bool(_BLOCK.fullmatch(scalar))
        return analysis

    def determine_block_hints(self, text: str) -> str:
        """State the indentation when a tab comes first, where readers cannot find it out."""
        hints: str = super().determine_block_hints(text)
        return hints if hints[:1].isdigit() or text[:1] != "\t" else f"{self.best_indent}{hints}"


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(_word(text), str) else "'"
    if _ESCAPED.search(text):
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar(_CORE_TAG + "str", text, style=style)


_Dumper.add_representer(str, _represent_text)

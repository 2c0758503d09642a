"""What differs between two texts, line by line, as values that a console can colour.

Made for two groups' outputs and for two revisions of a document. The work is bounded:
of very long texts only a beginning is compared, and the result says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from core.domain.display import safe_text

MAX_BYTES = 4 * 1024 * 1024
"""Of each text, this much is looked at."""
MAX_LINES = 2000
"""Of each text, this many lines between the first and the last difference are compared."""
MAX_LINE_CHARACTERS = 1000
"""A longer line is shown cut off."""


class LineKind(StrEnum):
    """What a line of a diff is."""

    HUNK = "hunk"
    """Where the following lines stand, as in a unified diff: `@@ -3,7 +3,8 @@`."""
    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line; `text` has no newline and is safe to show on a terminal."""

    kind: LineKind
    text: str


@dataclass(frozen=True, slots=True)
class TextDiff:
    """Lines of a unified diff; none where the texts are the same."""

    lines: tuple[DiffLine, ...]
    truncated: bool
    """True: there may be more differences than shown, or a shown line is cut off."""


def line_diff(old: bytes | str, new: bytes | str, *, context: int = 3) -> TextDiff:
    """The differences from `old` to `new`, each with `context` lines around it.

    A newline missing at the very end is no difference.
    """
    before, after = _lines(old), _lines(new)
    truncated = len(old) > MAX_BYTES or len(new) > MAX_BYTES
    # What is the same at both ends costs nothing, so it does not count as compared.
    prefix = _common_prefix(before, after)
    suffix = _common_prefix(before[prefix:][::-1], after[prefix:][::-1])
    start = max(0, prefix - context)
    beyond = max(0, suffix - context)
    before = before[start : len(before) - beyond]
    after = after[start : len(after) - beyond]
    cut = len(before) > MAX_LINES or len(after) > MAX_LINES
    matcher = SequenceMatcher(None, before[:MAX_LINES], after[:MAX_LINES])
    hunks = list(matcher.get_grouped_opcodes(context))
    if cut:
        _drop_open_end(hunks)
    lines = [line for hunk in hunks for line in _hunk_lines(hunk, before, after, start)]
    overlong = any(len(line.text) > MAX_LINE_CHARACTERS for line in lines)
    return TextDiff(tuple(lines), truncated or cut or overlong)


_Opcode = tuple[str, int, int, int, int]


def _lines(text: bytes | str) -> list[bytes]:
    if isinstance(text, str):
        text = text[:MAX_BYTES].encode("utf-8", "surrogatepass")
    text = text[:MAX_BYTES]
    return text.removesuffix(b"\n").split(b"\n") if text else []


def _common_prefix(left: Sequence[bytes], right: Sequence[bytes]) -> int:
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count


def _drop_open_end(hunks: list[list[_Opcode]]) -> None:
    """Where the lines were cut, a last difference may be one only because of the cut."""
    if len(hunks) > 1 or any(opcode[0] != "equal" for opcode in hunks[0][:-1]):
        if hunks[-1][-1][0] != "equal":
            del hunks[-1][-1]
        if all(opcode[0] == "equal" for opcode in hunks[-1]):
            del hunks[-1]


def _hunk_lines(
    hunk: Sequence[_Opcode], before: Sequence[bytes], after: Sequence[bytes], offset: int
) -> Iterator[DiffLine]:
    old = _range(hunk[0][1] + offset, hunk[-1][2] + offset)
    new = _range(hunk[0][3] + offset, hunk[-1][4] + offset)
    yield DiffLine(LineKind.HUNK, f"@@ -{old} +{new} @@")
    for kind, old_from, old_to, new_from, new_to in hunk:
        if kind == "equal":
            yield from _shown(LineKind.SAME, before[old_from:old_to])
        else:
            yield from _shown(LineKind.REMOVED, before[old_from:old_to])
            yield from _shown(LineKind.ADDED, after[new_from:new_to])


def _range(start: int, stop: int) -> str:
    """`first line,count` as POSIX diff -u writes it: an empty range names the line before it."""
    count = stop - start
    first = start + 1 if count else start
    return f"{first}" if count == 1 else f"{first},{count}"


def _shown(kind: LineKind, lines: Sequence[bytes]) -> Iterator[DiffLine]:
    for line in lines:
        # No character takes more than four bytes.
        text = safe_text(line[: 4 * (MAX_LINE_CHARACTERS + 1)])
        if len(text) > MAX_LINE_CHARACTERS:
            text = text[:MAX_LINE_CHARACTERS] + "…"
        yield DiffLine(kind, text)

"""Any bytes, shown on a terminal or in a window without acting on it.

Output is data from machines that may be hostile: an escape sequence can set titles,
write to the clipboard or hide text, a bidirectional override can show a command
backwards, and an invisible character can hide one. Such characters, and bytes that
are no UTF-8, are shown by their codes; ordinary text of any script stays as it is.

Give whole lines where output arrives in pieces: a character cut in half shows as
codes. How long a line may be is the caller's business.
"""

from __future__ import annotations

import re

# Ranges of code points that are never written as they are.
_NEVER_RAW = (
    (0x00, 0x08),  # C0 without tab and newline
    (0x0B, 0x1F),
    (0x7F, 0x9F),  # DEL and C1
    (0xAD, 0xAD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x061C, 0x061C),  # Arabic letter mark
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian selectors and separator
    (0x200B, 0x200B),  # zero width space
    (0x200E, 0x200F),  # left-to-right and right-to-left marks
    (0x2028, 0x202E),  # line and paragraph separators; embeddings and overrides
    (0x2060, 0x206F),  # word joiner, invisible operators, isolates
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xDFFF),  # surrogates: no text, and cannot be encoded
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0xFFF0, 0xFFFB),  # unassigned, interlinear annotations
    (0xE0000, 0xE0FFF),  # tags and other invisible copies of ASCII
)
_JOINERS = "\u200c\u200d"
"""Needed inside Persian, Indic scripts and emoji; anywhere else they only hide."""

_SUSPECT = re.compile(
    "[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _NEVER_RAW) + _JOINERS + "]"
)


def safe_text(data: bytes | str) -> str:
    r"""`data` as text that no terminal acts on.

    A byte that is no UTF-8 and a control character become `\xNN`, other characters
    that hide or reorder text `\uNNNN`. Newlines and tabs stay; a carriage return
    goes where it only ends a line. A text that already reads `\x1b` looks the same
    as the character: this is for looking, not for reading back.
    """
    text = data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data
    if text.isascii() and text.isprintable():
        return text
    return _SUSPECT.sub(_shown, text.replace("\r\n", "\n"))


def _shown(hit: re.Match[str]) -> str:
    if hit[0] in _JOINERS and _joins(hit.string[max(0, hit.start() - 1) : hit.end() + 1]):
        return hit[0]
    point = ord(hit[0])
    # PEP 383: these stand for single bytes that could not be decoded.
    if 0xDC80 <= point <= 0xDCFF:
        point -= 0xDC00
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def _joins(around: str) -> bool:
    """Whether a joiner stands between two characters beyond ASCII."""
    return len(around) == 3 and not around[0].isascii() and not around[2].isascii()

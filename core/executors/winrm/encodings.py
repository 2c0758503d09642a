"""What Windows programs print, as UTF-8.

A session's code page is UTF-8, and most programs follow it. Some do not: `cmd /u`, wsl.exe and others
print UTF-16, with a mark at its beginning or without; old programs print in a code page of the system.
So each line is judged by itself, and what is neither text of these is left as it is:

    UTF-16      where a line begins with the mark, or with a character and a zero byte
    UTF-8       where it is valid
    code page   otherwise, unless it holds control characters, which no text has

What comes out depends on all bytes before it, never on the pieces in which they came: a reader that
begins again at the first byte is at the same place after as many bytes. Plain ASCII comes out at once;
the rest of a line waits for its end. Pure.
"""

from __future__ import annotations

import re
from enum import Enum

_MOST_HELD_BYTES = 64 << 10
"""Of a line that does not end; then it is judged as it is."""
_MARK = b"\xff\xfe"
_WIDE_END = b"\n\0"
_PLAIN = re.compile(rb"[\t\x08\x1b\x20-\x7e]*")
"""What every encoding but UTF-16 has in common; no end of a line among it."""
_ENDING = b"\r\n"
_ENDS = re.compile(rb"[\r\n]")
_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")


class WindowsRecoder:
    """Takes one stream of a program; gives it in UTF-8."""

    def __init__(self, code_page: int | None, skip: int = 0) -> None:
        """`code_page`: of what is no UTF; None: that is left as it is. `skip`: so many bytes that
        come out are known already.
        """
        self._codec = f"cp{code_page}" if code_page is not None else None
        self._skip = skip
        self._held = bytearray()
        self._last: _Line | None = None
        """What the line before was."""
        self._begun = False
        """Something of the line has come out already."""

    def feed(self, data: bytes) -> bytes:
        """What `data` completes."""
        self._held += data
        return self._passed(self._read(is_over=False))

    def finish(self) -> bytes:
        """What was held back when the stream ended."""
        return self._passed(self._read(is_over=True))

    def _passed(self, text: bytes) -> bytes:
        known = min(self._skip, len(text))
        self._skip -= known
        return text[known:]

    def _read(self, *, is_over: bool) -> bytes:
        out = bytearray()
        while self._held and (line := self._kind(is_over=is_over)) is not None:
            wide = line is _Line.WIDE
            part = self._wide(is_over=is_over) if wide else self._narrow(is_over=is_over)
            if part is None:
                break
            self._last = line
            out += part
        return bytes(out)

    def _kind(self, *, is_over: bool) -> _Line | None:
        """What the line is that is held, or the rest of one; None where that is not known yet."""
        held = self._held
        if self._begun or (self._last is _Line.NARROW and held[0] in _ENDING):
            return _Line.NARROW
        if len(held) < len(_MARK):
            return _Line.NARROW if is_over else None
        if held.startswith(_MARK) or (held[0] and not held[1]):
            return _Line.WIDE
        return self._after_wide() if self._last is _Line.WIDE else _Line.NARROW

    def _after_wide(self) -> _Line:
        """After UTF-16 comes more of it, also where no zero byte shows it at once."""
        line, end, _ = bytes(self._held).partition(b"\n")
        is_whole = bool(end) and b"\0" not in line
        return _Line.NARROW if is_whole and (line[-1:] == b"\r" or _is_utf_8(line)) else _Line.WIDE

    def _wide(self, *, is_over: bool) -> bytes | None:
        held = self._held
        at = held.find(_WIDE_END, 0, _MOST_HELD_BYTES)
        while at >= 0 and at % 2:
            at = held.find(_WIDE_END, at + 1, _MOST_HELD_BYTES)
        if at < 0 and len(held) < _MOST_HELD_BYTES and not is_over:
            return None
        size = at + len(_WIDE_END) if at >= 0 else min(len(held), _MOST_HELD_BYTES)
        text = self._taken(size).removeprefix(_MARK)
        return text.decode("utf-16-le", "replace").encode()

    def _narrow(self, *, is_over: bool) -> bytes | None:
        """The plain beginning of a line, or its end with all before that is not plain."""
        held = self._held
        plain = _PLAIN.match(held)
        if plain is not None and (size := plain.end()):
            self._begun = True
            return self._taken(size)
        end = _ENDS.search(held, 0, _MOST_HELD_BYTES)
        if end is not None:
            self._begun = False
            return self._text(self._taken(end.end()))
        if is_over:
            return self._text(self._taken(len(held)))
        return None if len(held) < _MOST_HELD_BYTES else self._taken(_MOST_HELD_BYTES)

    def _text(self, line: bytes) -> bytes:
        if self._codec is None or _is_utf_8(line) or _CONTROL.search(line):
            return line
        return line.decode(self._codec, "replace").encode()

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken


class _Line(Enum):
    NARROW = 1
    """UTF-8, or a code page."""
    WIDE = 2
    """UTF-16."""


def _is_utf_8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True

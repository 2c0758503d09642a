"""Terminal colours as HTML that cannot act. Pure; the stream may be cut anywhere.

Of all escape sequences only SGR (ECMA-48 8.3.117: colours, bold, ...) has a
meaning here; the others are left out. Everything else is escaped, and what would
hide or reorder text is shown by its code (`core.domain.display`).
"""

from __future__ import annotations

import codecs
import html
import re

from core.domain.display import safe_text

_ESCAPE = re.compile(
    r"\x1b(?:\[(?P<codes>[0-?]*)[ -/]*(?P<final>[@-~])|[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])"
)
_MOST_HELD = 4096
"""Characters of an escape sequence that is not complete; a longer one is shown as text."""

_FLAGS = {1: "b", 2: "dim", 3: "i", 4: "u", 7: "inv", 9: "s"}
"""SGR code -> CSS class."""
_ENDS = {22: ("b", "dim"), 23: ("i",), 24: ("u",), 27: ("inv",), 29: ("s",)}
_CUBE = (0, 95, 135, 175, 215, 255)

STYLE = "\n".join(
    [
        ".b{font-weight:bold}.dim{opacity:.7}.i{font-style:italic}.u{text-decoration:underline}",
        ".s{text-decoration:line-through}.inv{filter:invert(1)}",
        *(f".f{n}{{color:var(--c{n})}}.g{n}{{background:var(--c{n})}}" for n in range(16)),
    ]
)
"""The classes; the page gives the sixteen colours as `--c0` to `--c15`."""


class AnsiHtml:
    """One stream of output on its way to HTML."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""
        self._flags: dict[str, None] = {}
        self._colours: dict[str, str] = {}
        """`f` and `g` -> a class number or a colour such as `#00d7ff`."""

    def feed(self, data: bytes) -> str:
        """HTML of what is complete; nothing stays open in it."""
        return self._show(self._held + self._decoder.decode(data), last=False)

    def finish(self) -> str:
        """HTML of what was held back."""
        return self._show(self._held + self._decoder.decode(b"", final=True), last=True)

    def _show(self, text: str, *, last: bool) -> str:
        parts, place = [], 0
        for hit in _ESCAPE.finditer(text):
            parts.append(self._span(text[place : hit.start()]))
            place = hit.end()
            if hit["final"] == "m":
                self._select(hit["codes"] or "0")
        rest = text[place:]
        open_ = rest.find("\x1b")
        # The return of a line's end may come in the next piece.
        cut = open_ if open_ >= 0 else len(rest) - rest.endswith("\r")
        if last or len(rest) - cut > _MOST_HELD:
            cut = len(rest)
        self._held = rest[cut:]
        return "".join([*parts, self._span(rest[:cut])])

    def _span(self, text: str) -> str:
        if not text:
            return ""
        shown = html.escape(safe_text(text))
        classes = list(self._flags)
        styles = []
        for kind, name in (("f", "color"), ("g", "background")):
            colour = self._colours.get(kind, "")
            if colour.startswith("#"):
                styles.append(f"{name}:{colour}")
            elif colour:
                classes.append(kind + colour)
        attributes = f' class="{" ".join(classes)}"' if classes else ""
        attributes += f' style="{";".join(styles)}"' if styles else ""
        return f"<span{attributes}>{shown}</span>" if attributes else shown

    def _select(self, codes: str) -> None:
        numbers = [
            int(code) if code.isdecimal() and code.isascii() else 0
            for code in re.split("[;:]", codes)
        ]
        while numbers:
            code = numbers.pop(0)
            if code == 0:
                self._flags.clear()
                self._colours.clear()
            elif code in _FLAGS:
                self._flags[_FLAGS[code]] = None
            elif code in _ENDS:
                for flag in _ENDS[code]:
                    self._flags.pop(flag, None)
            elif code in (38, 48):
                self._extended("f" if code == 38 else "g", numbers)
            elif code in (39, 49):
                self._colours.pop("f" if code == 39 else "g", None)
            else:
                for first, kind, base in ((30, "f", 0), (40, "g", 0), (90, "f", 8), (100, "g", 8)):
                    if first <= code <= first + 7:
                        self._colours[kind] = str(base + code - first)

    def _extended(self, kind: str, numbers: list[int]) -> None:
        """38;5;N and 38;2;R;G;B; takes its numbers from the front of the list."""
        way = numbers.pop(0) if numbers else 0
        if way == 5 and numbers:
            self._colours[kind] = _of_256(min(numbers.pop(0), 255))
        elif way == 2 and len(numbers) >= 3:
            red, green, blue = (min(numbers.pop(0), 255) for _ in range(3))
            self._colours[kind] = f"#{red:02x}{green:02x}{blue:02x}"


def _of_256(number: int) -> str:
    """The class of one of the first sixteen colours of xterm's palette, the value of the others."""
    if number < 16:
        return str(number)
    if number < 232:
        place = number - 16
        levels = (_CUBE[place // 36], _CUBE[place // 6 % 6], _CUBE[place % 6])
    else:
        levels = (8 + 10 * (number - 232),) * 3
    return "#" + "".join(f"{level:02x}" for level in levels)

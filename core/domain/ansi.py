"""Terminal colours as HTML that cannot act. Pure; the stream may be cut anywhere.

Of all escape sequences only SGR (ECMA-48 8.3.117: colours, bold, ...) has a
meaning here; the others are left out. Everything else is escaped, and what would
hide or reorder text is shown by its code (`core.domain.display`).
"""

from __future__ import annotations

import codecs
import html

from core.domain.display import safe_text
from core.domain.sgr import BACK, ESCAPE, FORE, Graphics

_MOST_HELD = 4096
"""Characters of an escape sequence that is not complete; a longer one is shown as text."""

STYLE = "\n".join(
    [
        ".b{font-weight:bold}.dim{opacity:.7}.i{font-style:italic}.u{text-decoration:underline}",
        ".s{text-decoration:line-through}.inv{filter:invert(1)}",
        *(f".f{n}{{color:var(--c{n})}}.g{n}{{background:var(--c{n})}}" for n in range(16)),
    ]
)
"""The classes, by the names of `Graphics`; the page gives the sixteen colours as `--c0` to `--c15`."""


class AnsiHtml:
    """One stream of output on its way to HTML."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""
        self._graphics = Graphics()

    def feed(self, data: bytes) -> str:
        """HTML of what is complete; nothing stays open in it."""
        return self._show(self._held + self._decoder.decode(data), last=False)

    def finish(self) -> str:
        """HTML of what was held back."""
        return self._show(self._held + self._decoder.decode(b"", final=True), last=True)

    def _show(self, text: str, *, last: bool) -> str:
        parts, place = [], 0
        for hit in ESCAPE.finditer(text):
            parts.append(self._span(text[place : hit.start()]))
            place = hit.end()
            if hit["final"] == "m":
                self._graphics.select(hit["codes"])
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
        classes = list(self._graphics.flags)
        styles = []
        for kind, name in ((FORE, "color"), (BACK, "background")):
            colour = self._graphics.colours.get(kind, "")
            if colour.startswith("#"):
                styles.append(f"{name}:{colour}")
            elif colour:
                classes.append(kind + colour)
        attributes = f' class="{" ".join(classes)}"' if classes else ""
        attributes += f' style="{";".join(styles)}"' if styles else ""
        return f"<span{attributes}>{shown}</span>" if attributes else shown

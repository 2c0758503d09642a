"""What PowerShell says about itself on a redirected standard error: CLIXML, as text. Pure."""

from __future__ import annotations

import html
import re

_HEADER = b"#< CLIXML"
_END = b"</Objs>"
_ERROR = re.compile(r'<S S="(?:Error|Warning)">(.*?)</S>', re.DOTALL)
_CHARACTER = re.compile(r"_x([0-9A-Fa-f]{4})_")


class Clixml:
    """Takes a standard error that may hold CLIXML, in pieces; gives what it says as text."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What `data` completes; CLIXML that has not ended is held."""
        self._held += data
        begun = self._held.find(_HEADER)
        if begun >= 0:
            return b"" if _END not in self._held[begun:] else self.finish()
        sizes = range(len(_HEADER) - 1, 0, -1)
        rest = next((size for size in sizes if self._held.endswith(_HEADER[:size])), 0)
        passed, self._held = (
            self._held[: len(self._held) - rest],
            self._held[len(self._held) - rest :],
        )
        return passed

    def finish(self) -> bytes:
        """What was held back when the stream ended."""
        held, self._held = self._held, b""
        return as_text(held)


def as_text(data: bytes) -> bytes:
    """Errors and warnings that `data` holds, one after the other; `data` itself if it is no CLIXML."""
    before, header, after = data.partition(_HEADER)
    if not header:
        return data
    said = "".join(_ERROR.findall(after.decode("utf-8", "replace")))
    text = _CHARACTER.sub(lambda hit: chr(int(hit[1], 16)), html.unescape(said))
    # Characters beyond the first 65,536 come as two escapes, halves of a pair.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return before + whole.replace("\r\n", "\n").encode()

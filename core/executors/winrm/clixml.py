"""What PowerShell says about itself on a redirected standard error: CLIXML, as text. Pure."""

from __future__ import annotations

import html
import re

_HEADER = b"#< CLIXML"
_ERROR = re.compile(r'<S S="(?:Error|Warning)">(.*?)</S>', re.DOTALL)
_CHARACTER = re.compile(r"_x([0-9A-Fa-f]{4})_")


def as_text(data: bytes) -> bytes:
    """Errors and warnings that `data` holds, one after the other; `data` itself if it is no CLIXML."""
    before, header, after = data.partition(_HEADER)
    if not header:
        return data
    said = "".join(_ERROR.findall(after.decode("utf-8", "replace")))
    text = _CHARACTER.sub(lambda hit: chr(int(hit[1], 16)), html.unescape(said))
    return before + text.replace("\r\n", "\n").encode("utf-8", "replace")

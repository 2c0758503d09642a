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
    # Characters beyond the first 65,536 come as two escapes, halves of a pair.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return before + whole.replace("\r\n", "\n").encode()

"""How Windows hosts are talked to about files: files.ps1 and its values, said as work is.

Content goes as lines of base 64: what reads the programs reads text. Pure.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping

from core.domain.files.windows import check_name
from core.executors.dialect import Dialect
from core.executors.files.programs import FileProgram
from core.executors.shell import Launch
from core.executors.winrm.programs import REQUEST, WindowsDialect, resource, said

FILES = resource("files.ps1")
_MOST_LINE_BYTES = 48 << 10
"""Of content in one line: in base 64 what one message carries."""


class WindowsSpeech:
    """Hosts with PowerShell."""

    end = b".\n"

    def __init__(self, dialect: WindowsDialect) -> None:
        self.dialect: Dialect = dialect

    def check(self, path: str, name: str = "") -> None:
        if name:
            check_name(name)

    def launch(
        self,
        program: FileProgram,
        token: str,
        values: Mapping[str, str],
        *,
        as_other_user: bool,
    ) -> Launch:
        given = json.dumps({"token": token, "program": program.value, **values})
        # A list is printed without a word from us.
        talks = program is not FileProgram.LIST
        return Launch(token, REQUEST, said(FILES, given, ""), takes_input=talks)

    def content(self, data: bytes | memoryview) -> bytes:
        pieces = (data[at : at + _MOST_LINE_BYTES] for at in range(0, len(data), _MOST_LINE_BYTES))
        return b"".join(b64encode(piece) + b"\n" for piece in pieces)

"""The programs of file transfers: what runs on a target, for hosts of each kind.

Those for /bin/sh are here. Each is said on standard input behind any login shell, as work under a claim is
(`core.executors.claims`), and then spoken with line by line. Nothing of it is in an argument
list. Pure: values in, text out.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from typing import Protocol

from core.domain.files.paths import on_drive, shown
from core.domain.quoting import quote_posix
from core.executors.dialect import POSIX, Dialect
from core.executors.framing import mark_text
from core.executors.shell import Launch


def _text(file: str) -> str:
    lines = resources.files(__package__).joinpath(file).read_text("ascii").splitlines(True)
    return "".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))


_COMMON = _text("common.sh")
_BEGIN = 'echo "{mark} start $$" || exit\necho "{mark} start" >&2\n'


class FileProgram(StrEnum):
    """The programs; the values that each takes are named at its top."""

    PUT = "put"
    LIST = "list"
    GET = "get"


class Speech(Protocol):
    """How hosts of one kind are talked to about files. Pure."""

    dialect: Dialect
    end: bytes
    """What tells a program that nothing more will be said; b"": the end of its input."""

    def check(self, path: str, name: str = "") -> None:
        """ValueError unless `path`, and a file called `name` below it, can be meant there."""

    def launch(
        self,
        program: FileProgram,
        token: str,
        values: Mapping[str, str],
        *,
        as_other_user: bool,
    ) -> Launch:
        """What starts `program` with `values`; each word that it says ends in a line end, or in a
        zero byte where it lists.
        """

    def content(self, data: bytes | memoryview) -> bytes:
        """`data` as a program reads it."""


class _Shell:
    """Hosts with /bin/sh."""

    dialect = POSIX
    end = b""

    def check(self, path: str, name: str = "") -> None:
        if on_drive(path):
            raise ValueError(f"{shown(path)} is a path of Windows, which the target is not")

    def launch(
        self,
        program: FileProgram,
        token: str,
        values: Mapping[str, str],
        *,
        as_other_user: bool,
    ) -> Launch:
        reader = f'eval "$(LC_ALL=C sed /^#{token}/q)"'
        parts = ["cd 2>/dev/null || cd /\n"] if as_other_user else []
        parts.append("LC_ALL=C; export LC_ALL\n")
        given = {"end": _ENDS.get(program, r"\n"), **values}
        parts += [f"{name}={quote_posix(value)}\n" for name, value in given.items()]
        parts += [_BEGIN.format(mark=mark_text(token)), _COMMON, _PROGRAMS[program]]
        # The empty line is for a sed that reads one line ahead (BusyBox).
        text = f"{''.join(parts)}\n#{token}\n\n".encode("utf-8", "surrogateescape")
        return Launch(token, f"exec /bin/sh -c '{reader}'", text, reader=reader, takes_input=True)

    def content(self, data: bytes | memoryview) -> bytes:
        return bytes(data)


_PROGRAMS = {program: _text(f"{program}.sh") for program in FileProgram}
_ENDS = {FileProgram.LIST: r"\0"}
"""Names of files may hold line ends."""

POSIX_SPEECH: Speech = _Shell()

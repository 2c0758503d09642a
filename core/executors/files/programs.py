"""The programs of file transfers: what runs on a target, as text for /bin/sh.

Each is said on standard input behind any login shell, as work under a claim is
(`core.executors.claims`), and then spoken with line by line. Nothing of it is in an argument
list. Pure: values in, text out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from core.domain.quoting import quote_posix
from core.executors.framing import mark_text
from core.executors.shell import Launch


def _text(file: str) -> str:
    lines = resources.files(__package__).joinpath(file).read_text("ascii").splitlines(True)
    return "".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))


_COMMON = _text("common.sh")
_BEGIN = 'echo "{mark} start $$" || exit\necho "{mark} start" >&2\n'


@dataclass(frozen=True, slots=True)
class Program:
    """One of the programs; the values that it takes are named at its top."""

    text: str
    end: str = r"\n"
    """What it ends each thing with that it says."""


PUT = Program(_text("put.sh"))
LIST = Program(_text("list.sh"), end=r"\0")
"""Names of files may hold line ends."""
GET = Program(_text("get.sh"))


def launch(
    program: Program, token: str, values: Mapping[str, str], *, as_other_user: bool
) -> Launch:
    """What starts `program` with `values`."""
    reader = f'eval "$(LC_ALL=C sed /^#{token}/q)"'
    parts = ["cd 2>/dev/null || cd /\n"] if as_other_user else []
    parts.append("LC_ALL=C; export LC_ALL\n")
    given = {"end": program.end, **values}
    parts += [f"{name}={quote_posix(value)}\n" for name, value in given.items()]
    parts += [_BEGIN.format(mark=mark_text(token)), _COMMON, program.text]
    # The empty line is for a sed that reads one line ahead (BusyBox).
    text = f"{''.join(parts)}\n#{token}\n\n".encode("utf-8", "surrogateescape")
    return Launch(token, f"exec /bin/sh -c '{reader}'", text, reader=reader, takes_input=True)

"""The programs of file transfers: what runs on a target, as text for /bin/sh.

Each is said on standard input behind any login shell, as work under a claim is
(`core.executors.claims`), and then spoken with line by line. Nothing of it is in an argument
list. Pure: values in, text out.
"""

from __future__ import annotations

from importlib import resources

from core.domain.quoting import quote_posix
from core.executors.framing import mark_text
from core.executors.shell import Launch


def _text(file: str) -> str:
    lines = resources.files(__package__).joinpath(file).read_text("ascii").splitlines(True)
    return "".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))


_COMMON, _PUT, _LIST, _GET = map(_text, ("common.sh", "put.sh", "list.sh", "get.sh"))
_LINES, _RECORDS = {"end": r"\n"}, {"end": r"\0"}
"""What the program ends each thing with that it says: names of files may hold line ends."""
_BEGIN = 'echo "{mark} start $$" || exit\necho "{mark} start" >&2\n'


def put(token: str, *, as_other_user: bool, **values: str) -> Launch:
    """Takes one file in; `values` are named at the top of put.sh."""
    return _launch(token, _PUT, _LINES | values, as_other_user=as_other_user)


def list_(token: str, *, as_other_user: bool, pattern: str) -> Launch:
    """Names files."""
    return _launch(token, _LIST, _RECORDS | {"pattern": pattern}, as_other_user=as_other_user)


def get(token: str, *, as_other_user: bool, path: str) -> Launch:
    """Gives one file out."""
    return _launch(token, _GET, _LINES | {"path": path}, as_other_user=as_other_user)


def _launch(token: str, program: str, values: dict[str, str], *, as_other_user: bool) -> Launch:
    reader = f'eval "$(LC_ALL=C sed /^#{token}/q)"'
    parts = ["cd 2>/dev/null || cd /\n"] if as_other_user else []
    parts.append("LC_ALL=C; export LC_ALL\n")
    parts += [f"{name}={quote_posix(value)}\n" for name, value in values.items()]
    parts.append(_BEGIN.format(mark=mark_text(token)))
    parts += [_COMMON, program]
    # The empty line is for a sed that reads one line ahead (BusyBox).
    text = f"{''.join(parts)}\n#{token}\n\n".encode("utf-8", "surrogateescape")
    return Launch(token, f"exec /bin/sh -c '{reader}'", text, reader=reader, takes_input=True)

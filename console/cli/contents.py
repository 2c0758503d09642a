"""`jobdeck contents`: files that belong to jobs, kept by the engine under their SHA-256."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from console.cli import attaching, options
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.client import Client
from console.i18n import _
from console.newfile import write_new
from console.presenters.contents import (
    content_table,
    contents_table,
    fault_lines,
    sum_line,
)
from console.presenters.durations import size
from core.clock import SystemClock
from core.errors import NotFound, RequestError

app = family(
    _(
        "Look at the files that belong to jobs, add them, bring them back.\n\n"
        "The engine keeps each once, under its SHA-256, for as long as a document or a run on record"
        " refers to it, and for a week more: `jobdeck help contents`."
    )
)

_LEAST = 4
_BEGINNING = re.compile(rf"[0-9a-f]{{{_LEAST},64}}")

Sha256 = Annotated[
    str,
    typer.Argument(
        metavar="SHA256", help=_("of a content, or a beginning of it that no other has")
    ),
]


@command(
    app,
    "add",
    _("Bring files of this machine to the engine.\n\nTheir SHA-256 is what steps name them by."),
    "jobdeck contents add app.conf app-1.4.tar.gz",
)
def add(files: Annotated[list[str], typer.Argument(metavar="FILE...")]) -> None:
    found = [Path(file).expanduser() for file in files]
    for file in found:
        if not file.is_file():
            raise options.refuse("FILE", _("{path} is no file").format(path=file))
    digests = [attaching.sha256_of(file) for file in found]
    with engine() as client:
        for file, sha256 in zip(found, digests, strict=True):
            attaching.put(client, sha256, file)
            out().print(f"{sha256}  {file}")


@command(app, "list", _("List contents, and who refers to each."))
def list_(as_json: Json = False) -> None:
    with engine() as client:
        found = list(client.contents())
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().table(contents_table(found, SystemClock().now()))


@command(app, "show", _("Show one content: its size, since when it is there, who refers to it."))
def show(sha256: Sha256, as_json: Json = False) -> None:
    with engine() as client:
        found = client.content(find(client, sha256))
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().table(content_table(found, SystemClock().now()))


@command(
    app,
    "get",
    _("Bring the bytes of a content back.\n\nA damaged one is refused, and nothing is written."),
    """
jobdeck contents get 9f86d0 -o app.conf
jobdeck contents get 9f86d0 | tar tz
""",
)
def get(
    sha256: Sha256,
    file: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help=_("a new file"))
    ] = None,
) -> None:
    if file is None and sys.stdout.isatty():
        raise options.refuse("-o", _("bytes are nothing for a terminal"), _("-o FILE"))
    with engine() as client:
        data = client.read_content(find(client, sha256))
        if file is None:
            for part in data:
                sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
            return
        path = Path(file).expanduser()
        written = write_new(path, data)
    err().print(f"{path}: {size(written)}")


@command(
    app,
    "verify",
    _(
        "Read every content, and say which are no longer what they were.\n\n"
        "`jobdeck contents add` of the same file mends one."
    ),
)
def verify(as_json: Json = False) -> int:
    found = []
    with engine() as client:
        for content in client.contents():
            verdict = client.verify_content(content.sha256)
            found.append(verdict)
            if verdict.fault and not as_json:
                out().lines(fault_lines(content, verdict.fault))
    faults = sum(bool(verdict.fault) for verdict in found)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().print(*sum_line(len(found), faults))
    return ExitCode.ENVIRONMENT if faults else ExitCode.OK


def find(client: Client, beginning: str) -> str:
    """The whole SHA-256; NotFound, or RequestError where several begin so."""
    if not _BEGINNING.fullmatch(beginning):
        raise options.refuse(
            "SHA256",
            _("{text!r} is no beginning of a SHA-256").format(text=beginning),
            _("at least {count} digits 0-9 and a-f").format(count=_LEAST),
        )
    found = [content.sha256 for content in client.contents(beginning)]
    if not found:
        raise NotFound("content", beginning)
    if len(found) > 1:
        raise RequestError(
            _("several contents begin with {text}").format(text=beginning),
            hint=", ".join(each[: len(beginning) + _LEAST] for each in found[:_LEAST]),
        )
    return found[0]

"""`jobdeck backup` and `jobdeck restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from console.cli.asking import confirms
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json, Yes
from console.cli.printing import err, out
from console.cli.settings import engine, home
from console.i18n import _
from console.presenters.durations import number, size
from console.presenters.text import Span, Tone
from core.errors import RequestError

app = family()


@command(
    app,
    "backup",
    _(
        "Copy the engine's data while it runs.\n\n"
        "PATH is a file, or a folder in which a file named after the time is made; without it, the"
        " home's own backups. The copy is checked before it counts. Secrets in it stay encrypted:"
        " keep the home's key file as well, in another place. Files of jobs lie"
        " beside it, in PATH.contents."
    ),
)
def backup(
    path: Annotated[str | None, typer.Argument(metavar="[PATH]")] = None, as_json: Json = False
) -> int:
    place = None if path is None else str(Path(path).expanduser().absolute())
    with engine() as client:
        done = client.back_up(place)
    if as_json:
        out().json(msgspec.to_builtins(done))
    else:
        text = _("{size}, checked: {result}")
        out().print(done.path)
        err().print(text.format(size=size(done.size_bytes), result=done.integrity))
        if done.contents_left_out:
            text = _("files of jobs that are damaged, and not in it: {count}")
            err().print(Span(text.format(count=number(done.contents_left_out)), Tone.WARNING))
    return ExitCode.OK


@command(
    app,
    "restore",
    _(
        "Put a backup in the place of the engine's data.\n\n"
        "The engine must be stopped. The data that is there now is kept beside it."
    ),
)
def restore(path: Annotated[str, typer.Argument(metavar="PATH")], yes: Yes = False) -> int:
    source = Path(path).expanduser().absolute()
    if not source.is_file():
        raise RequestError(_("PATH: {path} is no file").format(path=source))
    place = home()
    if not yes and not confirms(
        _("Replace the data of {home} by {backup}?").format(home=place.root, backup=source)
    ):
        raise RequestError(
            _("not confirmed; nothing was changed"), hint=_("--yes restores without asking")
        )
    from core import bootstrap

    bootstrap.restore(place, source)
    err().print(_("restored; the next engine of {home} uses it").format(home=place.root))
    return ExitCode.OK

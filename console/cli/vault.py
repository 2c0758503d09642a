"""`jobdeck vault`: the master key, and what opens it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from console.answers import Vault
from console.cli import asking
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import out
from console.cli.settings import engine, may_ask
from console.i18n import _
from console.presenters.vault import secrets_table, vault_table, verdict_lines
from core.clock import SystemClock
from core.errors import EnvironmentFault, RequestError

app = family(
    _(
        "Look at the vault, lock and unlock it, change its master key.\n\n"
        "The vault keeps every secret under a data key of its own, and the data keys under one"
        " master key. What keeps that is yours to choose: the system's keyring, a key file of mode"
        " 0600, a passphrase, or a credential that systemd hands to the engine."
    )
)

FromStdin = Annotated[
    bool,
    typer.Option("--passphrase-stdin", help=_("read the passphrase from the first line of stdin")),
]
File = Annotated[str, typer.Argument(metavar="FILE")]

_PLACES = {
    "keyring": "keyring",
    "key-file": "key file",
    "passphrase": "passphrase",
    "systemd": "systemd credential",
}
"""What people write -> the engine's name of the unlocker."""


@command(app, "status", _("Show whether it is open, what keeps its key, and what could."))
def status(as_json: Json = False) -> int:
    with engine() as client:
        return _show(client.vault(), as_json=as_json)


@command(
    app,
    "list",
    _(
        "List whose secrets are kept, when they were last used, and who uses them.\n\n"
        "No secret is shown. An account that is in use cannot be deleted."
    ),
)
def list_(as_json: Json = False) -> int:
    with engine() as client:
        kept = list(client.secrets())
    if as_json:
        out().json(msgspec.to_builtins(kept))
    else:
        out().table(secrets_table(kept, SystemClock().now()))
    return ExitCode.OK


@command(
    app,
    "init",
    _(
        "Choose what keeps the master key.\n\n"
        "WHERE is keyring, key-file, passphrase, or systemd (a credential jobdeck.passphrase of the"
        " engine's unit). A key that is there moves; secrets stay as they are. Choosing"
        " passphrase again changes the passphrase."
    ),
)
def init(
    where: Annotated[str, typer.Argument(metavar="WHERE")],
    from_stdin: FromStdin = False,
    as_json: Json = False,
) -> int:
    if where not in _PLACES:
        raise RequestError(
            _("WHERE: {place!r} keeps no key").format(place=where), hint=", ".join(_PLACES)
        )
    is_asked = where == "passphrase"
    passphrase = _new_passphrase(from_stdin=from_stdin) if is_asked else None
    with engine() as client:
        return _show(client.init_vault(_PLACES[where], passphrase), as_json=as_json)


@command(
    app,
    "unlock",
    _("Open the vault.\n\nA passphrase is asked for where the key lies under one."),
)
def unlock(from_stdin: FromStdin = False, as_json: Json = False) -> int:
    with engine() as client:
        vault = client.vault()
        if vault.state != "open":
            asks = vault.needs_passphrase
            vault = client.unlock_vault(_passphrase(from_stdin=from_stdin) if asks else None)
        return _show(vault, as_json=as_json)


@command(
    app,
    "lock",
    _(
        "Forget the master key until somebody unlocks the vault.\n\n"
        "Steps that run keep the secrets that they have. A step that begins and needs one fails,"
        " and says why; retry it when the vault is open."
    ),
)
def lock(as_json: Json = False) -> int:
    with engine() as client:
        return _show(client.lock_vault(), as_json=as_json)


@command(
    app,
    "rotate",
    _(
        "Make a new master key.\n\n"
        "Data keys are wrapped anew, secrets stay as they are, and work goes on meanwhile."
        " Whatever interrupts it, every secret opens afterwards. Backups made before need the old key:"
        " export it first, and the new one afterwards."
    ),
)
def rotate(as_json: Json = False) -> int:
    with engine() as client:
        return _show(client.rotate_vault(), as_json=as_json)


@command(
    app,
    "export",
    _(
        "Write the master key to a file, under a passphrase.\n\n"
        "A backup holds secrets that only the master key opens. Keep this file in another place"
        " than the backups, and the passphrase in a third."
    ),
)
def export(file: File, from_stdin: FromStdin = False) -> int:
    path = Path(file).expanduser()
    if path.exists():
        raise RequestError(
            _("FILE: {path} is there already").format(path=path), hint=_("name a new file")
        )
    passphrase = _new_passphrase(from_stdin=from_stdin)
    with engine() as client:
        text = client.export_vault(passphrase)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(text + "\n")
    except OSError as error:
        raise EnvironmentFault(f"{path}: {error.strerror}") from error
    out().print(str(path))
    return ExitCode.OK


@command(
    app,
    "import",
    _(
        "Take the master key out of an exported file.\n\n"
        "For a home whose key was lost, or whose passphrase was forgotten. The key goes into the"
        " keyring or the key file; `jobdeck vault init` moves it on."
    ),
)
def import_(file: File, from_stdin: FromStdin = False, as_json: Json = False) -> int:
    path = Path(file).expanduser()
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else _("no exported key")
        raise RequestError(f"FILE: {path}: {what}") from error
    if not text.strip():
        raise RequestError(f"FILE: {path}: {_('no exported key')}")
    passphrase = _passphrase(from_stdin=from_stdin)
    with engine() as client:
        return _show(client.import_vault(text.strip(), passphrase), as_json=as_json)


@command(app, "verify", _("Open every secret and say which do not.\n\nNone is shown."))
def verify(as_json: Json = False) -> int:
    with engine() as client:
        found = client.verify_vault()
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().lines(verdict_lines(found))
    return ExitCode.ENVIRONMENT if found.damaged or found.foreign else ExitCode.OK


def _show(vault: Vault, *, as_json: bool) -> int:
    if as_json:
        out().json(msgspec.to_builtins(vault))
    else:
        out().table(vault_table(vault))
    return ExitCode.OK


def _passphrase(*, from_stdin: bool) -> str:
    """From a person or from stdin: never an argument, which every process can read."""
    if from_stdin:
        text = sys.stdin.readline().rstrip("\r\n")
    elif may_ask():
        text = asking.secret(_("passphrase"))
    else:
        raise RequestError(
            _("the vault needs its passphrase"), hint=_("give it with --passphrase-stdin")
        )
    if not text:
        raise RequestError(_("the passphrase is empty; nothing was changed"))
    return text


def _new_passphrase(*, from_stdin: bool) -> str:
    """One that is to be kept: typed twice."""
    text = _passphrase(from_stdin=from_stdin)
    if not from_stdin and asking.secret(_("once more")) != text:
        raise RequestError(_("the two are not the same; nothing was changed"))
    return text

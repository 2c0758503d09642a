"""`jobdeck get`, `delete`, `history`, `diff` and `export`: documents, one by one or in lists."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from console.answers import Document, Kind
from console.cli import options
from console.cli.asking import confirms
from console.cli.attaching import FOLDER as CONTENTS
from console.cli.attaching import contents_of
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json, Selector, Yes
from console.cli.printing import err, out
from console.cli.settings import engine
from console.client import Client
from console.i18n import _
from console.newfile import write_new
from console.presenters.changes import documents_word, field_lines
from console.presenters.lists import documents_table, history_table
from console.presenters.text import Span, Tone
from core.clock import SystemClock
from core.errors import EnvironmentFault, NotFound, RequestError

app = family()

FORMATS = ("table", "wide", "yaml", "json")

KindName = Annotated[
    str,
    typer.Argument(
        metavar="KIND", help=_("host, group, account, environment, script or job; or its plural")
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME")]


def kind_of(client: Client, text: str) -> Kind:
    """The kind called `text`, singular or plural; NotFound suggests the nearest."""
    kinds = client.kinds()
    for kind in kinds:
        if text.lower() in (kind.kind, kind.plural):
            return kind
    raise NotFound("kind", text, [kind.kind for kind in kinds])


@command(
    app,
    "get",
    _("Show documents: one by name, or a list of a kind."),
    """
jobdeck get hosts -l env=prod
jobdeck get job deploy -o yaml
""",
)
def get(
    kind: KindName,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]")] = None,
    selector: Selector = None,
    search: Annotated[
        str | None,
        typer.Option("--search", "-s", metavar="WORDS", help=_("with these words in it")),
    ] = None,
    revision: Annotated[
        str | None, typer.Option("--revision", metavar="N", help=_("as it was in this revision"))
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "-o",
            metavar="FORMAT",
            help=_("table, wide, yaml or json (a name: yaml, a list: table)"),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    options.exclusive({"-o": form is not None, "--json": as_json})
    options.exclusive({"NAME": name is not None, "--selector": selector is not None})
    options.exclusive({"NAME": name is not None, "--search": search is not None})
    number = options.whole("--revision", revision, 1)
    if number is not None and name is None:
        raise options.refuse("--revision", _("it needs a name"))
    default = "table" if name is None else "yaml"
    chosen = "json" if as_json else options.one_of("-o", form or default, FORMATS)
    with engine() as client:
        found_kind = kind_of(client, kind)
        if name is None:
            found = list(client.documents(found_kind.kind, selector=selector, q=search))
        else:
            found = [client.document(found_kind.kind, name, number)]
    if chosen == "json":
        items = [msgspec.to_builtins(document) for document in found]
        out().json(items if name is None else items[0])
    elif chosen == "yaml":
        print_yaml(document.body() for document in found)
    else:
        wide = chosen == "wide"
        out().table(documents_table(found_kind.kind, found, SystemClock().now(), wide=wide))


def print_yaml(bodies: Iterable[Any]) -> None:
    """Documents as YAML that can be applied again; harmless on a terminal."""
    from core.domain import yamlsafe

    text = yamlsafe.dump_all(bodies)
    screen = out()
    if screen.is_terminal:
        for row in text.splitlines():
            screen.print(row)
    else:
        screen.write(text)


@command(app, "delete", _("Delete documents. What others refer to stays, and they are named."))
def delete(
    kind: KindName,
    names: Annotated[list[str], typer.Argument(metavar="NAME...")],
    yes: Yes = False,
) -> int:
    with engine() as client:
        found = kind_of(client, kind)
        for name in names:
            client.document(found.kind, name)  # all of them exist before the first is deleted
        shown = ", ".join(names)
        if not yes and not confirms(
            _("Delete {kind} {names}?").format(kind=found.kind, names=shown)
        ):
            raise RequestError(
                _("not confirmed; nothing was deleted"), hint=_("--yes deletes without asking")
            )
        for name in names:
            client.delete(found.kind, name)
            err().print(_("deleted {kind} {name}").format(kind=found.kind, name=name))
    return ExitCode.OK


@command(app, "history", _("List a document's revisions, newest first."))
def history(kind: KindName, name: Name, as_json: Json = False) -> None:
    with engine() as client:
        found = client.history(kind_of(client, kind).kind, name)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().table(history_table(found, SystemClock().now()))


@command(
    app,
    "diff",
    _("Show what changed between two revisions.\n\nWithout flags: by the newest change."),
)
def diff(
    kind: KindName,
    name: Name,
    first: Annotated[
        str | None, typer.Option("--from", metavar="N", help=_("the earlier revision"))
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="N", help=_("the later revision"))
    ] = None,
    as_json: Json = False,
) -> None:
    start, end = options.whole("--from", first, 0), options.whole("--to", last, 0)
    with engine() as client:
        found = client.diff(kind_of(client, kind).kind, name, start, end)
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().lines(field_lines(found))
    if not found:
        err().print(_("nothing differs"))


@command(
    app,
    "export",
    _(
        "Write documents as YAML that can be applied again.\n\n"
        "Secrets are written as references, which only this engine can open. Files that belong to"
        " jobs are written beside them, to DIR/contents, where `jobdeck apply` finds them."
    ),
    """
jobdeck export > everything.yaml
jobdeck export jobs -o jobs/
""",
)
def export(
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]")] = None,
    selector: Selector = None,
    folder: Annotated[
        str, typer.Option("-o", metavar="DIR|-", help=_("one file for each document; - is stdout"))
    ] = "-",
) -> None:
    to = None if folder == "-" else Path(folder).expanduser()
    with engine() as client:
        kinds = client.kinds() if kind is None else [kind_of(client, kind)]
        found = [
            document
            for item in kinds
            for document in client.documents(item.kind, selector=selector)
        ]
        if to is not None:
            _write_files(to, found)
            _write_contents(client, to / CONTENTS, found)
    if to is None:
        print_yaml(document.body() for document in found)
        return
    note = _("{documents} written to {folder}")
    text = note.format(documents=documents_word(len(found)), folder=folder)
    err().print(Span(text, Tone.QUIET))


def _write_contents(client: Client, folder: Path, found: Iterable[Document]) -> None:
    """Each under its SHA-256; those that are there already are left as they are."""
    named = {sha256 for document in found for sha256 in contents_of(document.spec)}
    for sha256 in sorted(named):
        file = folder / sha256
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_new(file, client.read_content(sha256))


def _write_files(folder: Path, found: Iterable[Document]) -> None:
    """`FOLDER/KIND/NAME.yaml`; names of documents hold no separator of folders."""
    from core.domain import yamlsafe

    try:
        for document in found:
            file = folder / document.kind / f"{document.name}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(yamlsafe.dump(document.body()), encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(
            _("-o: {path} cannot be written: {reason}").format(
                path=error.filename or folder, reason=error.strerror
            )
        ) from error

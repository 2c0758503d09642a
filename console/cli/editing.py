"""`jobdeck edit`: one document in the editor of whoever types.

The text that somebody typed is never lost: when it is refused, or somebody
else was faster, it is kept in a file whose name is shown.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from console import editor
from console.answers import Document
from console.cli import complaining
from console.cli.asking import ask
from console.cli.documents import KindName, Name, kind_of
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.printing import err
from console.cli.settings import engine, may_ask
from console.client import Client
from console.i18n import _
from console.presenters.changes import field_lines
from core.domain import documents, yamlsafe
from core.errors import Invalid, OpsError, RequestError, StaleRevision

app = family()


@command(
    app,
    "edit",
    _(
        "Change a document in your editor (VISUAL, EDITOR, else vi).\n\n"
        "Nothing changes until the editor ends. Where the text is refused, or the document was"
        " changed meanwhile, you can edit again; your text is kept."
    ),
)
def edit(kind: KindName, name: Name) -> int:
    with engine() as client:
        document = client.document(kind_of(client, kind).kind, name)
        folder = Path(tempfile.mkdtemp(prefix="jobdeck-edit-"))
        file = folder / f"{document.kind}-{document.name}.yaml"
        file.write_text(yamlsafe.dump(document.body()), encoding="utf-8")
        code = _edit_until_accepted(client, document, file)
    if code == ExitCode.OK:
        shutil.rmtree(folder)
    else:
        err().print(_("your text is in {file}").format(file=file))
    return code


def _edit_until_accepted(client: Client, document: Document, file: Path) -> int:
    while True:
        try:
            editor.open_file(file)
            body = _read(file, document)
            if body == document.body():
                err().print(_("nothing was changed"))
                return ExitCode.OK
            saved = client.replace(body, document.revision)
        except OpsError as error:
            code = complaining.about(error)
            if isinstance(error, StaleRevision):
                document = client.document(document.kind, document.name)
                _show_theirs(client, document)
            if not _again():
                return code
        else:
            text = _("{kind} {name} is now revision {revision}")
            words = {"kind": saved.kind, "name": saved.name, "revision": saved.revision}
            err().print(text.format(**words))
            return ExitCode.OK


def _again() -> bool:
    """Whether to edit once more; yes unless a person says no, no where nobody can be asked."""
    return may_ask() and ask(_("Edit again? [Y/n]")).lower() not in ("n", "no", _("no"))


def _show_theirs(client: Client, document: Document) -> None:
    """What the others changed, so that it is not undone by accident."""
    err().print(_("the newest change, by {actor}:").format(actor=document.updated_by))
    err().lines(field_lines(client.diff(document.kind, document.name, None, None), indent="  "))


def _read(file: Path, document: Document) -> dict[str, Any]:
    """The edited document, with the line in every problem."""
    found = yamlsafe.load(file.read_text(encoding="utf-8"))
    try:
        documents.parse(found.value)
    except Invalid as error:
        from console.cli.sources import Source

        source = Source(found.value, file.name, found)
        problems = [source.problem(problem) for problem in error.problems]
        raise Invalid(error.message, problems, hint=error.hint) from error
    assert isinstance(found.value, dict), "parsed documents are mappings"
    body = {"labels": {}, **found.value}
    if (body["kind"], body["name"]) != (document.kind, document.name):
        raise RequestError(
            _("kind and name cannot be edited"), hint=_("apply a new document, delete this one")
        )
    return body

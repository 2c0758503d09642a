"""`jobdeck apply`: the engine's documents become what files say, after a look at the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer

from console.answers import Applied
from console.cli import sources
from console.cli.asking import confirms
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json, Yes
from console.cli.printing import err, out
from console.cli.settings import engine
from console.client import Client
from console.i18n import _
from console.presenters.changes import plan_lines
from console.presenters.text import Span, Tone
from core.errors import Invalid, RequestError

app = family()


@command(
    app,
    "apply",
    _(
        "Make the engine's documents what YAML files say.\n\n"
        "Files may hold many documents; folders are searched for .yaml, .yml and .json. The plan"
        " is shown first: what is created, changed, unchanged, deleted. Either all of it happens"
        " or nothing. Documents that no file names stay, unless --prune says which may go."
    ),
    """
jobdeck apply -f inventory/
jobdeck apply -f hosts.yaml -f jobs.yaml --dry-run
jobdeck apply -f inventory/ --prune managed-by=git
""",
)
def apply(
    files: Annotated[
        list[str] | None,
        typer.Option("-f", metavar="FILE|DIR|-", help=_("what to apply; may be repeated")),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("only show the plan"))] = False,
    prune: Annotated[
        str | None,
        typer.Option(
            "--prune",
            metavar="SELECTOR",
            help=_("delete documents with these labels that no file names"),
        ),
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    if not files:
        raise RequestError(_("-f is missing"), hint=_("-f FILE, -f DIR, or -f - for stdin"))
    found = sources.read(files)
    with engine() as client:
        try:
            return carry_out(
                client,
                [source.body for source in found],
                dry_run=dry_run,
                prune=prune,
                yes=yes,
                as_json=as_json,
            )
        except Invalid as error:
            raise sources.located(error, found) from error


def carry_out(
    client: Client,
    documents: Sequence[Mapping[str, Any]],
    *,
    dry_run: bool,
    prune: str | None = None,
    yes: bool = False,
    as_json: bool = False,
) -> int:
    """Show the plan, ask where it deletes, carry it out."""
    plan = client.apply(documents, dry_run=True, prune=prune)
    if not as_json:
        out().lines(plan_lines(plan.changes))
    deletes = sum(change.action == "delete" for change in plan.changes)
    has_work = any(change.action != "unchanged" for change in plan.changes)
    if dry_run or not has_work:
        return _end(plan, as_json=as_json, note=_("dry run: nothing was changed"), shown=dry_run)
    if deletes and not yes and not confirms(_("Delete {count}?").format(count=deletes)):
        raise RequestError(
            _("not confirmed; nothing was changed"), hint=_("--yes deletes without asking")
        )
    done = client.apply(documents, dry_run=False, prune=prune)
    return _end(done, as_json=as_json, note=_("applied"), shown=True)


def _end(plan: Applied, *, as_json: bool, note: str, shown: bool) -> int:
    if as_json:
        out().json(msgspec.to_builtins(plan))
    elif shown:
        err().print(Span(note, Tone.QUIET))
    return ExitCode.OK

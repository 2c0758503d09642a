"""`jobdeck apply`: the engine's documents become what files say, after a look at the plan."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli import sources
from console.cli.batches import carry_out
from console.cli.helping import command, family
from console.cli.options import Json, Yes
from console.cli.settings import engine
from console.i18n import _
from core.errors import Invalid, RequestError

app = family()


@command(
    app,
    "apply",
    _(
        "Make the engine's documents what YAML files say.\n\n"
        "Files may hold many documents; folders are searched for .yaml, .yml and .json. The plan"
        " is shown first: what is created, changed, unchanged, deleted. Either all of it happens"
        " or nothing. Documents that no file names stay, unless --prune says which may go. Files"
        " that steps attach are brought to the engine first: `jobdeck help contents`."
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
                contents={sha256: file for each in found for sha256, file in each.contents.items()},
            )
        except Invalid as error:
            raise sources.located(error, found) from error

"""`jobdeck search`: lines in what hosts printed, in any run."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.cli import options
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.i18n import _
from console.presenters.lists import run_matches_table
from console.presenters.text import Span, Tone

app = family()

_LISTED = 30


@command(
    app,
    "search",
    _(
        "Find lines in what hosts printed, in any run.\n\n"
        "The newest output comes first, each host of a run once. Letter case is ignored, and parts"
        " of words are found. `jobdeck runs search` looks through one run."
    ),
    """
jobdeck search no space left
jobdeck search --job backup --since 7d 'Permission denied'
""",
)
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS")],
    job: Annotated[
        str | None, typer.Option("--job", metavar="NAME", help=_("of this job; adhoc: of none"))
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help=_("printed by this host"))
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help=_("printed since: 2h, 3d, or 2026-01-31")),
    ] = None,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help=_("at most so many (30)"))
    ] = None,
    as_json: Json = False,
) -> int:
    query = {
        "q": options.search_words(words),
        "job": job,
        "host": host,
        "since": options.since("--since", since),
    }
    count = options.whole("--limit", limit, 1, 100_000) or _LISTED
    with engine() as client:
        found = client.search_all(query, limit=count)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().table(run_matches_table(found))
        if len(found) == count and limit is None:
            text = _("the newest {count}; more with --limit").format(count=count)
            err().print(Span(text, Tone.QUIET))
    return ExitCode.OK if found else ExitCode.FAILED

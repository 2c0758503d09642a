"""`jobdeck runs export`, and what all hosts printed merged by time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from console.answers import RunDetail, StreamedPiece
from console.cli import options
from console.cli.helping import command, family
from console.cli.printing import Screen, err, out
from console.cli.runs import RunId, find
from console.cli.settings import engine
from console.cli.views import StreamView
from console.client import Client
from console.i18n import _
from console.newfile import write_new
from console.presenters.durations import parse_time, size

app = family()

FORMATS = ("text", "jsonl", "html", "zip")


@command(
    app,
    "export",
    _(
        "Write a run's whole output as one document.\n\n"
        "text: lines under their hosts. jsonl: one JSON object a line. html: one page with colours"
        " and no scripts. zip: the exact bytes, a file for each host and stream, with a"
        " manifest.json."
    ),
    """
jobdeck runs export last > report.txt
jobdeck runs export last --format html -o report.html
jobdeck runs export last --format zip -o run.zip
""",
)
def export(
    run: RunId,
    format_: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=_("text (default), jsonl, html, zip"))
    ] = "text",
    file: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help=_("a new file"))
    ] = None,
) -> None:
    chosen = options.one_of("--format", format_, FORMATS)
    if file is None and chosen == "zip" and sys.stdout.isatty():
        raise options.refuse("--format", _("a zip is nothing for a terminal"), _("-o FILE"))
    with engine() as client:
        run_id = find(client, run)
        if file is None:
            for part in client.export(run_id, chosen):
                sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
            return
        path = Path(file).expanduser()
        written = write_new(path, client.export(run_id, chosen))
    err().print(f"{path}: {size(written)}")


def print_merged(client: Client, detail: RunDetail, *, since_start: bool) -> None:
    """Every line of every host in the order of arrival, with the name of its host."""
    view = _Merged(client, detail, out(), detail.started_at if since_start else None)
    for piece in client.merged_output(detail.id):
        view.output(piece)
    view.finish()


class _Merged(StreamView):
    """Lines with their hosts and, where asked for, how long after the start they arrived."""

    def __init__(
        self, client: Client, run: RunDetail, screen: Screen, started_at: str | None
    ) -> None:
        super().__init__(client, run, screen)
        self._started = None if started_at is None else parse_time(started_at)
        self._elapsed = ""

    def output(self, piece: StreamedPiece) -> None:
        if self._started is not None:
            seconds = (parse_time(piece.at) - self._started).total_seconds()
            self._elapsed = f"{max(0.0, seconds):+10.1f}s "
        super().output(piece)

    def _moment(self) -> str:
        return self._elapsed

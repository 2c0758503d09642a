"""`jobdeck advise`: what the runs of a flow or a job have shown about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from console.answers import RunDetail
from console.cli import options
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.client import Client
from console.i18n import _, ngettext
from console.presenters.durations import parse_time
from core.errors import RequestError

if TYPE_CHECKING:
    from core.flow.advice import FinishedRun
    from core.flow.advice.reading import HostAttempt, NodeAttempt

app = family()

KINDS = ("flow", "job")
ENDED = ("succeeded", "partially_succeeded", "failed")
_MOST_RUNS = 100


@command(
    app,
    "advise",
    _(
        "Say what the runs of a flow or a job have shown about it, with the numbers.\n\n"
        "It looks at the newest runs of the same revision that have ended: what they waited for,"
        " what could run side by side, what is always retried, time-outs far above what is usual."
        " It says nothing where the numbers do not, and changes nothing."
    ),
    """
jobdeck advise flow release
jobdeck advise job nightly --runs 50
""",
)
def advise(
    what: Annotated[str, typer.Argument(metavar="KIND", help=_("flow or job"))],
    name: Annotated[str, typer.Argument(metavar="NAME")],
    runs: Annotated[
        str | None,
        typer.Option("--runs", metavar="N", help=_("how many runs to look at (default 20)")),
    ] = None,
    as_json: Json = False,
) -> None:
    kind = options.one_of("KIND", what, KINDS)
    limit = options.whole("--runs", runs, 1, _MOST_RUNS) or 20
    with engine() as client:
        seen = list(_seen(client, kind, name, limit))

    from console.presenters.advice import advice_table
    from core.flow.advice import advise as advice_on

    found = advice_on(seen[::-1])
    if as_json:
        out().json(
            [
                {"rule": each.rule, "nodes": each.nodes, "evidence": dict(each.evidence)}
                for each in found
            ]
        )
        return
    if found:
        out().table(advice_table(found))
    count = ngettext("{count} run looked at", "{count} runs looked at", len(seen))
    err().print(count.format(count=len(seen)))


def _seen(client: Client, kind: str, name: str, limit: int) -> Iterator[FinishedRun]:
    """Ended runs of the newest one's revision, newest first."""
    query = {"origin": name, "state": ENDED}
    origin = ""
    for run in client.runs(query, limit=limit):
        if run.origin.startswith(f"{kind}/") and run.origin == (origin or run.origin):
            origin = run.origin
            yield _finished(client, run.id)
    if not origin:
        client.document(kind, name)  # a name that nothing has is what is wrong
        raise RequestError(
            _("no run of {kind} {name} has ended yet").format(kind=kind, name=name),
            hint=_("it takes runs to say anything"),
        )


def _finished(client: Client, run_id: str) -> FinishedRun:
    from core.flow.advice.reading import finished_run

    detail = client.run(run_id)
    definition = client.run_definition(run_id)
    return finished_run(definition, list(_attempts(detail)), _hosts(client, detail))


def _attempts(detail: RunDetail) -> Iterator[NodeAttempt]:
    from core.flow.advice.reading import NodeAttempt

    for step in detail.steps:
        if step.started_at and step.finished_at:
            times = (parse_time(step.started_at), parse_time(step.finished_at))
            started_s, ended_s = (time.timestamp() for time in times)
            yield NodeAttempt(step.step, started_s, ended_s, frozenset(step.outputs))


def _hosts(client: Client, detail: RunDetail) -> Iterator[HostAttempt]:
    from core.flow.advice.reading import HostAttempt

    for step in detail.steps:
        query = {"step": step.step, "attempt": step.attempt}
        for target in client.targets(detail.id, query) if step.counts else ():
            if target.started_at and target.finished_at:
                took = parse_time(target.finished_at) - parse_time(target.started_at)
                failed = target.state not in ("success", "last_success")
                yield HostAttempt(step.step, target.host, took.total_seconds(), failed)

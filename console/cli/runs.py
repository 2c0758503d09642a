"""`jobdeck runs`: what ran, what runs, and what came of it."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import msgspec
import typer

from console.answers import Diff, Group, RunDetail
from console.cli import options, watching
from console.cli.exit_codes import ExitCode
from console.cli.flaggroups import gathered
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.cli.starting import ShowFlags
from console.cli.views import GroupsView, StreamView, failed_targets, latest_steps, output_lines
from console.client import Client
from console.i18n import _
from console.presenters import results, states
from console.presenters.acting import notes_table, operations_table
from console.presenters.batches import batches_table
from console.presenters.changes import diff_lines
from console.presenters.lists import matches_table, runs_table, targets_table
from console.presenters.run import detail_table, steps_table
from console.presenters.text import Span, Tone
from core.clock import SystemClock
from core.domain.run import RunState
from core.errors import NotFound, RequestError

app = family(_("Look at runs, follow them, act on them."))

LAST = "last"
_LISTED = 30

RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help=_("id of a run, or a beginning that no other has, or `last`")
    ),
]
StepName = Annotated[
    str | None, typer.Option("--step", metavar="NAME", help=_("this step (the newest one)"))
]
Attempt = Annotated[
    str | None, typer.Option("--attempt", metavar="N", help=_("this attempt (the latest one)"))
]


def find(client: Client, run_id: str) -> str:
    """The id to ask for; `last` is the newest run."""
    if run_id != LAST:
        return run_id
    # A run that another run asked for, such as a health check, is nobody's last one.
    newest = next((run for run in client.runs({}, limit=_LISTED) if run.parent is None), None)
    if newest is None:
        raise NotFound("run", LAST)
    return newest.id


def _place(step: str | None, attempt: str | None) -> dict[str, Any]:
    """Query that names an attempt of a step; nothing means the newest."""
    return {"step": step, "attempt": options.whole("--attempt", attempt, 1)}


@command(
    app,
    "list",
    _("List runs, newest first.\n\nWORDS search in titles, steps and targets."),
    """
jobdeck runs list --since 2h --state failed --state partially_succeeded
jobdeck runs list --host web01 nginx
""",
)
def list_runs(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORDS]")] = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help=_("in this state; may be repeated")),
    ] = None,
    job: Annotated[
        str | None, typer.Option("--job", metavar="NAME", help=_("of this job; adhoc: of none"))
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="USER", help=_("started by this user"))
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help=_("that touched this host"))
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help=_("started since: 2h, 3d, or 2026-01-31")),
    ] = None,
    noted: Annotated[bool, typer.Option("--noted", help=_("with notes"))] = False,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help=_("at most so many (30)"))
    ] = None,
    as_json: Json = False,
) -> None:
    for name in state or ():
        options.one_of("--state", name, list(RunState))
    query = {
        "state": state,
        "origin": job,
        "actor": by,
        "host": host,
        "since": options.since("--since", since),
        "noted": noted or None,
        "q": " ".join(words or ()) or None,
    }
    count = options.whole("--limit", limit, 1, 100_000) or _LISTED
    with engine() as client:
        found = client.runs(query, limit=count)
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().table(runs_table(found, SystemClock().now()))
    if len(found) == count and limit is None:
        err().print(
            Span(_("the newest {count}; more with --limit").format(count=count), Tone.QUIET)
        )


@command(app, "show", _("Show one run: its steps, its groups, the hosts that failed."))
def show(
    run: RunId,
    hosts: Annotated[bool, typer.Option("--hosts", help=_("list every host"))] = False,
    step: StepName = None,
    attempt: Attempt = None,
    as_json: Json = False,
) -> None:
    chosen, now = _place(step, attempt), SystemClock().now()
    with engine() as client:
        detail = client.run(find(client, run))
        if as_json:
            out().json(watching.as_json(client, detail, outputs=False))
            return
        out().table(detail_table(detail, now, client.lost_lines(detail.id)))
        out().print("")
        out().table(steps_table(detail.steps, now))
        out().print("")
        if detail.batches:
            out().table(batches_table(detail.batches, now))
            out().print("")
        if hosts or step or attempt:
            query = _exact(detail, chosen)
            out().table(targets_table(list(client.targets(detail.id, query)), now))
            return
        GroupsView(client, detail, out()).end(detail)
        out().lines(results.direct_lines(detail))
        _print_record(client, detail)
        out().flush()
        failed = results.failures(failed_targets(client, detail))
        err().lines(results.next_steps(detail, failed, shown=True))


def _print_record(client: Client, detail: RunDetail) -> None:
    """What people asked of the run since its start, and what they noted."""
    now = SystemClock().now()
    asked, noted = list(client.operations(detail.id)), list(client.notes(detail.id))
    tables = {
        _("History:"): operations_table(asked, now) if asked else None,
        _("Notes:"): notes_table(noted, now) if noted else None,
    }
    for title, table in tables.items():
        if table is not None:
            out().print("")
            out().print(Span(title, Tone.STRONG))
            out().table(table)


def _exact(detail: RunDetail, chosen: dict[str, Any]) -> dict[str, Any]:
    """Step and attempt by name and number: what is left open means the newest."""
    steps = [s for s in latest_steps(detail) if chosen["step"] in (None, s.step)]
    if not steps:
        return chosen
    return {"step": steps[-1].step, "attempt": chosen["attempt"] or steps[-1].attempt}


@command(
    app,
    "watch",
    _("Follow a run to its end.\n\nCtrl-C asks whether to leave it alone or to stop it."),
)
@gathered
def watch(
    run: RunId,
    *,
    show: ShowFlags,
) -> int:
    view = show.view()
    with engine() as client:
        detail = client.run(find(client, run))
        return watching.Watch(client, detail, view, outputs=show.per_host).to_the_end()


@command(
    app,
    "output",
    _(
        "Print what hosts printed.\n\n"
        "Without HOST every host in turn, under its name. Control characters are shown by their"
        " codes; --raw gives the bytes of one host exactly as they came."
    ),
    """
jobdeck runs output last web01
jobdeck runs output last web01 --stderr --tail 20
jobdeck runs output last web01 --raw > dump.bin
""",
)
def output(
    run: RunId,
    host: Annotated[str | None, typer.Argument(metavar="[HOST]")] = None,
    step: StepName = None,
    attempt: Attempt = None,
    stdout: Annotated[bool, typer.Option("--stdout", help=_("only standard output"))] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help=_("only standard error"))] = False,
    raw: Annotated[bool, typer.Option("--raw", help=_("the exact bytes; needs HOST"))] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help=_("go on until the run ends"))
    ] = False,
    tail: Annotated[
        str | None, typer.Option("--tail", metavar="N", help=_("only the last N lines"))
    ] = None,
    merged: Annotated[
        bool, typer.Option("--merged", help=_("all hosts together, in the order of arrival"))
    ] = False,
    since_start: Annotated[
        bool,
        typer.Option(
            "--since-start", help=_("with --merged: how long after the start, in seconds")
        ),
    ] = False,
) -> None:
    if merged:
        others = {"HOST": host is not None, "--step": step is not None, "--raw": raw}
        others |= {"--attempt": attempt is not None, "--follow": follow, "--tail": tail is not None}
        others |= {"--stdout": stdout, "--stderr": stderr}
        for flag, given in others.items():
            options.exclusive({"--merged": merged, flag: given})
        _merged(run, since_start=since_start)
        return
    if since_start:
        raise options.refuse("--since-start", _("it needs --merged"))
    options.exclusive({"--stdout": stdout, "--stderr": stderr})
    options.exclusive({"--raw": raw, "--follow": follow})
    options.exclusive({"--raw": raw, "--tail": tail is not None})
    options.exclusive({"--follow": follow, "--tail": tail is not None})
    if raw and host is None:
        raise options.refuse("--raw", _("it needs a host"), _("jobdeck runs output RUN HOST --raw"))
    lines = options.whole("--tail", tail, 0)
    streams = "out" if stdout else "err" if stderr else None
    place = {**_place(step, attempt), "streams": streams}
    with engine() as client:
        run_id = find(client, run)
        if follow:
            _follow(client, run_id, host, streams)
        elif raw:
            _raw(client, run_id, {**place, "host": host})
        elif host is not None:
            query = {**place, "host": host}
            _print_lines(client, run_id, query, lines, indent="")
            err().lines(results.missing_lines(client.output_page(run_id, query)))
        else:
            _every_host(client, run_id, place, lines)


def _merged(run: str, *, since_start: bool) -> None:
    from console.cli.exporting import print_merged

    with engine() as client:
        print_merged(client, client.run(find(client, run)), since_start=since_start)


def _raw(client: Client, run_id: str, query: dict[str, Any]) -> None:
    for data in client.raw_output(run_id, query):
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _print_lines(
    client: Client, run_id: str, query: dict[str, Any], tail: int | None, *, indent: str
) -> None:
    found = output_lines(client, run_id, query)
    if tail is not None:
        kept = list(found)
        found = iter(kept[len(kept) - tail :] if tail < len(kept) else kept)
    for text in found:
        out().print(indent, text)


def _every_host(client: Client, run_id: str, place: dict[str, Any], tail: int | None) -> None:
    chosen = _exact(client.run(run_id), place)
    for target in client.targets(run_id, {name: chosen[name] for name in ("step", "attempt")}):
        state = states.target_state(target.state, target.resolved_by)
        out().print(state, "  ", Span(target.host, Tone.STRONG))
        query = {**place, **chosen, "ordinal": target.ordinal}
        _print_lines(client, run_id, query, tail, indent="    ")


def _follow(client: Client, run_id: str, host: str | None, streams: str | None) -> None:
    detail = client.run(run_id)
    view = StreamView(client, detail, out())
    for _seen, piece in client.follow_output(detail.id):
        if host in (None, piece.host) and streams in (None, piece.stream):
            view.output(piece)
            out().flush()
    view.finish()


@command(
    app,
    "groups",
    _("Put hosts with the same answer together.\n\nAnswers are compared after normalising."),
)
def groups(
    run: RunId,
    step: StepName = None,
    attempt: Attempt = None,
    rules: Annotated[
        str | None,
        typer.Option(
            "--rules",
            metavar="LIST",
            help=_("what is taken out before answers are compared; `none` compares bytes"),
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help=_("print samples to their end"))] = False,
    as_json: Json = False,
) -> None:
    query = {**_place(step, attempt), "rules": rules}
    with engine() as client:
        found = client.groups(find(client, run), query)
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    used = ", ".join(name for name, on in found.rules.items() if on) or _("none")
    err().print(Span(_("normalised: {rules}").format(rules=used), Tone.QUIET))
    for group in reversed(found.groups):
        lines = None if full else results.SAMPLE_LINES
        out().lines(results.group_lines(group, lines))


@command(
    app,
    "diff",
    _(
        "Show the lines in which two answers differ.\n\n"
        "Without hosts: the two largest groups. Answers are compared after normalising."
    ),
)
def diff(
    run: RunId,
    a: Annotated[
        str | None, typer.Option("--a", metavar="HOST", help=_("the answer on the left"))
    ] = None,
    b: Annotated[
        str | None, typer.Option("--b", metavar="HOST", help=_("the answer on the right"))
    ] = None,
    step: StepName = None,
    attempt: Attempt = None,
    as_json: Json = False,
) -> None:
    if (a is None) != (b is None):
        raise RequestError(_("--a and --b belong together"), hint=_("give two hosts, or none"))
    place = _place(step, attempt)
    with engine() as client:
        run_id = find(client, run)
        left, right = _two_ordinals(client, run_id, place, a, b)
        found = client.groups_diff(run_id, {**place, "a": left[0], "b": right[0]})
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    print_diff(found, left[1], right[1])


def print_diff(found: Diff, left: str, right: str) -> None:
    """The lines in which two answers differ, under the names of both."""
    out().print(Span(f"--- {left}", Tone.BAD))
    out().print(Span(f"+++ {right}", Tone.GOOD))
    out().lines(diff_lines(found.lines))
    if not found.lines:
        err().print(_("the answers are alike"))
    if found.truncated:
        err().print(Span(_("there is more; only the beginning was compared"), Tone.WARNING))


def _two_ordinals(
    client: Client, run_id: str, place: dict[str, Any], a: str | None, b: str | None
) -> tuple[tuple[int, str], tuple[int, str]]:
    """Ordinals and names of the two answers to compare."""
    found = client.groups(run_id, place)
    exact = {"step": found.step, "attempt": found.attempt}
    if a is not None and b is not None:
        return _ordinal(client, run_id, exact, a), _ordinal(client, run_id, exact, b)
    largest = sorted(found.groups, key=lambda group: -group.count)
    if len(largest) < 2:
        raise RequestError(
            _("all hosts answered alike; there is nothing to compare"),
            hint=_("two hosts can be named: --a HOST --b HOST"),
        )
    return _first(largest[0]), _first(largest[1])


def _first(group: Group) -> tuple[int, str]:
    return group.ordinals[0], f"{group.hosts} ({results.hosts_word(group.count)})"


def _ordinal(client: Client, run_id: str, place: dict[str, Any], host: str) -> tuple[int, str]:
    for target in client.targets(run_id, {**place, "host": host}):
        return target.ordinal, host
    raise NotFound("host", host, place="this run")


@command(app, "search", _("Find lines in what the hosts of a run printed."))
def search(
    run: RunId,
    words: Annotated[list[str], typer.Argument(metavar="WORDS")],
    as_json: Json = False,
) -> int:
    text = options.search_words(words)
    with engine() as client:
        found = list(client.search(find(client, run), text))
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().table(matches_table(found))
    return ExitCode.OK if found else ExitCode.FAILED

"""`jobdeck runs` for what hosts printed: read, put together, compared and searched."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import msgspec
import typer

from console.answers import Diff, Group
from console.cli import options
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.runs import Attempt, RunId, StepName, exact_place, find, place_of
from console.cli.settings import engine
from console.cli.views import StreamView
from console.client import Client
from console.i18n import _
from console.outputlines import output_lines
from console.presenters import results, states
from console.presenters.changes import diff_lines
from console.presenters.lists import matches_table
from console.presenters.text import Span, Tone
from core.errors import NotFound, RequestError

app = family()


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
    place = {**place_of(step, attempt), "streams": streams}
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
    chosen = exact_place(client.run(run_id), place)
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
    query = {**place_of(step, attempt), "rules": rules}
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
    place = place_of(step, attempt)
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

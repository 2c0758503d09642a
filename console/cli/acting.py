"""`jobdeck runs` for operators: stop, retry, ignore, resolve, skip, continue, leave a note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from console.answers import Run, RunDetail
from console.cli import options, starting, watching
from console.cli.acknowledging import Acknowledge
from console.cli.answering import answered
from console.cli.exit_codes import ExitCode
from console.cli.flaggroups import gathered
from console.cli.helping import command, family
from console.cli.printing import err, out
from console.cli.runs import RunId, find
from console.cli.settings import engine
from console.cli.starting import (
    WHERE,
    Change,
    Confirm,
    Detach,
    Hosts,
    ShowFlags,
)
from console.client import Client
from console.i18n import _
from console.presenters import acting, results
from console.presenters.run import latest_steps
from core.clock import SystemClock
from core.domain.run import RunState
from core.errors import Invalid, Problem, RequestError

app = family()

Reason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help=_("kept in the record"))
]
Wait = Annotated[bool, typer.Option("--wait", help=_("follow the run until it has ended"))]
OfStep = Annotated[
    str | None,
    typer.Option("--step", metavar="NAME", help=_("this step; needed where several can be meant")),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        metavar="NAME=@FILE",
        help=_("a secret that the run was started with: it was erased at the run's end"),
    ),
]
OtherValues = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME=VALUE",
        help=_("a variable of the step that is another from here on; on record, so no secret"),
    ),
]


_STOP = _("Stop a run: nothing new starts, what runs on hosts is ended.")


@command(app, "cancel", _STOP, hidden=True)  # the word of other tools
@command(app, "stop", _STOP)
def stop(run: RunId, reason: Reason = None, wait: Wait = False) -> int:
    with engine() as client:
        row = client.act(find(client, run), "stop", reason=reason)
        err().print(_("stopping run {id}").format(id=results.short_id(row.id)))
        return go_on(client, row, wait=wait, wanted=RunState.STOPPED)


@command(
    app,
    "force-stop",
    _(
        "End a run whose stop hangs, without waiting any longer.\n\n"
        "Hosts whose work could not be shown to have ended become unknown: look there."
    ),
)
def force_stop(run: RunId, reason: Reason = None, wait: Wait = False) -> int:
    with engine() as client:
        row = client.act(find(client, run), "force_stop", reason=reason)
        err().print(_("ending run {id} by force").format(id=results.short_id(row.id)))
        return go_on(client, row, wait=wait, wanted=RunState.STOPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeUpFlags:
    """What an action may have to say that lets work onto hosts again."""

    confirm: Confirm = None
    change: Change = None
    acknowledge: Acknowledge = None
    secrets: Secrets = None
    reason: Reason = None

    def fields(self) -> dict[str, Any]:
        """The part of an action that these flags say; every flag is checked. Secrets stand apart."""
        return {
            "reason": self.reason,
            "confirm_hosts": options.whole("--confirm", self.confirm, 0),
            "change": self.change,
            "acknowledge": self.acknowledge or None,
        }

    def given(self) -> dict[str, str]:
        """Name -> text of secrets that are given again."""
        return options.values("-p", self.secrets)


@command(
    app,
    "retry",
    _(
        "Run a step again, on the hosts that need it, and then what follows.\n\n"
        "The run goes on with the very definition, values and hosts that it was started with, unless"
        " --env says another value."
        " Hosts that succeeded are not run again, unless --all says so. Hosts whose outcome is"
        " unknown run again only where the step is idempotent, or where --hosts names them."
    ),
    """
jobdeck runs retry last
jobdeck runs retry last --not-started
jobdeck runs retry 01KAAAAAAA --hosts web[03-05] --reason 'disk replaced'
jobdeck runs retry last --step fetch -e MIRROR=https://mirror.example
""",
)
@gathered
def retry(
    run: RunId,
    failed: Annotated[
        bool,
        typer.Option("--failed", rich_help_panel=WHERE, help=_("hosts that failed (the default)")),
    ] = False,
    not_started: Annotated[
        bool,
        typer.Option("--not-started", rich_help_panel=WHERE, help=_("hosts whose turn never came")),
    ] = False,
    everything: Annotated[
        bool,
        typer.Option("--all", rich_help_panel=WHERE, help=_("all hosts, those that succeeded too")),
    ] = False,
    hosts: Hosts = None,
    step: OfStep = None,
    include_away: starting.IncludeAway = False,
    env: OtherValues = None,
    *,
    take_up: TakeUpFlags,
    detach: Detach = False,
    show: ShowFlags,
) -> int:
    options.exclusive(
        {
            "--failed": failed,
            "--not-started": not_started,
            "--all": everything,
            "--hosts": hosts is not None,
        }
    )
    scope = "not_started" if not_started else "all" if everything else None
    fields = {
        "scope": "failed" if failed else scope,
        "hosts": None if hosts is None else options.host_list("--hosts", hosts),
        "step": step,
        "include_away": include_away or None,
        "env": options.environment("--env", env) or None,
        **take_up.fields(),
    }
    given = take_up.given()
    view = show.view()
    with engine() as client:
        run_id = find(client, run)
        earlier = {step.step: step.attempt for step in latest_steps(client.run(run_id))}
        row = act(client, run_id, "retry", fields, given)
        if view not in (watching.QUIET, watching.JSON):
            _say_retry(client, row)
        return starting.follow(
            client, row, view=view, detach=detach, outputs=show.per_host, earlier=earlier
        )


@command(
    app,
    "ignore",
    _("Let a step's failure count no more: the next step starts, or the run ends."),
)
@gathered
def ignore(
    run: RunId,
    step: OfStep = None,
    *,
    take_up: TakeUpFlags,
    wait: Wait = False,
) -> int:
    fields = {"step": step, **take_up.fields()}
    given = take_up.given()
    with engine() as client:
        row = act(client, find(client, run), "ignore", fields, given)
        err().print(_("ignored; the run goes on where something follows"))
        return go_on(client, row, wait=wait)


@command(
    app,
    "resolve",
    _(
        "Say how hosts ended whose outcome is unknown, or have them asked again.\n\n"
        "Look at the host first: --success and --failed are your word, kept in the record with your"
        " name. --look asks hosts that kept the work; it starts nothing. What follows the step goes"
        " on when it succeeded."
    ),
    """
jobdeck runs resolve last --look
jobdeck runs resolve last --hosts web03 --success --reason 'looked'
""",
)
@gathered
def resolve(
    run: RunId,
    success: Annotated[bool, typer.Option("--success", help=_("they ended well"))] = False,
    failed: Annotated[
        bool,
        typer.Option("--failed", help=_("they did not, or never ran; `runs retry` may follow")),
    ] = False,
    look: Annotated[
        bool, typer.Option("--look", help=_("ask the hosts again: they may have kept it"))
    ] = False,
    hosts: Hosts = None,
    step: OfStep = None,
    *,
    take_up: TakeUpFlags,
    wait: Wait = False,
) -> int:
    verdicts = {"--success": success, "--failed": failed, "--look": look}
    options.exclusive(verdicts)
    chosen = next((flag for flag, is_given in verdicts.items() if is_given), None)
    if chosen is None:
        raise RequestError(
            _("nothing says how they ended"), hint=_("--success, --failed, or --look to ask again")
        )
    fields = {
        "verdict": chosen.removeprefix("--"),
        "hosts": None if hosts is None else options.host_list("--hosts", hosts),
        "step": step,
        **take_up.fields(),
    }
    given = take_up.given()
    with engine() as client:
        row = act(client, find(client, run), "resolve", fields, given)
        said = _("the hosts are asked again") if look else _("resolved; what follows goes on")
        if row.state == RunState.ABNORMAL:
            said = _("resolved; other hosts are still unknown")
        err().print(said)
        return go_on(client, row, wait=wait)


@command(
    app,
    "skip",
    _(
        "Leave a step that waits, or whose stop hangs, and start what follows it.\n\n"
        "Hosts whose work could not be shown to have ended become unknown: look there."
    ),
)
def skip(run: RunId, step: OfStep = None, reason: Reason = None, wait: Wait = False) -> int:
    with engine() as client:
        row = client.act(find(client, run), "skip", step=step, reason=reason)
        err().print(_("skipped; the run goes on where something follows"))
        return go_on(client, row, wait=wait)


@command(
    app,
    "continue",
    _(
        "Let the next batch of a rolling run start.\n\n"
        "A run in mode manual waits for this after each batch; `runs show` says what came of them."
    ),
)
def continue_(run: RunId, step: OfStep = None, reason: Reason = None, wait: Wait = False) -> int:
    with engine() as client:
        row = client.act(find(client, run), "continue", step=step, reason=reason)
        err().print(_("run {id} goes on").format(id=results.short_id(row.id)))
        return go_on(client, row, wait=wait)


@command(
    app,
    "note",
    _("Leave a note on a run, or list its notes.\n\nNotes are kept with who and when."),
    """
jobdeck runs note last 'handled, ticket 123'
jobdeck runs note last
""",
)
def note(
    run: RunId,
    text: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]")] = None,
) -> None:
    words = None if text is None else " ".join(text).strip()
    if words == "":
        raise options.refuse("TEXT", _("it is empty"), _("jobdeck runs note RUN 'handled'"))
    with engine() as client:
        run_id = find(client, run)
        if words is None:
            out().table(acting.notes_table(list(client.notes(run_id)), SystemClock().now()))
            return
        client.add_note(run_id, words)
        err().print(_("noted"))


def act(
    client: Client,
    run_id: str,
    action: str,
    fields: Mapping[str, Any],
    secrets: Mapping[str, str],
) -> Run:
    """Take an ended run up again; what the engine asks for is asked of a person."""
    try:
        return client.act(run_id, action, **fields, secrets=dict(secrets))
    except RequestError as error:
        try:
            more = dict(answered(error, fields, secrets))
        except Invalid as refused:
            problems = [_as_flag(problem) for problem in refused.problems]
            raise Invalid(refused.message, problems, hint=refused.hint) from error
    given = {**secrets, **more.pop("secrets", {})}
    return act(client, run_id, action, {**fields, **more}, given)


def _as_flag(problem: Problem) -> Problem:
    """A problem of an action with the flag in the place of the field."""
    name = problem.where.removeprefix("secrets.")
    if name == problem.where:
        return problem
    hint = f"-p {name}=@FILE" if problem.hint else ""  # none where there is no such secret
    return Problem(where=f"-p {name}", what=problem.what, hint=hint)


def _say_retry(client: Client, row: Run) -> None:
    """Which hosts run again, and which nobody knows about are left out."""
    *_earlier, asked = client.operations(row.id)
    before = {"step": asked.step, "attempt": asked.attempt - 1, "state": ["unknown"]}
    unknown = [target.host for target in client.targets(row.id, before)]
    left_out = [host for host in unknown if host not in asked.targets]
    err().lines(acting.retry_lines(asked, left_out))


def go_on(client: Client, row: Run, *, wait: bool, wanted: RunState | None = None) -> int:
    """Leave the run alone, or follow it to its end; one that ends as `wanted` is a success."""
    if not wait:
        return ExitCode.OK
    detail: RunDetail = client.run(row.id)
    watch = watching.Watch(client, detail, watching.GROUPS)
    code = watch.to_the_end()
    return ExitCode.OK if watch.run.state == wanted else code

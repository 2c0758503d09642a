"""From flags to a started run: the request, the confirmation, the start itself.

`run`, `start` and `flow start` differ in what they run; where, as whom, how and how it is
shown are the same flags.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import typer

from console.answers import Run
from console.cli import options, plans, queueing, rolling, watching
from console.cli.acknowledging import Acknowledge
from console.cli.answering import answered
from console.cli.asking import secret
from console.cli.exit_codes import ExitCode
from console.cli.printing import err, out
from console.cli.probing import dry_run
from console.cli.settings import may_ask
from console.client import Client
from console.i18n import _, ngettext
from console.presenters.batches import plan_lines
from console.presenters.hosts import left_out_lines
from console.presenters.plans import warning_lines
from console.presenters.queue import waiting_lines
from console.presenters.results import begun
from core.domain.priorities import HostLock, Priority
from core.domain.run import AWAITING_TURN
from core.errors import (
    Invalid,
    Problem,
    RequestError,
)

WHERE, HOW, DRY, SHOW = _("Where"), _("How"), _("Dry run"), _("Show")

On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="EXPR",
        rich_help_panel=WHERE,
        help=_("target expression, such as 'env=prod & !db*'; see `jobdeck help targets`"),
    ),
]
Hosts = Annotated[
    str | None,
    typer.Option(
        "--hosts",
        metavar="LIST|@FILE",
        rich_help_panel=WHERE,
        help=_("exactly these hosts: web[01-40],db1, or a file with their names"),
    ),
]
RunAs = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="ACCOUNT", rich_help_panel=WHERE, help=_("account, instead of each host's")
    ),
]
AllowEmpty = Annotated[
    bool,
    typer.Option("--allow-empty", rich_help_panel=WHERE, help=_("no matching host is no failure")),
]
IncludeAway = Annotated[
    bool,
    typer.Option(
        "--include-away",
        rich_help_panel=WHERE,
        help=_("also hosts in maintenance, and those that their source has lost"),
    ),
]
Confirm = Annotated[
    str | None,
    typer.Option(
        "--confirm",
        metavar="N",
        rich_help_panel=WHERE,
        help=_("number of hosts, where an environment asks to confirm it"),
    ),
]
Change = Annotated[
    str | None,
    typer.Option(
        "--change",
        metavar="NUMBER",
        rich_help_panel=WHERE,
        help=_("change number, where an environment requires one; kept with the run"),
    ),
]
Parameter = Annotated[
    list[str] | None,
    typer.Option("-p", metavar="NAME=VALUE", help=_("parameter of what is started")),
]
Concurrency = Annotated[
    str | None,
    typer.Option(
        "--concurrency", metavar="N", rich_help_panel=HOW, help=_("hosts at the same time")
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout", metavar="TIME", rich_help_panel=HOW, help=_("for each host: 90, 30s, 5m, 2h")
    ),
]
Env = Annotated[
    list[str] | None,
    typer.Option(
        "--env", "-e", metavar="NAME=VALUE", rich_help_panel=HOW, help=_("environment variable")
    ),
]
Title = Annotated[
    str | None,
    typer.Option("--title", metavar="TEXT", rich_help_panel=HOW, help=_("name of the run")),
]
Plan = Annotated[
    bool,
    typer.Option(
        "--plan", rich_help_panel=DRY, help=_("only say what would run; nothing leaves the engine")
    ),
]
Probe = Annotated[
    bool,
    typer.Option(
        "--probe",
        rich_help_panel=DRY,
        help=_("as --plan, and ask every host whether the work could begin there"),
    ),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        rich_help_panel=DRY,
        help=_("as --probe, and try the steps that can be tried without an effect"),
    ),
]
FromPlan = Annotated[
    str | None,
    typer.Option(
        "--from-plan",
        metavar="ID",
        rich_help_panel=DRY,
        help=_("start what this plan says, unless something else would run now"),
    ),
]
Detach = Annotated[
    bool,
    typer.Option("--detach", "-d", rich_help_panel=SHOW, help=_("print the run's id and leave")),
]
PerHost = Annotated[
    bool,
    typer.Option("--per-host", rich_help_panel=SHOW, help=_("each host's output when it ends")),
]
Stream = Annotated[
    bool,
    typer.Option("--stream", rich_help_panel=SHOW, help=_("every line as it comes: host | line")),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", rich_help_panel=SHOW, help=_("only hosts that failed")),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        rich_help_panel=SHOW,
        help=_("one JSON document at the end; --per-host adds each host's output"),
    ),
]

PLAN, PROBE, CHECK = "plan", "probe", "check"
"""Levels of a dry run."""

_FLAGS = {
    **rolling.FLAGS,
    "targets": "--on",
    "hosts": "--hosts",
    "run_as": "--as",
    "concurrency": "--concurrency",
    "timeout_s": "--timeout",
    "title": "--title",
    "confirm_hosts": "--confirm",
    "change": "--change",
    "acknowledge": "--acknowledge",
    "env": "--env",
    "parameters": "-p",
    "allow_empty": "--allow-empty",
    "include_away": "--include-away",
    **queueing.FLAGS,
    "start_at": "--start-at",
    "without": "--without",
    "revision": "--revision",
    "test": "--test",
    "frozen": "--freeze",
    "step.command": "COMMAND",
    "step.text": "--script",
    "step.language": "--language",
    "step.args": "COMMAND",
    "step.files": "FILE",
    "step.urls": "FILE",
    "step.to": "--to",
    "step.mode": "--chmod",
    "step.owner": "--chown",
}
"""Fields of a request -> the flags that they come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFlags:
    """Where, as whom and how."""

    on: On = None
    hosts: Hosts = None
    run_as: RunAs = None
    allow_empty: AllowEmpty = False
    include_away: IncludeAway = False
    confirm: Confirm = None
    change: Change = None
    acknowledge: Acknowledge = None
    concurrency: Concurrency = None
    timeout: Timeout = None
    env: Env = None
    title: Title = None
    priority: queueing.PriorityName = None
    lock: queueing.LockNames = None
    lock_hosts: queueing.LockHosts = None
    override: queueing.Override = None

    def request(self, batches: rolling.BatchFlags) -> dict[str, Any]:
        """The part of a request that these flags say; every flag is checked."""
        options.exclusive({"--on": self.on is not None, "--hosts": self.hosts is not None})
        if self.on is not None and not self.on.strip():
            raise options.refuse("--on", _("it is empty"), _("all hosts: --on all"))
        request = {
            "targets": self.on,
            "hosts": None if self.hosts is None else options.host_list("--hosts", self.hosts),
            "run_as": self.run_as,
            "allow_empty": self.allow_empty or None,
            "include_away": self.include_away or None,
            "confirm_hosts": options.whole("--confirm", self.confirm, 0),
            "change": self.change,
            "acknowledge": self.acknowledge or None,
            "concurrency": options.whole("--concurrency", self.concurrency, 1, 2000),
            "timeout_s": options.seconds("--timeout", self.timeout),
            "env": options.environment("--env", self.env) or None,
            "title": self.title,
            "priority": queueing.one_of("--priority", self.priority, Priority),
            "locks": queueing.locks(self.lock) or None,
            "lock_hosts": queueing.one_of("--lock-hosts", self.lock_hosts, HostLock),
            "override": self.override,
            "rolling": batches.rules(),
        }
        return {name: value for name, value in request.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class DryFlags:
    """Whether it is only a dry run, or the start of one."""

    plan: Plan = False
    probe: Probe = False
    check: Check = False
    from_plan: FromPlan = None

    def level(self) -> str | None:
        """How far the dry run goes; None: it is none."""
        given = {PLAN: self.plan, PROBE: self.probe, CHECK: self.check}
        flags = {f"--{level}": is_given for level, is_given in given.items()}
        options.exclusive({**flags, "--from-plan": self.from_plan is not None})
        return next((level for level, is_given in given.items() if is_given), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowFlags:
    """How a run is shown."""

    per_host: PerHost = False
    stream: Stream = False
    quiet: Quiet = False
    as_json: Json = False

    def view(self) -> str:
        """The one way in which the run is shown."""
        chosen = {"--per-host": self.per_host, "--stream": self.stream, "--quiet": self.quiet}
        options.exclusive(chosen)
        options.exclusive({"--json": self.as_json, "--stream": self.stream, "--quiet": self.quiet})
        if self.as_json:
            return watching.JSON
        views = (watching.PER_HOST, watching.STREAM, watching.QUIET)
        given = zip(views, chosen.values(), strict=True)
        return next((name for name, is_given in given if is_given), watching.GROUPS)


def planned(plan_id: str, request: Mapping[str, Any], others: Mapping[str, bool]) -> dict[str, Any]:
    """The request of a start from a plan; `others` is flag -> whether it was given.

    A plan says what runs and where: flags that say it again are refused.
    """
    beside = ("confirm_hosts", "change", "acknowledge", "priority", "override")
    given = [_FLAGS.get(name, f"--{name}") for name in request if name not in beside]
    given += [flag for flag, is_given in others.items() if is_given]
    if given:
        raise RequestError(
            _("the plan says that already: {flags}").format(flags=", ".join(given)),
            hint=_("leave them out, or plan anew"),
        )
    return {"plan": plan_id, **request}


def go(
    client: Client,
    request: Mapping[str, Any],
    *,
    level: str | None = None,
    view: str,
    detach: bool,
    outputs: bool,
) -> int:
    """Start the run and follow it, or leave it to itself; or make a dry run of it."""
    if plan := request.get("plan"):
        request = {**request, "plan": plans.find(client, plan)}
    if level is not None:
        with _as_flags():
            return dry_run(client, request, level, as_json=view == watching.JSON, detach=detach)
    if "rolling" in request and view not in (watching.QUIET, watching.JSON):
        request = _with_batches_shown(client, request)
    return follow(client, _start(client, request), view=view, detach=detach, outputs=outputs)


def follow(
    client: Client,
    run: Run,
    *,
    view: str,
    detach: bool,
    outputs: bool,
    earlier: Mapping[str, int] | None = None,
) -> int:
    """Follow a run that goes on, or leave it to itself; `earlier` as `Watch` takes it."""
    if detach:
        if view == watching.JSON:
            out().json({"run": msgspec.to_builtins(client.run(run.id))})
        else:
            out().print(run.id)
        return ExitCode.OK
    detail = client.run(run.id)
    if view not in (watching.QUIET, watching.JSON):
        err().print(*begun(detail, str(detail.definition.get("hosts", ""))))
        err().lines(left_out_lines(detail.definition.get("left_out", {})))
        if detail.state in AWAITING_TURN:
            err().lines(waiting_lines(client.why_waits(run.id).place))
    watch = watching.Watch(client, detail, view, outputs=outputs, earlier=earlier)
    return watch.to_the_end()


def secret_parameters(client: Client, kind: str, name: str) -> dict[str, bool]:
    """The secret parameters that a job or a flow declares -> whether it requires them."""
    declared = client.document(kind, name).spec.get("parameters", ())
    return {
        parameter["name"]: bool(parameter.get("required"))
        for parameter in declared
        if parameter.get("type") == "secret"
    }


def typed_secrets(names: Iterable[str]) -> dict[str, str]:
    """A value for each name, typed by a person and not shown."""
    missing = list(names)
    if missing and not may_ask():
        raise RequestError(
            _("the secret {name} is needed, and nobody can be asked").format(name=missing[0]),
            hint=f"-p {missing[0]}=@FILE",
        )
    return {name: secret(name) for name in missing}


def _with_batches_shown(client: Client, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request, with the seed of the batches that a person was shown before the start."""
    with _as_flags():
        preview = client.preview(request)
    for step in preview.steps:
        if step.batches:
            count = len(step.batches)
            rolls = ngettext(
                "step {name} rolls in {count} batch:",
                "step {name} rolls in {count} batches:",
                count,
            )
            err().print(rolls.format(name=step.step, count=count))
            err().lines(plan_lines(step.batches))
    return {**request, "seed": preview.seed} if preview.seed else request


def _start(client: Client, request: Mapping[str, Any]) -> Run:
    # One key for all tries of this command line: a lost answer never starts a second run.
    key = secrets.token_hex(16)
    with _as_flags():
        while True:
            try:
                run = client.start(request, key)
            except RequestError as error:
                request = {**request, **answered(error, request, request.get("secrets") or {})}
            else:
                err().lines(warning_lines(run.warnings))
                return run
            key = secrets.token_hex(16)


@contextmanager
def _as_flags() -> Iterator[None]:
    """Problems of a request name the flags that people wrote."""
    try:
        yield
    except Invalid as error:
        raise Invalid(
            error.message, [_as_flag(problem) for problem in error.problems], hint=error.hint
        ) from error


def _as_flag(problem: Problem) -> Problem:
    """A problem of the request with the flag in the place of the field."""
    where = problem.where.removeprefix("request.")
    field, _dot, rest = where.partition(".")
    for name in (f"{field}.{rest.partition('.')[0]}", field):
        if flag := _FLAGS.get(name):
            where = f"{flag} {rest}".strip() if flag in ("--env", "-p", "--freeze") else flag
            return Problem(where=where, what=problem.what, hint=problem.hint)
    return problem

"""Starting what is saved: a job or a flow, with its parameters, and where in it the run begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from console.cli import options, plans, starting
from console.cli.rolling import BatchFlags
from console.cli.settings import engine
from console.cli.starting import HOW, Detach, DryFlags, Parameter, RequestFlags, ShowFlags
from console.client import Client
from console.i18n import _
from core.errors import RequestError

JOB, FLOW = "job", "flow"
"""Kinds of documents that are started."""

StartAt = Annotated[
    str | None,
    typer.Option(
        "--start-at",
        metavar="NAME",
        rich_help_panel=HOW,
        help=_("begin with this step or node; what comes before it is taken as done"),
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="NAME",
        rich_help_panel=HOW,
        help=_("leave out this optional step or node; may be repeated"),
    ),
]
Revision = Annotated[
    str | None,
    typer.Option(
        "--revision", metavar="N", rich_help_panel=HOW, help=_("this revision, not the newest one")
    ),
]

Test = Annotated[
    bool,
    typer.Option(
        "--test", rich_help_panel=HOW, help=_("mark the run as a trial of the work itself")
    ),
]
Freeze = Annotated[
    list[str] | None,
    typer.Option(
        "--freeze",
        metavar="NODE=RUN",
        rich_help_panel=HOW,
        help=_("with --test: do not perform this node, take its outputs from that run"),
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginFlags:
    """Which revision runs, where it begins, what it leaves out, and what a test does not perform."""

    start_at: StartAt = None
    without: Without = None
    revision: Revision = None
    test: Test = False
    freeze: Freeze = None

    def request(self) -> dict[str, Any]:
        """The part of a request that these flags say."""
        said = {
            "start_at": self.start_at,
            "without": self.without or None,
            "revision": options.whole("--revision", self.revision, 1),
            "test": self.test or None,
            "frozen": options.values("--freeze", self.freeze) or None,
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFlags:
    """Everything that a start of what is saved may say."""

    parameter: Parameter = None
    given: RequestFlags
    begin: BeginFlags
    batches: BatchFlags
    dry: DryFlags
    detach: Detach = False
    show: ShowFlags


def start(kind: str, name: str | None, flags: StartFlags, *, level: str | None = None) -> int:
    """Start a document of a kind, or make a dry run of it; `level`: of a dry run that no flag asks for."""
    dry = flags.dry
    request = {**flags.given.request(flags.batches), **flags.begin.request()}
    level = dry.level() or level
    parameters = options.values("-p", flags.parameter)
    view = flags.show.view()
    if dry.from_plan is not None:
        request = starting.planned(dry.from_plan, request, {kind.upper(): name is not None})
    elif name is None:
        raise RequestError(
            _("{flag} is missing").format(flag=kind.upper()), hint=f"`{command_of(kind)} --help`"
        )
    else:
        request[kind] = name
    with engine() as client:
        if level is None:
            needed = _needed_secrets(client, kind, name, dry.from_plan)
            parameters |= starting.typed_secrets(each for each in needed if each not in parameters)
        request["parameters"] = parameters
        return starting.go(
            client,
            request,
            level=level,
            view=view,
            detach=flags.detach,
            outputs=flags.show.per_host,
        )


def command_of(kind: str) -> str:
    """The command that starts documents of a kind."""
    return "jobdeck flow start" if kind == FLOW else "jobdeck start"


def _needed_secrets(
    client: Client, kind: str, name: str | None, from_plan: str | None
) -> list[str]:
    """Names of the secret parameters that a start needs: the plan's, or the required ones."""
    if from_plan is not None:
        return list(client.plan(plans.find(client, from_plan)).secrets)
    assert name is not None
    declared = starting.secret_parameters(client, kind, name)
    return [each for each, required in declared.items() if required]

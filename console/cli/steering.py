"""`jobdeck runs` for those who steer a flow: pause, resume, fail, choose a way, run anew, roll back.

What ends or begins work is told with its steps and hosts, by the engine and as of now, before
anything happens; a person is asked, and who cannot be asked says --yes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

import typer

from console.cli.acting import Reason, TakeUpFlags, Wait, act, go_on
from console.cli.asking import confirms
from console.cli.flaggroups import gathered
from console.cli.helping import command, family
from console.cli.printing import err
from console.cli.runs import RunId, find
from console.cli.settings import engine, may_ask
from console.cli.starting import IncludeAway
from console.client import Client
from console.i18n import _
from console.presenters import acting, results
from core.domain.run import RunState
from core.errors import RequestError

app = family()

NodeName = Annotated[
    str | None,
    typer.Argument(metavar="[NODE]", help=_("this one; needed where several can be meant")),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=_("do not ask before it happens"))]


@command(
    app,
    "pause",
    _("Pause a run: what runs comes to its end, and nothing more begins until `runs resume`."),
)
def pause(run: RunId, reason: Reason = None) -> None:
    with engine() as client:
        row = client.act(find(client, run), "pause", reason=reason)
        paused = row.state == RunState.SUSPENDED
        said = _("run {id} is paused") if paused else _("run {id} pauses when what runs has ended")
        err().print(said.format(id=results.short_id(row.id)))


@command(app, "resume", _("Let a run that was paused go on."))
def resume(run: RunId, reason: Reason = None, wait: Wait = False) -> int:
    with engine() as client:
        row = client.act(find(client, run), "resume", reason=reason)
        err().print(_("run {id} goes on").format(id=results.short_id(row.id)))
        return go_on(client, row, wait=wait)


@command(
    app,
    "pause-before",
    _("Have a run pause when it comes to a node. --undo takes it back."),
    "jobdeck runs pause-before last deploy",
)
def pause_before(
    run: RunId,
    node: Annotated[str | None, typer.Argument(metavar="NODE")] = None,
    undo: Annotated[bool, typer.Option("--undo", help=_("do not pause there any more"))] = False,
    reason: Reason = None,
) -> None:
    if node is None:
        raise RequestError(
            _("{flag} is missing").format(flag="NODE"), hint="jobdeck runs pause-before RUN NODE"
        )
    with engine() as client:
        fields = {"wanted": False} if undo else {}
        client.act(find(client, run), "pause_before", step=node, reason=reason, **fields)
        said = _("the run goes past {node}") if undo else _("the run pauses before {node}")
        err().print(said.format(node=node))


@command(
    app,
    "fail",
    _(
        "End a step or node that is under way: it has failed, and what follows a failure begins.\n\n"
        "What runs on its hosts is ended there."
    ),
)
def fail(
    run: RunId, node: NodeName = None, reason: Reason = None, yes: Yes = False, wait: Wait = False
) -> int:
    fields = {"step": node, "reason": reason}
    return _steer(run, "fail", fields, yes=yes, wait=wait, said=_("it is being ended as failed"))


@command(
    app,
    "choose-way",
    _(
        "Say where a gateway leads that found no way itself; its run goes on there.\n\n"
        "Only nodes that an edge of the gateway leads to can be chosen."
    ),
    "jobdeck runs choose-way last which --to big",
)
@gathered
def choose_way(
    run: RunId,
    node: NodeName = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="NODE", help=_("the node that comes next"))
    ] = None,
    *,
    take_up: TakeUpFlags,
    yes: Yes = False,
    wait: Wait = False,
) -> int:
    if to is None:
        raise RequestError(_("{flag} is missing").format(flag="--to"), hint="--to NODE")
    fields = {"step": node, "to": to, **take_up.fields()}
    said = _("the way is chosen; the run goes on")
    return _steer(run, "choose_way", fields, take_up.given(), yes=yes, wait=wait, said=said)


@command(
    app,
    "rerun",
    _(
        "Run a step or node and all that follows it anew, on all of their hosts.\n\n"
        "Hosts that succeeded run again too; `runs retry` spares them. What ran beside it stands."
    ),
)
@gathered
def rerun(
    run: RunId,
    node: NodeName = None,
    include_away: IncludeAway = False,
    *,
    take_up: TakeUpFlags,
    yes: Yes = False,
    wait: Wait = False,
) -> int:
    fields = {
        "step": node,
        "include_away": include_away or None,
        **take_up.fields(),
    }
    said = _("the run goes on from there")
    return _steer(run, "rerun", fields, take_up.given(), yes=yes, wait=wait, said=said)


@command(
    app,
    "roll-back",
    _(
        "Undo what a run did, the last thing first, by the steps that are named as `undo`.\n\n"
        "NODE is the one whose work stays: only what followed it is undone. Steps without `undo`"
        " stay as they are."
    ),
)
@gathered
def roll_back(
    run: RunId,
    node: Annotated[str | None, typer.Argument(metavar="[NODE]")] = None,
    *,
    take_up: TakeUpFlags,
    yes: Yes = False,
    wait: Wait = False,
) -> int:
    fields = {"step": node, **take_up.fields()}
    said = _("the run is being rolled back")
    wanted = RunState.ROLLED_BACK
    return _steer(
        run, "roll_back", fields, take_up.given(), yes=yes, wait=wait, said=said, wanted=wanted
    )


def _steer(
    run: str,
    action: str,
    fields: Mapping[str, Any],
    given: Mapping[str, str] = MappingProxyType({}),
    *,
    yes: bool,
    wait: bool,
    said: str,
    wanted: RunState | None = None,
) -> int:
    """Tell what it would do, ask, and do it."""
    with engine() as client:
        run_id = find(client, run)
        _agree(client, run_id, action, fields, yes=yes)
        row = act(client, run_id, action, fields, given)
        err().print(said)
        return go_on(client, row, wait=wait, wanted=wanted)


def _agree(
    client: Client, run_id: str, action: str, fields: Mapping[str, Any], *, yes: bool
) -> None:
    err().lines(acting.foreseen_lines(action, client.preview_action(run_id, action, **fields)))
    if yes:
        return
    if not may_ask():
        raise RequestError(
            _("nobody can be asked whether that is meant; nothing was changed"), hint="--yes"
        )
    if not confirms(_("Go on?")):
        raise RequestError(_("not confirmed; nothing was changed"))

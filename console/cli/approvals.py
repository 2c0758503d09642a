"""`jobdeck approvals`: what waits for a person, and voting on it."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import msgspec
import typer

from console.answers import Approval
from console.cli import completing, options
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.client import Client
from console.i18n import _
from console.presenters.approvals import approval_parts, approvals_table, standing_line
from console.presenters.text import Span, Tone
from core.clock import SystemClock
from core.errors import NotFound

app = family(
    _(
        "See what waits for you, approve or deny it.\n\n"
        "A vote is never changed, and one deny ends it: `jobdeck help approvals`."
    )
)

LAST = "last"
_LISTED = 30
_STATES = ("open", "approved", "denied", "timed_out", "lapsed")


def _open(client: Client, _begun: str) -> list[str]:
    return [LAST, *(each.id for each in client.approvals({"state": "open"}, limit=_LISTED))]


Id = Annotated[
    str,
    typer.Argument(
        metavar="APPROVAL",
        help=_("its id, or a beginning that no other has, or `last`"),
        autocompletion=completing.names(_open),
    ),
]


@command(
    app,
    "list",
    _("List what waits for approval, newest first; with --all, also what was decided."),
    """
jobdeck approvals list --mine
jobdeck approvals list --all --run 01KAAAAAAA
""",
)
def list_approvals(
    mine: Annotated[bool, typer.Option("--mine", help=_("only what waits for you"))] = False,
    all_: Annotated[bool, typer.Option("--all", help=_("also what was decided"))] = False,
    state: Annotated[str | None, options.one_state(_STATES)] = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help=_("only of this run"))
    ] = None,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help=_("at most so many (30)"))
    ] = None,
    as_json: Json = False,
) -> None:
    if state is not None:
        options.one_of("--state", state, _STATES)
    if (mine, all_, state is not None).count(True) > 1:
        raise options.refuse("--mine", _("give one of --mine, --all and --state"))
    count = options.whole("--limit", limit, 1, 100_000) or _LISTED
    query: dict[str, Any] = {"run": run, "mine": mine or None}
    if not all_ and not mine:
        query["state"] = state or "open"
    with engine() as client:
        found = client.approvals(
            {name: value for name, value in query.items() if value is not None}, limit=count
        )
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().table(approvals_table(found, SystemClock().now()))
    if len(found) == count and limit is None:
        text = _("the newest {count}; more with --limit").format(count=count)
        err().print(Span(text, Tone.QUIET))


@command(app, "show", _("Show one approval: what is asked, of whom, and every vote."))
def show(approval: Id, as_json: Json = False) -> None:
    with engine() as client:
        found = _find(client, approval)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().lines(approval_parts(found, SystemClock().now()))


@command(
    app,
    "approve",
    _("Approve it. Refused where you asked for it yourself or are none of its approvers."),
    """
jobdeck approvals approve 01KAAAAAAA --reason 'tested on staging'
jobdeck approvals approve last --form WINDOW=22:00
""",
)
def approve(
    approval: Id,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help=_("kept with your vote"))
    ] = "",
    form: Annotated[
        list[str] | None,
        typer.Option("--form", metavar="NAME=VALUE", help=_("fill in a field of its form")),
    ] = None,
    as_json: Json = False,
) -> None:
    _vote(approval, "approve", reason, options.values("--form", form), as_json=as_json)


@command(
    app,
    "deny",
    _("Deny it, which ends it whoever has approved; the reason is kept and shown."),
    "jobdeck approvals deny last --reason 'not during the sale'",
)
def deny(
    approval: Id,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help=_("why; required"))] = "",
    as_json: Json = False,
) -> None:
    if not reason.strip():
        raise options.refuse("--reason", _("it is missing"), _("who denies says why"))
    _vote(approval, "deny", reason, {}, as_json=as_json)


def _vote(approval: str, choice: str, reason: str, form: dict[str, str], *, as_json: bool) -> None:
    with engine() as client:
        seen = _find(client, approval)
        ballot = {"choice": choice, "comment": reason, "form": form, "digest": seen.digest}
        # One key for all tries of this command line: a lost answer never votes a second time.
        found = client.vote(seen.id, ballot, secrets.token_hex(16))
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        err().print(*standing_line(found))


def _find(client: Client, approval: str) -> Approval:
    """`last` is the newest one that is open."""
    if approval != LAST:
        return client.approval(approval)
    newest = client.approvals({"state": "open"}, limit=1)
    if not newest:
        raise NotFound("approval", LAST)
    return newest[0]

"""Actions of approvals, in their list and on the page of one."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, Call, Scope, may, one
from console.i18n import _


def actions() -> Iterator[Action]:
    for scope in (Scope.APPROVALS, Scope.APPROVAL):
        yield Action(
            id=f"{scope}.approve",
            title=_("approve"),
            help=_("Votes for it, with a reason and the fields of its form; asks first."),
            keys=("a",),
            when=may("vote"),
            changes=True,
            dangerous=True,
            cli="jobdeck approvals approve {name}",
            call=Call(method="POST", path="/approvals/{name}/votes", body={"choice": "approve"}),
        )
        yield Action(
            id=f"{scope}.deny",
            title=_("deny"),
            help=_("Votes against it, which ends it; who denies says why."),
            keys=("d",),
            when=may("vote"),
            changes=True,
            dangerous=True,
            cli="jobdeck approvals deny {name} --reason TEXT",
            call=Call(method="POST", path="/approvals/{name}/votes", body={"choice": "deny"}),
        )
        yield Action(
            id=f"{scope}.run",
            title=_("open the run"),
            help=_("Opens the run that waits for this approval."),
            keys=("o",),
            when=one,
        )
    yield Action(
        id="approvals.decided",
        title=_("decided ones too"),
        help=_("Also shows approvals that were decided; pressed again, only those that wait."),
        keys=("t",),
    )

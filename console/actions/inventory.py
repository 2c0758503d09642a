"""Actions of the inventory: hosts and what belongs to them."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions import documents
from console.actions.base import Action, Call, Scope, Subject, When, one, something
from console.i18n import _


def _is_key(*states: str) -> When:
    return lambda subject: (
        something(subject) and subject.kind == documents.HOST_KEY and subject.state in states
    )


def _is_source(subject: Subject) -> bool:
    return one(subject) and subject.kind == "inventory-source"


def actions() -> Iterator[Action]:
    yield Action(
        id="inventory.approve",
        title=_("approve the keys"),
        help=_("Trusts these host keys from now on; asks first."),
        keys=("a",),
        when=_is_key("pending"),
        changes=True,
        dangerous=True,
        cli="jobdeck hosts keys approve {name}",
        call=Call(method="POST", path="/host-keys/actions", body={"action": "approve"}),
    )
    yield Action(
        id="inventory.revoke",
        title=_("revoke the keys"),
        help=_("Trusts these host keys no longer; asks first."),
        keys=("R",),
        when=_is_key("pending", "approved", ""),
        changes=True,
        dangerous=True,
        cli="jobdeck hosts keys revoke {name}",
        call=Call(method="POST", path="/host-keys/actions", body={"action": "revoke"}),
    )
    yield from documents.actions(Scope.INVENTORY)
    yield documents.new_action(Scope.INVENTORY)
    yield from documents.section_actions(Scope.INVENTORY)
    yield Action(
        id="inventory.targets",
        title=_("target expression"),
        help=_("Shows which hosts an expression stands for, while it is typed."),
        keys=("T",),
        cli="jobdeck hosts list EXPR",
    )
    yield from documents.host_actions(Scope.INVENTORY)
    yield Action(
        id="inventory.ask_source",
        title=_("refresh from the source"),
        help=_("Shows what the source says now, and asks whether to take it over."),
        keys=("r",),
        when=_is_source,
        changes=True,
        dangerous=True,
        cli="jobdeck inventory refresh {name}",
    )

"""Actions on documents, which stand in several scopes under the same keys."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, Call, Scope, Subject, one, something
from console.i18n import _

LAUNCHED = frozenset({"job", "flow", "host", "group"})
"""Kinds that something can be started from: what is saved, or a command on hosts."""


def can_launch(subject: Subject) -> bool:
    return something(subject) and subject.kind in LAUNCHED


def is_document(subject: Subject) -> bool:
    return something(subject) and subject.kind != HOST_KEY


def one_document(subject: Subject) -> bool:
    return one(subject) and is_document(subject)


HOST_KEY = "host-key"
"""The kind of a subject that is a host's key, which is no document."""


def is_host(subject: Subject) -> bool:
    return something(subject) and subject.kind == "host"


def actions(scope: Scope) -> Iterator[Action]:
    """What can be done with a document wherever it is shown."""
    yield Action(
        id=f"{scope}.launch",
        title=_("launch"),
        help=_("Opens a start of it, or of a command on these hosts; nothing is started yet."),
        keys=("x",),
        when=can_launch,
        changes=True,
    )
    yield Action(
        id=f"{scope}.edit",
        title=_("edit"),
        help=_("Opens it as a form; nothing changes until it is saved."),
        keys=("e",),
        when=one_document,
        cli="jobdeck edit {kind} {name}",
    )
    yield Action(
        id=f"{scope}.delete",
        title=_("delete"),
        help=_("Deletes it, unless others refer to it; its history stays. Asks first."),
        keys=("D",),
        when=is_document,
        changes=True,
        dangerous=True,
        shown=False,
        cli="jobdeck delete {kind} {name}",
        call=Call(method="DELETE", path="/documents/{kind}/{name}"),
    )


def host_actions(scope: Scope) -> Iterator[Action]:
    """What can be done with hosts."""
    yield Action(
        id=f"{scope}.test",
        title=_("test the connection"),
        help=_("Goes the way into the hosts, and says where it stops; nothing is run there."),
        keys=("t",),
        when=is_host,
        cli="jobdeck hosts test {name}",
    )
    yield Action(
        id=f"{scope}.facts",
        title=_("gather facts"),
        help=_("Asks the hosts for their facts now."),
        keys=("F",),
        when=is_host,
        shown=False,
        cli="jobdeck facts gather --on {name}",
    )
    yield Action(
        id=f"{scope}.maintenance",
        title=_("begin maintenance"),
        help=_("Takes the hosts out of runs, for a time or until it is ended; asks for a reason."),
        keys=("m",),
        when=is_host,
        changes=True,
        cli="jobdeck hosts maintenance {name}",
    )
    yield Action(
        id=f"{scope}.in_use",
        title=_("end maintenance"),
        help=_("Lets the hosts take part in runs again."),
        keys=("M",),
        when=is_host,
        changes=True,
        shown=False,
    )


def section_actions(scope: Scope) -> Iterator[Action]:
    """Moving between the sections of a view, and making something new in one."""
    yield Action(
        id=f"{scope}.next_section",
        title=_("next section"),
        help=_("Shows the next kind of thing."),
        keys=("tab",),
    )
    yield Action(
        id=f"{scope}.previous_section",
        title=_("section before"),
        help=_("Shows the kind of thing before."),
        keys=("shift+tab",),
        shown=False,
    )


def new_action(scope: Scope) -> Action:
    return Action(
        id=f"{scope}.new",
        title=_("new"),
        help=_("Opens an empty form of this kind."),
        keys=("n",),
    )

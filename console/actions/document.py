"""Actions of one document: what it says, what it was, and for hosts how they are."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions import documents
from console.actions.base import Action, Scope, Subject
from console.i18n import _


def _is_revision(subject: Subject) -> bool:
    return "revision" in subject.values


def actions() -> Iterator[Action]:
    yield from documents.section_actions(Scope.DOCUMENT)
    yield from documents.actions(Scope.DOCUMENT)
    yield Action(
        id="document.copy",
        title=_("copy as new"),
        help=_("Opens a form of a new document that begins as this one."),
        keys=("c",),
        when=documents.one_document,
        shown=False,
    )
    yield Action(
        id="document.restore",
        title=_("restore this revision"),
        help=_("Opens a form with what this revision said; nothing changes until it is saved."),
        keys=("R",),
        when=_is_revision,
        cli="jobdeck get {kind} {name} --revision {revision}",
    )
    yield from documents.host_actions(Scope.DOCUMENT)

"""Where a thing is shown: what the command bar would be typed to look at it."""

from __future__ import annotations

from console.presenters.results import short_id

_VIEWS = {
    "run": "run {name}",
    "approval": "run {name}",
    "schedule": "schedule {name}",
    "channel": "channels",
    "calendar": "schedules",
    "host_key": "inventory host-key",
    "engine": "engine",
    "vault": "engine",
    "retention": "engine",
    "backup": "engine",
    "facts": "inventory host",
}
"""Kind of an entry, or of the document that it is about -> the view that shows it."""


def place_of(type_: str, subject: str) -> str:
    """The place of what an entry of the journal is about; "" where no view shows it.

    `run.started`, `01KA…` -> `run 01KA…`; `document.replaced`, `host/web1` -> `document host/web1`.
    """
    kind, slash, name = subject.partition("/")
    if not slash:
        kind, name = type_.partition(".")[0], short_id(subject)
    known = _VIEWS.get(kind, "document {kind}/{name}" if slash else "")
    return known.format(kind=kind, name=name)

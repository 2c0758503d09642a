"""What `:` takes: a view and its argument, or one of a few words. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from console.i18n import _
from console.tui.navigation import Place

ALIASES: Mapping[str, str] = {
    "p": "pulse",
    "home": "pulse",
    "r": "runs",
    "l": "launch",
    "start": "launch",
    "lib": "library",
    "jobs": "library job",
    "flows": "library flow",
    "scripts": "library script",
    "i": "inventory",
    "hosts": "inventory host",
    "groups": "inventory group",
    "accounts": "inventory account",
    "envs": "inventory environment",
    "sources": "inventory inventory-source",
    "keys": "inventory host-key",
    "s": "schedules",
    "sched": "schedules",
    "a": "approvals",
    "wait": "approvals",
    "qu": "queue",
    "o": "output",
    "find": "search",
    "e": "events",
    "journal": "events",
    "doctor": "engine",
    "set": "settings",
}
"""What hands type -> the command it stands for."""

LEAVE = ("q", "quit", "q!", "exit")


class BadCommand(Exception):
    """A command that cannot be read: a sentence for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Command:
    """A place to go to, or to leave."""

    place: Place | None
    """None: leave."""


def parse(text: str, views: Mapping[str, str]) -> Command:
    """A command, for consoles that have these views. Raises BadCommand."""
    name, _blank, argument = text.strip().removeprefix(":").partition(" ")
    if name in LEAVE:
        return Command(None)
    known = ALIASES.get(name, name)
    view, _blank, first = known.partition(" ")
    if view not in views:
        near = difflib.get_close_matches(name, [*views, *ALIASES], 1)
        hint = _("; did you mean {name}?").format(name=near[0]) if near else ""
        raise BadCommand(_("no view is called {name}").format(name=name) + hint)
    return Command(Place(view, f"{first} {argument}".strip()))


def completions(text: str, views: Mapping[str, str]) -> Iterator[str]:
    """Commands that begin so, views before aliases."""
    name, blank, _argument = text.partition(" ")
    if not blank:
        yield from (each for each in (*views, *ALIASES) if each.startswith(name))

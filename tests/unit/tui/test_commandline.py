"""What `:` takes."""

from __future__ import annotations

import pytest

from console.tui import commandline
from console.tui.commandline import ALIASES, BadCommand, completions, parse
from console.tui.navigation import Place
from console.tui.views.inventory import InventoryView
from console.tui.views.library import LibraryView

VIEWS = dict.fromkeys(
    ("pulse", "runs", "launch", "library", "inventory", "schedules", "approvals")
    + ("queue", "events", "engine", "settings", "output", "search"),
    "",
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (":runs", Place("runs")),
        ("runs @prod state:failed", Place("runs", "@prod state:failed")),
        ("  r  ", Place("runs")),
        ("hosts web", Place("inventory", "host web")),
        ("jobs", Place("library", "job")),
    ],
)
def test_a_command_is_a_place(text: str, place: Place) -> None:
    assert parse(text, VIEWS).place == place


@pytest.mark.parametrize("text", ["q", "quit", "exit"])
def test_leaving(text: str) -> None:
    assert parse(text, VIEWS).place is None


def test_an_unknown_view_suggests_the_nearest() -> None:
    with pytest.raises(BadCommand, match="no view is called rusn; did you mean runs"):
        parse("rusn", VIEWS)


def test_every_alias_leads_to_a_view() -> None:
    assert {known.split()[0] for known in ALIASES.values()} <= VIEWS.keys()
    assert not ALIASES.keys() & VIEWS.keys()
    assert not set(commandline.LEAVE) & (ALIASES.keys() | VIEWS.keys())


def test_completions_name_views_before_aliases() -> None:
    assert list(completions("s", VIEWS)) == [
        "schedules",
        "settings",
        "search",
        "start",
        "scripts",
        "sources",
        "s",
        "sched",
        "set",
    ]
    assert list(completions("runs ", VIEWS)) == []


def test_aliases_of_sections_name_sections_that_there_are() -> None:
    sections = {"inventory": InventoryView.SECTIONS, "library": LibraryView.SECTIONS}
    named = [known.split() for known in ALIASES.values() if " " in known]

    assert named
    assert [pair for pair in named if pair[1] not in sections[pair[0]]] == []

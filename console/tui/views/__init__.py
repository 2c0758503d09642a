"""The views, each loaded when it is first opened."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from console.tui.navigation import Memory, Place
from console.tui.views.base import View

VIEWS: Mapping[str, str] = {
    "pulse": "pulse:PulseView",
    "runs": "runs:RunsView",
    "run": "run:RunView",
    "comparison": "comparison:ComparisonView",
    "output": "output:OutputView",
    "search": "search:SearchView",
    "inventory": "inventory:InventoryView",
    "library": "library:LibraryView",
    "document": "document:DocumentView",
    "edit": "edit:EditView",
    "launch": "launch:launch_view",
    "schedules": "schedules:SchedulesView",
    "schedule": "schedule:ScheduleView",
    "approvals": "approvals:ApprovalsView",
    "approval": "approval:ApprovalView",
    "queue": "queue:QueueView",
    "events": "events:EventsView",
    "engine": "engine:EngineView",
    "channels": "channels:ChannelsView",
    "settings": "settings:SettingsView",
    "help": "help:HelpView",
    "tour": "tour:TourView",
}
"""Name in the command bar -> module and class."""


def make(place: Place, memory: Memory) -> View:
    """The view of a place, as it was left if it was open before."""
    module, _colon, name = VIEWS[place.view].partition(":")
    view: type[View] = getattr(import_module(f"console.tui.views.{module}"), name)
    return view(place, memory)

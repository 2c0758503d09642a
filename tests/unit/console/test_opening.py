"""Where entries of the journal lead."""

from __future__ import annotations

import pytest

from console.presenters.opening import place_of
from console.tui import commandline
from console.tui.views import VIEWS

RUN = "01KABCDEFGHJKMNPQRSTVWXYZ0"


@pytest.mark.parametrize(
    ("type_", "subject", "place"),
    [
        ("run.state", RUN, "run 01KABCDEFGHJ"),
        ("approval.opened", RUN, "run 01KABCDEFGHJ"),
        ("document.replaced", "host/web1", "document host/web1"),
        ("document.created", "schedule/nightly", "schedule nightly"),
        ("schedule.paused", "schedule/nightly", "schedule nightly"),
        ("channel.failed", "channel/ops", "channels"),
        ("host_key.pending", RUN, "inventory host-key"),
        ("engine.started", "engine", "engine"),
        ("plan.ended", RUN, ""),
    ],
)
def test_an_entry_leads_to_what_it_is_about(type_: str, subject: str, place: str) -> None:
    assert place_of(type_, subject) == place


@pytest.mark.parametrize("place", ["schedule nightly", "channels", "engine", "queue"])
def test_places_can_be_typed(place: str) -> None:
    assert commandline.parse(place, VIEWS).place is not None

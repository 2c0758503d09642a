"""The engine."""

from __future__ import annotations

from console.i18n import _
from console.plain.pages import Desk, Page
from console.presenters.engine import status_table


def shown(desk: Desk) -> Page:
    """How it is."""
    return Page(title=_("engine"), parts=[status_table(desk.client.engine())])

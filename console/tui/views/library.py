"""The library: what is saved to be run, and the documents that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from console.actions import Scope
from console.i18n import _
from console.tui.views.sections import Section, SectionsView, first_steps


class LibraryView(SectionsView):
    """Jobs, flows, scripts and their like, each with its history."""

    SCOPE = Scope.LIBRARY
    SECTIONS: ClassVar[Mapping[str, Section]] = {
        section.kind: section
        for section in (
            Section(
                kind="job",
                title=lambda: _("jobs"),
                empty=lambda: first_steps(_("no job yet")),
            ),
            Section(
                kind="flow",
                title=lambda: _("flows"),
                empty=lambda: first_steps(_("no flow yet")),
            ),
            Section(
                kind="script",
                title=lambda: _("scripts"),
                empty=lambda: first_steps(_("no script yet")),
            ),
            Section(
                kind="command-rule",
                title=lambda: _("command rules"),
                empty=lambda: first_steps(_("no command rule of your own yet")),
            ),
            Section(
                kind="calendar",
                title=lambda: _("calendars"),
                empty=lambda: first_steps(_("no calendar yet")),
            ),
            Section(
                kind="channel",
                title=lambda: _("channels"),
                empty=lambda: first_steps(_("no channel yet")),
            ),
        )
    }

"""The pulse: everything in one look, and the way to each of its parts."""

from __future__ import annotations

from functools import partial
from typing import Any

from textual.app import ComposeResult

from console.actions import Scope, Subject
from console.answers import Pulse
from console.client import Client
from console.i18n import _
from console.presenters.pulse import columns, head_lines
from console.presenters.text import Line, Span, Tone, line
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.base import View
from console.tui.widgets.sections import Sections

_KINDS = (
    "run", "approval", "host_key", "schedule", "queue", "engine", "vault", "channel", "source",
)  # fmt: skip
"""Entries of the journal after which the pulse may be another."""
_TICK_S = 30.0
"""Between two paintings of what only time changes, such as how long a run takes; asks nobody."""


class PulseView(View):
    """One question to the engine for all of it, at most one in LEAST_S."""

    SCOPE = Scope.PULSE
    ALSO = (Scope.LIST,)
    WITHOUT = frozenset({"list.filter", "list.mark", "list.mark_all"})
    LEAST_S = 1.0

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self._pulse: Pulse | None = None
        self._faults_only = bool(memory.more.get("faults"))
        self.sections = Sections()
        self.sections.recall(memory)

    def compose(self) -> ComposeResult:
        yield self.sections

    def on_mount(self) -> None:
        self.sections.focus()
        self.set_interval(_TICK_S, self._show)

    async def load(self) -> None:
        rows = max(5, min(50, self.size.height // 3))
        self._pulse = await self.deck.link.ask(partial(Client.pulse, limit=rows))
        self._show()
        if not (self._pulse.has_hosts or self._pulse.has_runs or self.deck.preferences.toured):
            self.deck.go(Place("tour"))

    def _show(self) -> None:
        if self._pulse is None:
            return
        now = self.deck.clock.now()
        shown = columns(self._pulse, now, faults_only=self._faults_only)
        self.sections.show(head_lines(self._pulse, now), shown)

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns(*_KINDS)

    def title(self) -> str:
        return _("pulse")

    def said(self) -> Line:
        return line(Span(f" {_('faults only')}", Tone.WARNING)) if self._faults_only else ()

    def subject(self) -> Subject:
        opens = self.sections.opens
        return Subject(kind="place", names=(opens,) if opens else ())

    def recollection(self) -> Memory:
        kept = self.sections.memory()
        more: dict[str, Any] = {"faults": self._faults_only}
        return Memory(kept.cursor, kept.top, more=more)

    def perform_list(self, name: str) -> None:
        self.sections.perform_list(name)

    def on_sections_opened(self, event: Sections.Opened) -> None:
        event.stop()
        self.deck.obey(event.opens)

    def on_sections_moved(self, event: Sections.Moved) -> None:
        event.stop()
        self.refresh_bindings()

    def escape(self) -> bool:
        if not self._faults_only:
            return False
        self.do_faults()
        return True

    def do_faults(self) -> None:
        """Only what is wrong, or everything again."""
        self._faults_only = not self._faults_only
        self._show()
        self.post_message(self.Said())

    def do_tour(self) -> None:
        self.deck.go(Place("tour"))

    def cli(self) -> str:
        return "jobdeck runs list"

    def api(self) -> str:
        return "/pulse"

"""The journal's tail: everything that happened, as it happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from console.actions import Scope, Subject
from console.answers import Event
from console.client import Client
from console.i18n import _
from console.presenters.events import events_table
from console.presenters.opening import place_of
from console.presenters.text import Line, Span, Table, Tone
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.listing import ListView

_KEPT = 5000
"""Entries that the list holds: older ones leave it, and stay in the journal."""
_FIRST = 500


class EventsView(ListView):
    """Oldest first, as a log; the feed brings what is new, and only an absence asks again."""

    SCOPE = Scope.EVENTS
    FIELDS = ("type", "subject")
    EMPTY = staticmethod(
        lambda: (_("nothing happened yet"), _("whatever changes anything is written here"))
    )

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self._entries: deque[Event] = deque(maxlen=_KEPT)
        self._follows = not memory.cursor

    async def load(self) -> None:
        types, subjects = (self.wanted.fields.get(name, ()) for name in self.FIELDS)

        def ask(client: Client) -> list[Event]:
            query = {"type": list(types) or None, "subject": subjects[-1] if subjects else None}
            return client.newest_events(query, limit=_FIRST)

        self._entries = deque(await self.deck.link.ask(ask), maxlen=_KEPT)
        self._show()

    def concerns(self, changed: Changed) -> bool:
        if changed.everything:
            return True
        last = self._entries[-1].seq if self._entries else 0
        new = [event for event in changed.events if event.seq > last and self._is_wanted(event)]
        if new:
            self._entries.extend(new)
            self._show()
        return False

    def _is_wanted(self, event: Event) -> bool:
        types, subjects = (self.wanted.fields.get(name, ()) for name in self.FIELDS)
        return (not types or event.type in types) and (not subjects or event.subject in subjects)

    def _show(self) -> None:
        self.show_items(list(self._entries), lambda event: str(event.seq))
        if self._follows:
            self.grid.perform_list("last")

    def present(self, items: Sequence[Event]) -> Table:
        return events_table(items, self.deck.clock.now())

    def perform_list(self, name: str) -> None:
        super().perform_list(name)
        if name in ("up", "page_up", "half_up", "first"):
            self._follow(on=False)
        elif name == "last":
            self._follow(on=True)

    def do_follow(self) -> None:
        self._follow(on=not self._follows)
        if self._follows:
            self.grid.perform_list("last")

    def _follow(self, *, on: bool) -> None:
        self._follows = on
        self.post_message(self.Said())

    def said(self) -> Line:
        word = Span(f"   {_('follows')}", Tone.BUSY) if self._follows else Span("")
        return (*super().said(), word)

    def title(self) -> str:
        return _("events")

    def subject(self) -> Subject:
        chosen: list[Event] = self.grid.chosen
        return Subject(kind="event", names=tuple(event.subject for event in chosen))

    def open_item(self, item: Event) -> None:
        place = place_of(item.type, item.subject)
        if place:
            self.deck.obey(place)
        else:
            self.deck.say(_("no view shows {name}").format(name=item.subject))

    def cli(self) -> str:
        flags = [f"--{name} {each}" for name, v in self.wanted.fields.items() for each in v]
        return " ".join(["jobdeck events --follow", *flags])

    def api(self) -> str:
        return "/events"

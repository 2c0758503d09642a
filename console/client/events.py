"""The journal."""

from __future__ import annotations

from collections.abc import Iterator

from console import answers
from console.client.calls import MOST_ITEMS, Calls, Query, stopped

_BYE = "bye"
"""The last event of a stream that ends because the engine stops."""
_END = 10**18
"""A number that no entry has: what lies before it is the newest."""


class EventCalls(Calls):
    """The journal."""

    def events(self, query: Query) -> answers.EventPage:
        return self._get(answers.EventPage, "/events", query)

    def all_events(self, query: Query) -> Iterator[answers.Event]:
        """Journal entries from `after` (0) to the present end, page by page."""
        asked = {"after": 0, "limit": MOST_ITEMS, **query}
        while True:
            page = self.events(asked)
            yield from page.items
            if len(page.items) < asked["limit"]:
                return
            asked["after"] = page.next

    def newest_events(self, query: Query, *, limit: int) -> list[answers.Event]:
        """The newest `limit` entries that fit, oldest first."""
        found: list[answers.Event] = []
        before = _END
        while len(found) < limit:
            wanted = min(limit - len(found), MOST_ITEMS)
            page = self.events({**query, "before": before, "limit": wanted}).items
            found = page + found
            if len(page) < wanted:
                break
            before = page[0].seq
        return found

    def follow_events(self, query: Query) -> Iterator[answers.Event]:
        """Journal entries after `after`, then every further one.

        EngineUnreachable is the end; EngineStopped where the engine took its leave.
        """
        with self._events("/events", query) as events:
            for event in events:
                if event.type != _BYE:
                    yield self._decode_text(answers.Event, event.data)
        raise stopped()

"""From place to place: the view that is open gives way to another, and is found again later."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.containers import Container

from console.tui import views
from console.tui.bookmark import Bookmark
from console.tui.navigation import History, Place
from console.tui.views.base import View

if TYPE_CHECKING:
    from console.tui.app import JobdeckApp


class Journey:
    """The way of one application. It owns the view that is open; nobody else opens one."""

    def __init__(self, deck: JobdeckApp, bookmark: Bookmark | None) -> None:
        self.history = History()
        self.view: View | None = None
        """None until the first place is open."""
        self._deck, self._bookmark = deck, bookmark
        self._going = asyncio.Lock()
        """Held while one view gives way to another."""

    @property
    def is_going(self) -> bool:
        return self._going.locked()

    # ------------------------------------------------------------------ where to

    def go(self, place: Place, *, below: bool) -> None:
        """Open a place; `below`: it was opened from here, and `escape` comes back."""
        self._travel(place.inside(self.history.here if below else None))

    def go_beside(self, place: Place) -> None:
        """Open a place that stands where this one does: `escape` leaves both at once."""
        here = self.history.here
        self._travel(place.inside(here.parent if here else None))

    def up(self) -> None:
        """Go to where this place was opened from."""
        here = self.history.here
        if here is not None and here.parent is not None:
            self._travel(here.parent)

    def last(self) -> None:
        """Go to where one was before, however one came here."""
        if place := self.history.last():
            self._travel(place)

    def step(self, by: int) -> None:
        """Go back (-1) or forward (1), as in a browser."""
        self._remember()
        if place := self.history.step(by):
            self._travel(place, is_step=True)

    def end(self) -> None:
        """Leave for good: the next console begins anew."""
        if self._bookmark is not None:
            self._bookmark.take_out()

    # ------------------------------------------------------------------ the way there

    def _travel(self, place: Place, *, is_step: bool = False) -> None:
        """Open a place beside the keyboard; keys that follow are for it."""
        opening = self.open(place, is_step=is_step)
        self._deck.typing.opens(self._deck.run_worker(opening, group="going"))

    async def open(self, place: Place, *, is_step: bool = False) -> None:
        """Open a place; `is_step`: the history has gone there already."""
        async with self._going:
            body = self._deck.query_one("#body", Container)
            self._remember()
            if not is_step:
                self.history.go(place)
            view = views.make(place, self.history.memory(place))
            self._deck.silence()
            if self._bookmark is not None:
                self._bookmark.put(str(place))
            with self._deck.batch_update():
                await body.remove_children()
                await body.mount(view)
            self.view = view
        self._deck.frame.show()

    def _remember(self) -> None:
        here = self.history.here
        if here is not None and self.view is not None:
            self.history.remember(here, self.view.recollection())

"""Who waits for its turn, and everything that is in the way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from console.actions import Scope, Subject
from console.answers import Place, WhyWaits
from console.answers import Queue as QueueAnswer
from console.client import Client
from console.i18n import _
from console.presenters.queue import queue_lines, queue_table, why_lines
from console.presenters.results import short_id
from console.presenters.text import Line, Table
from console.tui.link import Changed
from console.tui.views.admitting import AdmittingActions, allowed_now
from console.tui.views.detailed import DetailedListView
from console.tui.views.moving import move

_MOST = 1000


class QueueView(DetailedListView, AdmittingActions):
    """Runs that wait, the first one first."""

    SCOPE = Scope.QUEUE
    HELP = "queue"
    EMPTY = staticmethod(
        lambda: (
            _("no run waits: what is started begins at once"),
            _("limits and locks make runs wait, `:help queue` tells which"),
        )
    )
    _queue = QueueAnswer()

    async def load(self) -> None:
        self._queue = await self.deck.link.ask(partial(Client.queue, limit=_MOST))
        waiting = self._queue.waiting
        self.show_items(self._queue.places, lambda place: place.run_id, more=waiting > _MOST)

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns("run", "queue", "engine")

    def present(self, items: Sequence[Place]) -> Table:
        return queue_table(QueueAnswer(places=list(items)), self.deck.clock.now())

    def detail(self, item: Place) -> Sequence[Line | Table]:
        return why_lines(WhyWaits(run_id=item.run_id, place=item), self.deck.clock.now())

    def said(self) -> Line:
        frozen = queue_lines(QueueAnswer(admission=self._queue.admission))
        return (*super().said(), *(span for each in frozen for span in each))

    def title(self) -> str:
        return _("queue")

    def subject(self) -> Subject:
        chosen: list[Place] = self.grid.chosen
        return Subject(
            kind="run",
            names=tuple(place.run_id for place in chosen),
            allowed=allowed_now(self._queue.admission),
        )

    def open_item(self, item: Place) -> None:
        self.deck.obey(f"run {short_id(item.run_id)}")

    async def do_move(self) -> None:
        place: Place = self.grid.chosen[0]
        await move(self, place.run_id, place.title, place.priority)
        self.reload()

    def cli(self) -> str:
        return "jobdeck queue list"

    def api(self) -> str:
        return "/queue"

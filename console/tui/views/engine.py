"""The engine: what is wrong with it, how it is, and what it keeps."""

from __future__ import annotations

import asyncio
from functools import partial

from console.actions import Scope, Subject
from console.answers import Engine, RetentionPreview
from console.client import Client
from console.i18n import _
from console.presenters.doctor import findings, findings_table
from console.presenters.durations import size
from console.presenters.engine import status_table
from console.presenters.premises import findings_around
from console.presenters.retention import is_nothing, preview_table, removed_text
from console.presenters.text import Line, Span, Table, Tone, line
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.admitting import AdmittingActions, allowed_now
from console.tui.views.reading import ReadingView
from console.tui.widgets.dialogs import Question


class EngineView(ReadingView, AdmittingActions):
    """One page: findings first, then figures."""

    SCOPE = Scope.ENGINE

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self._engine: Engine | None = None

    async def load(self) -> None:
        def ask(client: Client) -> tuple[Engine, RetentionPreview]:
            return client.engine(), client.preview_retention()

        engine, kept = await self.deck.link.ask(ask)
        around = await asyncio.to_thread(self.deck.look_around)
        found = [*findings(engine, self.deck.clock.now()), *findings_around(around)]
        self._engine = engine
        self.show_text(
            [
                _heading(_("needs attention")),
                findings_table(found),
                line(""),
                _heading(_("status")),
                status_table(engine),
                line(""),
                _heading(_("retention")),
                preview_table(kept),
            ]
        )

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns(
            "engine", "vault", "channel", "source", "schedule", "host_key", "retention", "backup"
        )

    def title(self) -> str:
        return _("engine")

    def subject(self) -> Subject:
        allowed = allowed_now(self._engine.queue.admission) if self._engine else frozenset[str]()
        return Subject(kind="engine", names=("engine",), allowed=allowed)

    async def do_back_up(self) -> None:
        self.deck.say(_("the engine's data is being copied"))
        made = await self.deck.link.act(partial(Client.back_up, path=None))
        said = _("backup of {size}: {path}").format(size=size(made.size_bytes), path=made.path)
        self.deck.say(said, Tone.GOOD)
        self.reload()

    async def do_retain(self) -> None:
        found = await self.deck.link.ask(Client.preview_retention)
        if is_nothing(found):
            self.deck.say(_("nothing is to be removed"))
            return
        deed = _("remove what is kept no longer")
        told: list[Line | Table] = [
            preview_table(found),
            line(""),
            line(_("It cannot be brought back.")),
        ]
        if await self.deck.question(Question(deed, told)) is None:
            return
        removed = await self.deck.link.act(partial(Client.apply_retention, preview=found))
        self.deck.say(removed_text(removed), Tone.GOOD)
        self.reload()

    def do_channels(self) -> None:
        self.deck.go(Place("channels"))

    def cli(self) -> str:
        return "jobdeck engine status"

    def api(self) -> str:
        return "/engine"


def _heading(text: str) -> Line:
    return line(Span(text, Tone.STRONG))

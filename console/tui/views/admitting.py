"""Freezing, draining and unfreezing the engine, wherever its admission is shown."""

from __future__ import annotations

from functools import partial

from console.answers import Admission
from console.client import Client
from console.i18n import _
from console.presenters.queue import admitting_lines, admitting_word
from console.presenters.text import Tone
from console.tui.views.base import View
from console.tui.widgets.dialogs import Question


def allowed_now(admission: Admission) -> frozenset[str]:
    """What may be asked of an engine that lets runs begin so."""
    if admission.mode == "open":
        return frozenset({"freeze", "drain"})
    return frozenset({"unfreeze"})


class AdmittingActions(View):
    """The actions on whether runs may begin."""

    async def do_freeze(self) -> None:
        reason = await self._ask("freeze")
        if reason is not None:
            await self.deck.link.act(partial(Client.freeze, reason=reason))
            self._done("freeze")

    async def do_drain(self) -> None:
        reason = await self._ask("drain")
        if reason is not None:
            await self.deck.link.act(partial(Client.drain, reason=reason))
            self._done("drain")

    async def do_unfreeze(self) -> None:
        await self.deck.link.act(Client.unfreeze)
        self._done("unfreeze")

    async def _ask(self, deed: str) -> str | None:
        why = _("why (kept, and shown to everybody)")
        return await self.deck.question(
            Question(admitting_word(deed), admitting_lines(deed), prompt=why, must=True)
        )

    def _done(self, deed: str) -> None:
        self.deck.say(_("done: {deed}").format(deed=admitting_word(deed)), Tone.GOOD)
        self.reload()

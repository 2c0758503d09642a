"""One approval: what is asked, what differs from the last time, who said what."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions import Scope, Subject
from console.answers import Approval, FieldChange, Run
from console.client import Client
from console.i18n import _
from console.presenters.approvals import question_parts, since_lines
from console.presenters.results import short_id
from console.presenters.text import line
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.reading import ReadingView
from console.tui.views.voting import VotingActions, subject_of

_LOOKED_AT = 20
"""Runs of the same work among which the last one before this is looked for."""

Since = tuple[Run, Sequence[FieldChange]]
"""The last run of the same work, and in what this one is asked differently."""


class ApprovalView(ReadingView, VotingActions):
    """The argument is its id, or a beginning of it."""

    SCOPE = Scope.APPROVAL
    HELP = "approvals"

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self._approval: Approval | None = None

    async def load(self) -> None:
        def ask(client: Client) -> tuple[Approval, Since | None]:
            found = client.approval(self.place.argument)
            return found, _since(client, found.run_id)

        found, since = await self.deck.link.ask(ask)
        self._approval = found
        now = self.deck.clock.now()
        self.show_text([*question_parts(found, now), line(""), *since_lines(since, now)])

    def concerns(self, changed: Changed) -> bool:
        run = self._approval.run_id if self._approval else ""
        return changed.concerns(subject=run)

    def title(self) -> str:
        return _("approval {id}").format(id=short_id(self.place.argument))

    def subject(self) -> Subject:
        return subject_of(self.chosen_approvals())

    def chosen_approvals(self) -> Sequence[Approval]:
        return [self._approval] if self._approval else []

    def cli(self) -> str:
        return f"jobdeck approvals show {self.place.argument}"

    def api(self) -> str:
        return f"/approvals/{self.place.argument}"


def _since(client: Client, run_id: str) -> Since | None:
    """How this run differs from the last one of the same job or flow; None where there is none."""
    run = client.run(run_id)
    _kind, slash, name = run.origin.partition("/")
    if not slash:
        return None
    same = client.runs({"origin": name.rpartition("@")[0]}, limit=_LOOKED_AT)
    before = next((each for each in same if each.id < run.id and each.started_at), None)
    if before is None:
        return None
    return before, client.compare(before.id, run.id, None).definition

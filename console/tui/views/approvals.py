"""What waits for a person, and what was decided."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions import Scope, Subject
from console.answers import Approval
from console.i18n import _
from console.presenters.approvals import approvals_table
from console.presenters.text import Table
from console.tui.link import Changed
from console.tui.navigation import Place
from console.tui.views.listing import ListView
from console.tui.views.voting import VotingActions, subject_of

_MOST = 1000


class ApprovalsView(ListView, VotingActions):
    """Approvals, newest first; `state:` is asked of the engine, without it only open ones."""

    SCOPE = Scope.APPROVALS
    HELP = "approvals"
    FIELDS = ("state", "run", "mine")
    EMPTY = staticmethod(
        lambda: (
            _("nothing waits for approval"),
            _("t also shows what was decided; `:help approvals` tells what can wait for whom"),
        )
    )

    async def load(self) -> None:
        query = {name: values[-1] for name, values in self.wanted.fields.items()}
        if query.get("state") == "all":
            del query["state"]
        elif "mine" not in query:
            query.setdefault("state", "open")
        found = await self.deck.link.ask(lambda client: client.approvals(query, limit=_MOST))
        self.show_items(found, lambda each: each.id, more=len(found) == _MOST)

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns("approval")

    def present(self, items: Sequence[Approval]) -> Table:
        return approvals_table(items, self.deck.clock.now())

    def title(self) -> str:
        return _("approvals")

    def subject(self) -> Subject:
        return subject_of(self.grid.chosen)

    def chosen_approvals(self) -> Sequence[Approval]:
        return self.grid.chosen

    def open_item(self, item: Approval) -> None:
        self.deck.go(Place("approval", item.id))

    def do_decided(self) -> None:
        """Also what was decided, or only what is open again."""
        self.filter("" if "state" in self.wanted.fields else "state:all", done=True)

    def cli(self) -> str:
        return "jobdeck approvals list"

    def api(self) -> str:
        return "/approvals?state=open"

"""Voting on approvals, wherever one is chosen."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import partial

from console.actions import Subject
from console.answers import Approval
from console.client import Client
from console.i18n import _
from console.presenters.approvals import ballot_parts, standing_line
from console.presenters.results import short_id
from console.presenters.text import Tone, plain
from console.tui.views.base import View
from console.tui.widgets.ballot import BallotScreen


def subject_of(chosen: Sequence[Approval]) -> Subject:
    """Approvals as what actions are about; a vote is about one, and only where it is still open."""
    may_vote = len(chosen) == 1 and chosen[0].state == "open" and not chosen[0].refusal
    return Subject(
        kind="approval",
        names=tuple(each.id for each in chosen),
        allowed=frozenset({"vote"}) if may_vote else frozenset(),
    )


class VotingActions(View):
    """The actions of approvals."""

    def chosen_approvals(self) -> Sequence[Approval]:
        """What the actions are about."""
        raise NotImplementedError

    async def do_approve(self) -> None:
        await self._vote("approve", _("approve: {title}"))

    async def do_deny(self) -> None:
        await self._vote("deny", _("deny: {title}"))

    async def _vote(self, choice: str, deed: str) -> None:
        seen = self.chosen_approvals()[0]
        is_denied = choice == "deny"
        asked = BallotScreen(
            deed.format(title=seen.title),
            [*ballot_parts(seen, choice)],
            [] if is_denied else seen.form,
            must_say_why=is_denied or seen.reason_required,
        )
        filled = await self.deck.push_screen_wait(asked)
        if filled is None:
            return
        ballot = {
            "choice": choice,
            "comment": filled.reason,
            "form": dict(filled.form),
            # What was read on this screen; the engine refuses a vote on something else.
            "digest": seen.digest,
        }
        # One key for this vote: sent again, it never counts a second time.
        vote = partial(Client.vote, id_=seen.id, ballot=ballot, key=secrets.token_hex(16))
        now = await self.deck.link.act(vote)
        self.deck.say(plain(standing_line(now)), Tone.GOOD)
        self.reload()

    def do_run(self) -> None:
        self.deck.obey(f"run {short_id(self.chosen_approvals()[0].run_id)}")

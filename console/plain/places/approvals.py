"""Approvals: what waits for whoever is here, and their vote."""

from __future__ import annotations

import secrets
from typing import Any

from console.answers import Approval
from console.i18n import _
from console.plain.pages import SHOWN, Choice, Desk, Opener, Page, leads_to, part_of
from console.plain.reading import row_text
from console.plain.voice import Back
from console.presenters.approvals import approval_parts, approvals_table, standing_line
from console.presenters.results import short_id


def listed(start: int = 0) -> Opener:
    """Open approvals, newest first."""

    def page(desk: Desk) -> Page:
        found = desk.client.approvals({"state": "open"}, limit=start + SHOWN + 1)
        shown, has_more = part_of(found, start)
        table = approvals_table(shown, desk.clock.now())
        return Page(
            title=_("approvals"),
            entries=[
                Choice(row_text(table.columns, row), leads_to(one(each.id)))
                for each, row in zip(shown, table.rows, strict=True)
            ],
            empty=table.empty,
            first=start + 1,
            more=listed(start + SHOWN) if has_more else None,
        )

    return page


def one(id_: str) -> Opener:
    """What is asked, of whom, and every vote; voting where whoever is here may."""

    def page(desk: Desk) -> Page:
        found = desk.client.approval(id_)
        can_vote = found.state == "open" and not found.refusal
        return Page(
            title=_("approval {id}").format(id=short_id(id_)),
            parts=list(approval_parts(found, desk.clock.now())),
            choices=[
                Choice(_("approve it"), lambda desk: _vote(desk, found, "approve")),
                Choice(_("deny it"), lambda desk: _vote(desk, found, "deny")),
            ]
            if can_vote
            else [],
        )

    return page


def _vote(desk: Desk, found: Approval, choice: str) -> None:
    """Ask for what belongs to a vote, and cast it once."""
    voice, form = desk.voice, dict[str, Any]()
    if choice == "approve":
        for field in found.form:
            ask = voice.required if field.get("required") else voice.value
            if given := ask(str(field["name"])):
                form[field["name"]] = given
        comment = voice.value(_("reason, or Enter for none"))
        question = _("Approve it? A vote is never changed.")
    else:
        comment = voice.required(_("why"))
        question = _("Deny it? That ends it, whoever has approved.")
    if not voice.confirms(question):
        voice.say(_("not confirmed; nothing was changed"))
        raise Back
    ballot = {"choice": choice, "comment": comment, "form": form, "digest": found.digest}
    voice.say(standing_line(desk.client.vote(found.id, ballot, secrets.token_hex(16))))

"""Keys of hosts: those that wait first; approved or revoked one by one, by their fingerprint."""

from __future__ import annotations

from console.answers import HostKey
from console.i18n import _
from console.plain.pages import SHOWN, Choice, Desk, Opener, Page, leads_to, part_of
from console.plain.reading import row_text
from console.plain.voice import Back
from console.presenters.lists import keys_table

_PENDING, _REVOKED = "pending", "revoked"


def listed(start: int = 0) -> Opener:
    """Keys, those that wait for a decision first."""

    def page(desk: Desk) -> Page:
        found = sorted(desk.client.host_keys(), key=lambda key: key.status != _PENDING)
        shown, has_more = part_of(found, start)
        table = keys_table(shown, desk.clock.now())
        return Page(
            title=_("keys of hosts"),
            entries=[
                Choice(row_text(table.columns, row), leads_to(one(key)))
                for key, row in zip(shown, table.rows, strict=True)
            ],
            empty=table.empty,
            first=start + 1,
            more=listed(start + SHOWN) if has_more else None,
        )

    return page


def one(seen: HostKey) -> Opener:
    """A key and its fingerprint, to be compared before anything is decided."""

    def page(desk: Desk) -> Page:
        key = next((each for each in desk.client.host_keys() if each.id == seen.id), seen)
        choices = []
        if key.status == _PENDING:
            choices.append(Choice(_("approve the key"), lambda desk: _decide(desk, key, "approve")))
        if key.status != _REVOKED:
            choices.append(Choice(_("revoke the key"), lambda desk: _decide(desk, key, "revoke")))
        return Page(
            title=_("key of {host}").format(host=key.host or key.pattern or ""),
            parts=[keys_table([key], desk.clock.now())],
            choices=choices,
        )

    return page


def _decide(desk: Desk, key: HostKey, action: str) -> None:
    questions = {
        "approve": _("Is the fingerprint the host's own? Whoever approves a key vouches for it."),
        "revoke": _("Revoke it? Whoever shows it again is refused."),
    }
    desk.voice.say(key.fingerprint)
    if not desk.voice.confirms(questions[action]):
        desk.voice.say(_("not confirmed; nothing was changed"))
        raise Back
    desk.client.decide_host_keys(action, ids=[key.id])
    desk.voice.say(_("approved") if action == "approve" else _("revoked"))

"""How the vault is, as names and values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from console.answers import KeptSecret, Vault, Verdict
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.durations import clock_time, number
from console.presenters.text import Column, Line, Span, Table, Tone, line, pairs


def vault_table(vault: Vault) -> Table:
    """State, key, secrets, and every place that may keep the key; the one that does is marked."""
    return pairs(
        (_("vault"), _state(vault.state)),
        (_("key kept by"), unlocker_word(vault.unlocker)),
        (_("key"), vault.key_id),
        (_("secrets"), number(vault.secrets)),
        (_("without data key"), _old(vault.first_scheme)),
        *(
            (
                unlocker_word(unlocker.name),
                Span(f"{states.GOOD[0]} {unlocker.place}", states.GOOD[1])
                if unlocker.in_use
                else Span(f"{states.WAITING[0]} {unlocker.place}", Tone.QUIET),
            )
            for unlocker in vault.unlockers
        ),
    )


def secrets_table(kept: Sequence[KeptSecret], now: datetime) -> Table:
    """Whose secrets there are, by owner."""
    return Table(
        columns=(
            Column(_("SECRET OF")),
            Column(_("SINCE")),
            Column(_("LAST USED")),
            Column(_("USED BY"), elastic=True),
        ),
        rows=tuple(
            (
                Span(secret.owner, Tone.STRONG),
                Span(clock_time(secret.created_at, now)),
                Span(clock_time(secret.used_at, now)),
                Span(", ".join(secret.used_by)),
            )
            for secret in kept
        ),
    )


def verdict_lines(found: Verdict) -> Iterator[Line]:
    """What opens, and whose secrets do not."""
    text = ngettext("{count} secret opens", "{count} secrets open", found.good)
    yield line(text.format(count=number(found.good)))
    for count, words in (
        (found.damaged, _("damaged: {count}")),
        (found.foreign, _("sealed with another master key: {count}")),
    ):
        if count:
            yield line(Span(words.format(count=number(count)), Tone.BAD))
    for owner in found.owners:
        yield line(f"  {owner}")


def unlocker_word(name: str) -> str:
    """The engine's name of an unlocker, in the reader's language."""
    words = {
        "keyring": _("keyring"),
        "key file": _("key file"),
        "passphrase": _("passphrase"),
        "systemd credential": _("systemd credential"),
        "not opened yet": _("not opened yet"),
        "locked": _("locked; `jobdeck vault unlock` opens it"),
    }
    return words.get(name, name)


def _state(state: str) -> Span:
    words = {
        "open": (states.GOOD, _("open")),
        "closed": (states.WAITING, _("closed; opened by its first use")),
        "locked": (states.BAD, _("locked; `jobdeck vault unlock` opens it")),
    }
    (symbol, tone), word = words.get(state, (states.UNKNOWN, state))
    return Span(f"{symbol} {word}", tone)


def _old(count: int) -> Span | str:
    if not count:
        return ""
    text = _("{count}; `jobdeck vault rotate` gives them one")
    return Span(text.format(count=number(count)), Tone.WARNING)

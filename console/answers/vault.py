"""The vault: its unlockers, and whose secrets it keeps."""

from __future__ import annotations

from console.answers.base import Answer


class Unlocker(Answer, frozen=True, kw_only=True):
    """A place that may keep the master key."""

    name: str
    place: str
    in_use: bool


class Vault(Answer, frozen=True, kw_only=True):
    """How the vault is."""

    state: str
    needs_passphrase: bool
    unlocker: str
    key_id: str
    secrets: int
    first_scheme: int
    unlockers: list[Unlocker]


class SealedKey(Answer, frozen=True, kw_only=True):
    """The master key, which only its passphrase opens."""

    text: str


class KeptSecret(Answer, frozen=True, kw_only=True):
    """A document's secret: everything but the secret."""

    owner: str
    created_at: str
    used_at: str | None = None
    used_by: list[str] = []


class Verdict(Answer, frozen=True, kw_only=True):
    """Which secrets open."""

    good: int
    damaged: int
    foreign: int
    owners: list[str]

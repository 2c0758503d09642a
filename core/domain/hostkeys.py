"""Host keys: what is on record, and the one rule that judges a key that a host shows.

The record is kept elsewhere (a table, in memory while the engine runs); here are
its values and the judgement. Strongest first:

    revoked   a revoked key is refused, whoever vouches for it
    pinned    where the inventory names a fingerprint, nothing else is accepted
    approved  a person, an import or a rule accepted this key
    changed   another key is approved: a hard stop, with both fingerprints
    pending   nothing is approved: recorded, and refused until a person decides
              (or approved at once, for a host's very first key under `accept_new`)

Certificate authorities vouch for keys that are not on record; the handshake asks
for them by pattern and never reaches the rule.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

import msgspec

from core.errors import Invalid

SSH_PORT = 22

_TEXT_LENGTH_BYTES = 4


class KeyStatus(StrEnum):
    """What was decided about a key."""

    PENDING = "pending"
    APPROVED = "approved"
    REVOKED = "revoked"


class KeySource(StrEnum):
    """How a key came onto the record."""

    FIRST_USE = "first-use"
    IMPORT = "import"
    ACCEPT_NEW = "accept-new"


class KnownKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key on record for one host, or for every host that a pattern names."""

    pattern: str
    """As in OpenSSH's known_hosts: `address`, `[address]:port`, or a list with `*`, `?` and `!`.

    Without a port it means port 22; for authorities and revoked keys, any port.
    """
    public_key: str
    """`type base64`, without a comment."""
    status: KeyStatus
    authority: bool = False
    """It signs host keys; it is not a host's own key."""
    host: str = ""
    """The host's name in the inventory, where one is known."""
    source: KeySource = KeySource.FIRST_USE
    decided_by: str = ""
    decided_at: datetime | None = None
    """UTC; None while pending."""

    @property
    def key_type(self) -> str:
        return self.public_key.partition(" ")[0]

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.public_key)


class KeyVerdict(StrEnum):
    """What the record says of a key that a host has shown."""

    TRUSTED = "trusted"
    PENDING = "pending"
    """Nobody has approved it; it is recorded as waiting for approval."""
    CHANGED = "changed"
    REVOKED = "revoked"


class KeyJudgement(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and the evidence for a message."""

    verdict: KeyVerdict
    shown: str
    """Fingerprint of the key the host showed."""
    known: tuple[str, ...] = ()
    """Fingerprints that are approved for the host."""
    approved_by: str = ""


def judge(
    known: Sequence[KnownKey], public_key: str, *, pinned: str | None, accept_new: bool
) -> KeyJudgement:
    """The verdict on `public_key`; `known` are the host's own keys on record (no authorities).

    TRUSTED for a key that is not on record means: record it as approved, by rule.
    """
    shown = fingerprint(public_key)
    same = [key for key in known if key.public_key == public_key]
    approved = [key for key in known if key.status is KeyStatus.APPROVED]

    def judgement(verdict: KeyVerdict) -> KeyJudgement:
        return KeyJudgement(
            verdict=verdict,
            shown=shown,
            known=(pinned,) if pinned else tuple(key.fingerprint for key in approved),
            approved_by="the inventory"
            if pinned
            else next((key.decided_by for key in approved if key.decided_by), ""),
        )

    if any(key.status is KeyStatus.REVOKED for key in same):
        return judgement(KeyVerdict.REVOKED)
    if pinned is not None:
        return judgement(KeyVerdict.TRUSTED if shown == pinned else KeyVerdict.CHANGED)
    if any(key.status is KeyStatus.APPROVED for key in same):
        return judgement(KeyVerdict.TRUSTED)
    if approved:
        return judgement(KeyVerdict.CHANGED)
    # A key beside a pending or revoked one is not the host's first, so no rule approves it.
    first = len(same) == len(known)
    return judgement(KeyVerdict.TRUSTED if accept_new and first else KeyVerdict.PENDING)


def normalised(public_key: str) -> str:
    """`type base64` of a public key's line; Invalid when it is none.

    The type must be the one inside the key's bytes: a line cannot pass for another type.
    """
    fields = public_key.split()
    if len(fields) < 2:
        raise Invalid("a public key is written as `type base64`, such as `ssh-ed25519 AAAA…`")
    key_type, text = fields[:2]
    inner = _inner_type(key_blob(text))
    if inner != key_type:
        raise Invalid(f"the key says it is {key_type!r}, but its bytes say {inner!r}")
    return f"{key_type} {text}"


def key_blob(text: str) -> bytes:
    """The bytes of a key written in base 64; Invalid when they are none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"the key is not base 64: {error}") from error


def _inner_type(blob: bytes) -> str:
    end = _TEXT_LENGTH_BYTES + int.from_bytes(blob[:_TEXT_LENGTH_BYTES], "big")
    return blob[_TEXT_LENGTH_BYTES:end].decode("ascii", "replace")


@lru_cache(maxsize=4096)
def fingerprint(public_key: str) -> str:
    """`SHA256:…` of `type base64`, as ssh-keygen prints it."""
    digest = hashlib.sha256(key_blob(public_key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def name_on_record(address: str, port: int) -> str:
    """How a host is written on record: `address` for port 22, `[address]:port` otherwise."""
    name = address.lower()
    return name if port == SSH_PORT else f"[{name}]:{port}"


def place_on_record(name: str) -> tuple[str, int]:
    """Address and port of a host as `name_on_record` writes it."""
    if not name.startswith("["):
        return name, SSH_PORT
    address, _, port = name[1:].rpartition("]:")
    return address, int(port)


def is_exact(pattern: str) -> bool:
    """Whether a pattern is one host's name: no list, no wildcard, no negation."""
    return not set(",*?!") & set(pattern)


def covers(key: KnownKey, address: str, port: int) -> bool:
    """Whether the record `key` is about the host at `address` and `port`."""
    any_port = key.authority or key.status is KeyStatus.REVOKED
    names = {name_on_record(address, port), *([address.lower()] if any_port else [])}
    return any(_matches(key.pattern.lower(), name) for name in names)


@lru_cache(maxsize=4096)
def _matches(patterns: str, name: str) -> bool:
    """OpenSSH's rule for pattern lists: one must match, and no negated one may."""
    found = False
    for pattern in patterns.split(","):
        if _wildcard(pattern.removeprefix("!")).fullmatch(name):
            if pattern.startswith("!"):
                return False
            found = True
    return found


@lru_cache(maxsize=4096)
def _wildcard(pattern: str) -> re.Pattern[str]:
    meaning = {"*": ".*", "?": "."}
    text = "".join(meaning.get(character) or re.escape(character) for character in pattern)
    return re.compile(text, re.DOTALL)

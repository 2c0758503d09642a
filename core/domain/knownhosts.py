"""OpenSSH's known_hosts text -> records, and notices for what was left out.

Understood: plain names, `[name]:port`, lists, wildcards and negation, hashed
names, `@cert-authority` and `@revoked`. A hashed name cannot be read; it is found
by hashing the names that Jobdeck knows (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.domain.hostkeys import (
    KeySource,
    KeyStatus,
    KnownKey,
    is_exact,
    key_blob,
    name_on_record,
    normalised,
)
from core.errors import Invalid, Problem

KEY_TYPES = frozenset(
    {
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "sk-ssh-ed25519@openssh.com",
        "ssh-ed25519",
        "ssh-rsa",
    }
)
"""Types that a host may prove itself with; DSA and SSH 1 keys are not accepted any more."""

_AUTHORITY, _REVOKED = "@cert-authority", "@revoked"
_HASHED = "|1|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What a known_hosts text gives."""

    keys: tuple[KnownKey, ...]
    notices: tuple[Problem, ...]
    """Lines that were left out, each with its reason."""


def read_known_hosts(
    text: str,
    hosts: Iterable[tuple[str, str, int]],
    *,
    approved_by: str,
    at: datetime,
) -> Import:
    """Records for the keys in `text`.

    `hosts` are the known (inventory name, address, port): they name the records and
    open hashed entries. Whoever imports approves: keys arrive approved, or revoked.
    """
    known = tuple(hosts)
    host_names = {name_on_record(address, port): name for name, address, port in known}
    keys: dict[tuple[str, str, bool], KnownKey] = {}
    notices: list[Problem] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            for pattern, public_key, marker in _read_line(line, tuple(host_names)):
                authority = marker == _AUTHORITY
                keys[pattern, public_key, authority] = KnownKey(
                    pattern=pattern,
                    public_key=public_key,
                    status=KeyStatus.REVOKED if marker == _REVOKED else KeyStatus.APPROVED,
                    authority=authority,
                    host=host_names.get(pattern, ""),
                    source=KeySource.IMPORT,
                    decided_by=approved_by,
                    decided_at=at,
                )
        except Invalid as error:
            notices.append(Problem(where=f"line {number}", what=error.message, hint=error.hint))
    return Import(keys=tuple(keys.values()), notices=tuple(notices))


def _read_line(line: str, names: Sequence[str]) -> list[tuple[str, str, str]]:
    """The (pattern, public key, marker) of one line; Invalid says why it is left out."""
    fields = line.split()
    if not fields or fields[0].startswith("#"):
        return []
    marker = fields.pop(0) if fields[0].startswith("@") else ""
    if marker not in ("", _AUTHORITY, _REVOKED):
        raise Invalid(f"the marker {marker!r} is unknown")
    if len(fields) < 3:
        raise Invalid("it is not `hosts type key`")
    hosts, key_type, text = fields[:3]
    if key_type not in KEY_TYPES:
        raise Invalid(f"keys of type {key_type!r} are not accepted")
    public_key = normalised(f"{key_type} {text}")
    return [(pattern, public_key, marker) for pattern in _patterns(hosts, names)]


def _patterns(hosts: str, names: Sequence[str]) -> list[str]:
    """One pattern a host; a list with wildcards stays whole, for its negations to hold."""
    hosts = hosts.lower() if not hosts.startswith(_HASHED) else hosts
    if hosts.startswith(_HASHED):
        found = [name for name in names if _is_hash_of(hosts, name)]
        if not found:
            raise Invalid(
                "its host name is hashed and fits no host of the inventory",
                hint="add the host first, then import again",
            )
        return found
    parts = [part for part in hosts.split(",") if part]
    return parts if all(is_exact(part) for part in parts) else [hosts]


def _is_hash_of(entry: str, name: str) -> bool:
    """Whether a hashed entry, `|1|salt|HMAC-SHA1`, stands for `name`."""
    try:
        salt, digest = (key_blob(part) for part in entry.removeprefix(_HASHED).split("|"))
    except (ValueError, Invalid) as error:
        raise Invalid("its hashed host name is damaged") from error
    # SHA-1 is what the format says; it hides names here and vouches for nothing.
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)

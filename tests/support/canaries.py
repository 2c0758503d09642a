"""Secrets that occur nowhere else, and every form in which one could turn up."""

from __future__ import annotations

import base64
import json
import urllib.parse
import zlib
from collections.abc import Iterable, Mapping


def canary(name: str) -> str:
    """A text with characters that encodings change, and none that a login cannot have."""
    return f'K4n+{zlib.crc32(name.encode()):08x}/"{name}"<&>~z'


def forms(secret: str) -> dict[str, bytes]:
    """Name of a form -> the bytes that would give the secret away."""
    raw = secret.encode()
    found = {
        "text": raw,
        "utf-16": secret.encode("utf-16-le"),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "json": json.dumps(secret)[1:-1].encode(),
        "url": urllib.parse.quote(secret, safe="").encode(),
        "reversed": raw[::-1],
        "base32": base64.b32encode(raw).rstrip(b"="),
        "beginning": raw[:14],
    }
    for shift in range(3):
        # Inside a longer text each byte may fall on one of three places of a group.
        for name, encode in (("std", base64.b64encode), ("url", base64.urlsafe_b64encode)):
            body = encode(b"\0" * shift + raw)
            found[f"base64 {name} {shift}"] = body[4 if shift else 0 : len(body) // 4 * 4 - 4]
    return found


def leaks(secrets: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """`secret as form in place` for every secret that is found; empty is good."""
    return [
        f"{name} as {form} in {place}"
        for name, secret in secrets.items()
        for form, data in forms(secret).items()
        for place, content in places.items()
        if data in content
    ]


def key_lines(pem: str) -> Iterable[str]:
    """The lines of a private key that say something."""
    return [line for line in pem.splitlines() if line and not line.startswith("-----")]

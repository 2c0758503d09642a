"""Public keys that are well-formed and belong to nobody."""

from __future__ import annotations

import base64


def public_key(number: int) -> str:
    """`ssh-ed25519 base64`; the same for the same `number`."""
    parts = (b"ssh-ed25519", number.to_bytes(32, "big"))
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"

"""What an executor is given to do. Plain and serialisable: an executor may live in another process."""

from __future__ import annotations

import msgspec


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: a command line for /bin/sh, or a script with its interpreter."""

    text: str
    interpreter: str | None = None
    """None: `text` is a command line for /bin/sh."""
    args: tuple[str, ...] = ()

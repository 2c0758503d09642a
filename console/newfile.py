"""A new file of this machine for what an engine gives: whole or not there, for its owner alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from console.i18n import _
from core.errors import EnvironmentFault


def write_new(path: Path, data: Iterable[bytes]) -> int:
    """Bytes written to a file that was not there before; nothing stays of half a one."""
    try:
        # It may be confidential, and nothing is overwritten.
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise EnvironmentFault(
            _("{path} cannot be written: {reason}").format(path=path, reason=error.strerror)
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            return sum(file.write(part) for part in data)
    except BaseException:
        path.unlink(missing_ok=True)
        raise

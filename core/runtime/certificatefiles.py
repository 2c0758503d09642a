"""What the certificate files of accounts hold now."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from core.domain.access import AccountSpec
from core.plainfiles import open_plain

_MOST_BYTES = 64 * 1024
"""More than any OpenSSH certificate; a file that is none is not read to its end."""


def has_files(accounts: Mapping[str, AccountSpec]) -> bool:
    """Whether there is anything to read, which is no work for the event loop."""
    return any(spec.certificate_file for spec in accounts.values())


def certificate_files(accounts: Mapping[str, AccountSpec]) -> dict[str, str]:
    """Account -> the text of its `certificate_file`; those that cannot be read are left out.

    A login says what is wrong with such a file; who asks here only wants to know its last day.
    """
    found: dict[str, str] = {}
    for name, spec in accounts.items():
        if (path := spec.certificate_file) is not None:
            with suppress(OSError, ValueError), open_plain(Path(path).expanduser()) as file:
                found[name] = file.read(_MOST_BYTES).decode("ascii")
    return found

"""Accounts whose last day is near or past. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from types import MappingProxyType

from core.domain.access import AccountSpec
from core.errors import Problem

SOON = timedelta(days=14)


def expiring(
    accounts: Mapping[str, AccountSpec],
    today: date,
    files: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Problem]:
    """What to say of each, in the order of their last days. It refuses nothing: the service may
    judge otherwise. `files`: account -> what its `certificate_file` holds.
    """
    dated = [
        (last, name)
        for name, spec in accounts.items()
        if (last := spec.last_day_with(files[name]) if name in files else spec.last_day)
    ]
    for last, name in sorted(dated):
        days = (last - today).days
        if last < today:
            what = f"its last day was {last}"
        elif last - today <= SOON:
            what = f"its last day is {last}: " + ("today" if not days else f"in {days} days")
        else:
            return
        hint = "renew what proves it, and `expires`"
        yield Problem(where=f"account {name}", what=what, hint=hint)

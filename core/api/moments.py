"""Points in time as people write them in a query: a moment, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from core.errors import Invalid, Problem

_AGO = re.compile(r"(?P<count>[0-9]{1,9})(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since(text: str, now: datetime) -> datetime:
    """The moment, in UTC, that `text` names: ISO 8601, or `30m`, `2h`, `3d`, `1w` before `now`.

    A time without a zone is UTC. Raises Invalid for anything else.
    """
    try:
        if found := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[found["unit"]]: int(found["count"])})
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            "the time cannot be read",
            [
                Problem(
                    where="since",
                    what="must be a time in ISO 8601 or a time ago",
                    hint="for example 2026-01-31T09:30:00Z, 2h or 3d",
                )
            ],
        ) from None

"""Moments as people and programs write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(3000, 1, 1, tzinfo=UTC)


def _check_moment(moment: datetime) -> datetime:
    """ValueError where time zones and intervals could lead out of the calendar."""
    if not _FIRST <= moment < _END:
        raise ValueError("must lie in the years 1970 to 2999")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_check_moment)]
"""A moment with its offset from UTC, far enough from both ends of the calendar."""

"""What follows from an error of a database or a driver; `drivers` has each one's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from core.domain.run import TargetCode


class Kind(Enum):
    """What follows from a failure."""

    AUTHENTICATION = auto()
    UNREACHABLE = auto()
    BUSY = auto()
    """The server takes no further connection now."""
    NO_DATABASE = auto()
    DENIED = auto()
    """The account may not do this."""
    DUPLICATE = auto()
    """A row with this key exists."""
    REFUSED = auto()
    """Any other no to a statement."""
    CONFLICT = auto()
    """Deadlock, serialization, a lock that was not given: the same may go well the next time."""
    INTERRUPTED = auto()
    """The statement was ended by us, by its time limit, or by somebody at the database."""
    LOST = auto()
    """The connection broke."""


CODE_OF: Mapping[Kind, TargetCode] = {
    Kind.AUTHENTICATION: TargetCode.AUTHENTICATION_FAILURE,
    Kind.UNREACHABLE: TargetCode.CONNECTION_FAILURE,
    Kind.BUSY: TargetCode.CONNECTION_FAILURE,
    Kind.NO_DATABASE: TargetCode.INVALID_OPTIONS,
    Kind.DENIED: TargetCode.UNAUTHORIZED,
    Kind.LOST: TargetCode.CONNECTION_LOST,
}
"""Any other: the statement failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One error, understood."""

    kind: Kind
    words: str
    """The database's own, without what was sent."""
    position: int | None = None
    """Where in the text as it was sent, from 0."""

"""Health of hosts: from looks in a row to a state that does not flutter. Pure."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from core.domain.inventory import Protocol
from core.domain.tasks import Program
from core.domain.windows import powershell


class Health(StrEnum):
    """Whether a host can be reached."""

    UP = "up"
    DOWN = "down"


LOOKS: dict[Health, int] = {Health.DOWN: 3, Health.UP: 2}
"""Looks in a row that it takes to become so: one lost packet is no outage, one answer no repair."""


def knock(protocol: Protocol) -> Program:
    """The program of a look: a shell that ends well has been reached."""
    return powershell("exit 0") if protocol is Protocol.WINRM else Program(text=":")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a host stands after its latest look."""

    state: Health
    since: str
    """UTC, ISO 8601: when it became so."""
    checked_at: str
    against: int = 0
    """Looks in a row that say otherwise; the state changes when there are enough of them."""
    message: str = ""
    """Why the latest look failed; "" where it did not."""


def after_look(before: Standing | None, *, at: str, failure: str) -> Standing:
    """How a host stands after a look at `at`; `failure`: why it failed, "" where it did not.

    The first look decides at once.
    """
    seen = Health.DOWN if failure else Health.UP
    if before is None:
        return Standing(state=seen, since=at, checked_at=at, message=failure)
    if seen is before.state:
        return msgspec.structs.replace(before, checked_at=at, against=0, message=failure)
    against = before.against + 1
    if against >= LOOKS[seen]:
        return Standing(state=seen, since=at, checked_at=at, message=failure)
    return msgspec.structs.replace(before, checked_at=at, against=against, message=failure)

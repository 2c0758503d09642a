"""What is observed on hosts and said of them."""

from __future__ import annotations

from typing import Any

from console.answers.base import Answer
from console.answers.documents import FieldChange


class Gathered(Answer, frozen=True, kw_only=True):
    """How a host answered when it was asked for its facts; state success: they are on record."""

    host: str
    state: str
    code: str | None = None
    message: str = ""
    facts: dict[str, Any] = {}
    changes: list[FieldChange] = []


class FactsSpan(Answer, frozen=True, kw_only=True):
    """A time in which no lasting fact of a host changed."""

    first_at: str
    last_at: str
    changes: list[FieldChange] = []


class HostFacts(Answer, frozen=True, kw_only=True):
    """What is known of a host; `at` None: nothing was ever gathered."""

    host: str
    at: str | None = None
    facts: dict[str, Any] = {}
    history: list[FactsSpan] = []


class Fact(Answer, frozen=True, kw_only=True):
    """A fact that is gathered."""

    name: str
    kind: str
    about: str = ""
    passing: bool = False


class HostHealth(Answer, frozen=True, kw_only=True):
    """Whether a host can be reached: up or down."""

    state: str
    since: str = ""
    checked_at: str = ""
    message: str = ""


class HostMaintenance(Answer, frozen=True, kw_only=True):
    """A time in which a host takes part in no run that does not ask for it."""

    at: str
    until: str | None = None
    actor: str = ""
    reason: str = ""


class HostState(Answer, frozen=True, kw_only=True):
    """What is to be said of a host."""

    host: str
    health: HostHealth | None = None
    maintenance: HostMaintenance | None = None
    vanished_at: str | None = None
    source: str | None = None


class HostSample(Answer, frozen=True, kw_only=True):
    """What is another at every look: load, free memory, free space."""

    at: str
    facts: dict[str, Any] = {}

"""What an action is: a value that every console reads, and nothing that any of them runs.

An action has an id (`runs.stop`: its scope and its name), keys, a title and a sentence of help, a
rule that says when it makes sense, and how the command line and the API would do the same. Which
code carries it out is each console's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Scope(StrEnum):
    """Where an action is at hand: the name of a view, or one of the first three."""

    EVERYWHERE = "everywhere"
    LIST = "list"
    """In anything that has rows."""
    TEXT = "text"
    """In anything that is read line by line."""
    PULSE = "pulse"
    RUNS = "runs"
    RUN = "run"
    HOSTS = "hosts"
    """The hosts of one run."""
    GROUPS = "groups"
    COMPARISON = "comparison"
    """Two runs beside each other."""
    OUTPUT = "output"
    SEARCH = "search"
    INVENTORY = "inventory"
    LIBRARY = "library"
    DOCUMENT = "document"
    EDIT = "edit"
    """One document while it is written."""
    FORM = "form"
    """In anything whose fields are filled in."""
    LAUNCH = "launch"
    SCHEDULES = "schedules"
    SCHEDULE = "schedule"
    """One schedule: its slots to come and its ledger."""
    APPROVALS = "approvals"
    APPROVAL = "approval"
    QUEUE = "queue"
    EVENTS = "events"
    ENGINE = "engine"
    CHANNELS = "channels"
    SETTINGS = "settings"
    HELP = "help"
    TOUR = "tour"


TEXTS = frozenset({Scope.OUTPUT, Scope.APPROVAL, Scope.ENGINE, Scope.HELP})
"""Views that are only read: they have no rows, so the actions of lists are never at hand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an action would be about: the thing under the cursor, or those that are marked."""

    kind: str = ""
    """`run`, `host`, `schedule` …; "" where there is nothing."""
    names: tuple[str, ...] = ()
    """What the command line and the API call them; the first one is under the cursor."""
    state: str = ""
    """Of all of them; "" where they differ."""
    allowed: frozenset[str] = frozenset()
    """What the engine says may be asked of all of them now."""
    environments: frozenset[str] = frozenset()
    """Environments that they touch."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Further values that templates fill in, such as a step's name."""

    @property
    def name(self) -> str:
        return self.names[0] if self.names else ""


NOTHING = Subject()

When = Callable[[Subject], bool]


def always(_subject: Subject) -> bool:
    return True


def something(subject: Subject) -> bool:
    """Where the cursor stands on something."""
    return bool(subject.names)


def one(subject: Subject) -> bool:
    """Where exactly one thing is meant."""
    return len(subject.names) == 1


def two(subject: Subject) -> bool:
    return len(subject.names) == 2


def may(*asked: str) -> When:
    """Where the engine allows one of these now."""
    return lambda subject: bool(subject.names) and not subject.allowed.isdisjoint(asked)


def engine_may(*asked: str) -> When:
    """Where one of these may be asked of the engine itself, whatever the cursor stands on."""
    return lambda subject: not subject.allowed.isdisjoint(asked)


def allows(asked: str) -> When:
    """Where this is allowed now, also of something that has no name yet."""
    return lambda subject: asked in subject.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of the API; path and body are filled in from the subject."""

    method: str
    path: str
    """Below /api/v1: `/runs/{name}/actions`."""
    body: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that a person can do."""

    id: str
    """`SCOPE.NAME`; what a key map names, and what never changes."""
    title: str
    """A verb and its object, as a menu says it."""
    help: str
    """One sentence: what happens."""
    keys: tuple[str, ...] = ()
    """The first one is shown; a person's key map replaces all of them."""
    when: When = always
    changes: bool = False
    """Whether it changes anything but this console: absent in read-only environments."""
    dangerous: bool = False
    """Whether its consequence is told, and a person asked, before it happens."""
    shown: bool = True
    """Whether a footer names it; keys that hands know anyway are left out."""
    cli: str = ""
    """The command that does the same: `jobdeck runs stop {name}`."""
    call: Call | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.id.partition(".")[0])

    @property
    def name(self) -> str:
        """Without its scope."""
        return self.id.partition(".")[2]

"""What a step that carries files takes, from where, and where to: for people to read.

As the step says it: places for values (`${NAME}`) stay places, so no value is in it.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from core.domain.values import Value


class From(StrEnum):
    """Where files come from."""

    ENGINE = "engine"
    """The engine's machine."""
    CONTENT = "content"
    """What the engine keeps for jobs."""
    TEXT = "text"
    """The step itself holds it."""
    TARGET = "target"
    """Each target."""
    HOSTS = "hosts"
    """Other hosts."""
    WEB = "web"
    """Web servers."""


class Taken(Value):
    """Files that come from one kind of place."""

    source: From
    files: tuple[str, ...] = Field((), description="paths, names or addresses; a text has none")
    hosts: str = Field("", description="target expression of the hosts that have them")


class Carried(Value):
    """What is taken, and its place."""

    taken: tuple[Taken, ...]
    to: str = Field(description="a folder ends with /; of `target`: below it, one for each host")

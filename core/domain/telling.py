"""Who is told of one node of a run: how it ended, and that it takes long. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.domain.values import ChannelName, Value

_DAY_S = 86400
MOST_REMINDERS = 100
"""Of one attempt; whoever has not looked by then is not helped by more."""

Seconds = Annotated[float, Field(gt=0, le=30 * _DAY_S)]
Channels = Annotated[tuple[ChannelName, ...], Field(max_length=20)]


class Moment(NamedTuple):
    """A time at which people are told that a node still goes on."""

    after_s: float
    """Seconds after the beginning of its attempt."""
    name: str
    """Of the moment, among those of the attempt: nobody is told of one twice."""
    channels: tuple[str, ...]


class Telling(Value):
    """Channels that are told of a node."""

    channels: Channels = Field(min_length=1)
    on: tuple[RunState, ...] = Field(
        (
            RunState.FAILED,
            RunState.PARTIALLY_SUCCEEDED,
            RunState.TIMED_OUT,
            RunState.REJECTED,
            RunState.ABNORMAL,
        ),
        description="how it must have ended, after its last automatic retry",
    )
    remind_after_s: Seconds | None = Field(
        None, description="seconds after which they are told that it still goes on"
    )
    remind_every_s: Annotated[float, Field(ge=1, le=30 * _DAY_S)] | None = Field(
        None, description="and again each time so many seconds have passed; at most 100 times"
    )
    escalate_after_s: Seconds | None = Field(
        None, description="seconds after which `escalate_to` are told that it still goes on"
    )
    escalate_to: Channels = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if live := [state for state in self.on if state not in TERMINAL_RUN_STATES]:
            raise ValueError(f"no node ends as {live[0]}; try failed or succeeded")
        if self.remind_every_s is not None and self.remind_after_s is None:
            raise ValueError("`remind_every_s` belongs to `remind_after_s`; give both")
        if (self.escalate_after_s is None) == bool(self.escalate_to):
            raise ValueError("`escalate_after_s` and `escalate_to` belong together; give both")
        return self

    @property
    def named(self) -> tuple[str, ...]:
        """All channels, each once."""
        return tuple(dict.fromkeys((*self.channels, *self.escalate_to)))

    def moments(self) -> Iterator[Moment]:
        """When people are told that the node still goes on, in order."""
        return heapq.merge(islice(self._reminders(), MOST_REMINDERS), self._escalations())

    def _reminders(self) -> Iterator[Moment]:
        after_s, number = self.remind_after_s, 1
        while after_s is not None:
            yield Moment(after_s, f"reminder/{number}", self.channels)
            if self.remind_every_s is None:
                return
            after_s, number = after_s + self.remind_every_s, number + 1

    def _escalations(self) -> Iterator[Moment]:
        if self.escalate_after_s is not None:
            yield Moment(self.escalate_after_s, "escalation", self.escalate_to)

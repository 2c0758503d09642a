"""Who decides on an approval, and by when: what every place that asks for one may say.

Apart from `approval`, as rules for dangerous commands say it too, and know no form.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core.domain.values import ChannelName, Name, Value

ENGINE = "engine"
"""The engine's own name as an actor; other actors that are no person have a slash in theirs."""


@dataclass(frozen=True, slots=True)
class Voter:
    """Who votes."""

    name: str
    roles: frozenset[str] = frozenset()

    @property
    def is_person(self) -> bool:
        return self.name != ENGINE and "/" not in self.name


class OnTimeout(StrEnum):
    """What it means that nobody decided in time."""

    DENY = "deny"
    APPROVE = "approve"
    ESCALATE = "escalate"
    """One of other people may decide alone, in as much time again; then it has timed out."""


class Approvers(Value):
    """People, by name or by role."""

    users: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = Field(
        (), max_length=100, description="names, as the journal shows them"
    )
    roles: tuple[Name, ...] = Field((), max_length=100)

    def __bool__(self) -> bool:
        return bool(self.users or self.roles)

    def include(self, voter: Voter) -> bool:
        """Whether they name the voter, by name or by role."""
        return voter.name in self.users or not voter.roles.isdisjoint(self.roles)

    def __str__(self) -> str:
        return ", ".join([*self.users, *(f"role {role}" for role in self.roles)])


class ApprovalRules(Value):
    """Who decides, and by when."""

    approvers: Approvers = Field(
        default_factory=Approvers, description="empty: every person but whoever asked"
    )
    required: Literal["any", "all"] | Annotated[int, Field(ge=1, le=100)] = Field(
        "any",
        description="approvals that it takes: one, a number, or all: every user that is named, and"
        " somebody of every role",
    )
    forbid_requester: bool = Field(True, description="whoever asked may not approve it")
    reason_required: bool = Field(
        False, description="also of who approves; who denies always gives one"
    )
    channels: tuple[ChannelName, ...] = Field(
        (), max_length=20, description="who is told that it waits"
    )
    timeout_s: float | None = Field(None, gt=0, le=365 * 86400, description="none: it waits")
    on_timeout: OnTimeout = OnTimeout.DENY
    escalate_to: Approvers = Field(
        default_factory=Approvers,
        description="with `on_timeout: escalate`: one of them may then decide alone",
    )

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        users, roles = self.approvers.users, self.approvers.roles
        if self.required == "all" and not self.approvers:
            raise ValueError("`required: all` needs approvers")
        if isinstance(self.required, int) and users and not roles and self.required > len(users):
            raise ValueError(f"{self.required} approvals of {len(users)} users cannot be had")
        if (self.on_timeout is OnTimeout.ESCALATE) != bool(self.escalate_to):
            raise ValueError("`on_timeout: escalate` and `escalate_to` belong together; give both")
        if self.on_timeout is not OnTimeout.DENY and self.timeout_s is None:
            raise ValueError("`on_timeout` belongs to `timeout_s`; give both")
        return self

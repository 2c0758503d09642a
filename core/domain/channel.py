"""Channels: where people are told, of what, and how often."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from core.domain.patterns import CLOCK_TIME, MAIL_ADDRESS, SERVER_NAME, URL
from core.domain.schedule import check_zone
from core.domain.values import ChannelName, Lines, Secret, Value

MailAddress = Annotated[str, StringConstraints(pattern=MAIL_ADDRESS, max_length=254)]
ClockTime = Annotated[str, StringConstraints(pattern=CLOCK_TIME)]

NamePattern = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A name, or one with `*` and `?` in it."""


class Topic(StrEnum):
    """What there is to be told."""

    RUN_ENDED = "run-ended"
    APPROVAL_WAITING = "approval-waiting"
    APPROVAL_DECIDED = "approval-decided"
    SCHEDULE_MISSED = "schedule-missed"
    """A slot was missed or refused."""
    HOST_HEALTH = "host-health"
    HOST_KEY = "host-key"
    """A key waits for approval, or was decided on."""
    SOURCE_FAILED = "source-failed"
    """An inventory source does not answer."""


class Want(Value):
    """What a channel wants to be told."""

    topic: Topic
    states: tuple[str, ...] = Field(
        (), max_length=20, description="only these: failed, timed_out, down …; empty: all"
    )
    names: tuple[NamePattern, ...] = Field(
        (),
        max_length=100,
        description="only of these jobs, schedules, hosts or sources; * and ? stand for others",
    )
    urgent: bool = Field(False, description="also in quiet hours, and before everything else")


class Webhook(Value):
    """An address that takes a signed POST, as the specification Standard Webhooks has it."""

    url: Annotated[str, StringConstraints(pattern=URL, max_length=4096)]
    secret: Secret | None = Field(
        None, description="signs each message (HMAC-SHA256): the receiver knows it too"
    )
    ca: Lines | None = Field(
        None, max_length=1 << 18, description="PEM: trust these authorities, and no others"
    )


class Email(Value):
    """Mail through a server of yours."""

    server: Annotated[str, StringConstraints(pattern=SERVER_NAME, max_length=253)]
    port: int | None = Field(None, ge=1, le=65535, description="empty: 587, 465 or 25")
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = Field(None, max_length=254)
    password: Secret | None = None
    sender: MailAddress
    to: tuple[MailAddress, ...] = Field(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _logs_in_whole(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("`user` and `password` belong together; give both or none")
        if self.password is not None and self.security == "none":
            raise ValueError("a password over an open line can be read; use starttls or tls")
        return self

    @property
    def port_used(self) -> int:
        return self.port or {"starttls": 587, "tls": 465, "none": 25}[self.security]


class Rate(Value):
    """How many messages a channel bears; what is more waits, and goes as one."""

    messages: int = Field(20, ge=1, le=1000)
    per_s: float = Field(60, ge=1, le=86400)


class Quiet(Value):
    """Hours in which only what is urgent is sent; the rest waits for their end."""

    begins: ClockTime
    ends: ClockTime = Field(description="on the next day where it is before `begins`")
    time_zone: Annotated[str, AfterValidator(check_zone)] = "UTC"

    @model_validator(mode="after")
    def _are_hours(self) -> Self:
        if self.begins == self.ends:
            raise ValueError("`begins` and `ends` are the same; that is no time, or all of it")
        return self


class Escalation(Value):
    """Who is told too when a message cannot be delivered."""

    to: ChannelName = Field(description="another channel")
    after_s: float = Field(300, ge=1, le=7 * 86400)


class ChannelSpec(Value):
    """One way to tell people, what goes there, and how much of it."""

    description: str = ""
    enabled: bool = True
    webhook: Webhook | None = None
    email: Email | None = None
    service: Secret | None = Field(
        None,
        description="address of a chat or of this desktop, as Apprise writes it: slack://…,"
        " feishu://…, dingtalk://…, wecombot://…; it holds tokens, so it is kept as a secret",
    )
    wants: tuple[Want, ...] = Field(
        (), max_length=100, description="what is told here; none: only what names the channel"
    )
    rate: Rate = Rate()
    quiet: Quiet | None = None
    escalate: Escalation | None = None
    give_up_s: float = Field(
        86400,
        ge=60,
        le=30 * 86400,
        description="a message that cannot be delivered is tried so long",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.webhook, self.email, self.service)) != 1:
            raise ValueError("give `webhook`, `email` or `service`, one of the three")
        if isinstance(self.service, SecretStr):
            _check_service(self.service.get_secret_value())
        return self


_UNSIGNED = frozenset({"json", "jsons", "xml", "xmls", "form", "forms"})
"""Plain requests to any address: they go past the engine's own rules of where requests may go."""


def _check_service(address: str) -> None:
    """ValueError where it cannot be a service; it says nothing of the address itself."""
    scheme, mark, _ = address.partition("://")
    if not mark or not re.fullmatch(r"[A-Za-z0-9]+", scheme):
        raise ValueError("`service` begins with the name of a service and ://, such as slack://")
    if scheme.lower() in _UNSIGNED:
        raise ValueError("`webhook` does that, and signs it; `service` is for others")

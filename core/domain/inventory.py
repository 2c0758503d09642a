"""Hosts and groups: the machines and how they are named together."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from core.domain.patterns import FINGERPRINT, FOLDER
from core.domain.values import Env, Name, Value


class Protocol(StrEnum):
    """How a host is reached."""

    SSH = "ssh"
    LOCAL = "local"


class HostSpec(Value):
    """One machine. The document's name is what people call it."""

    address: str = Field("", max_length=255, description="host name or IP; empty: the host's name")
    port: int = Field(22, ge=1, le=65535)
    protocol: Protocol = Protocol.SSH
    account: Name | None = Field(None, description="account used where the run names none")
    environment: Name | None = Field(None, description="environment this host belongs to")
    jump: tuple[Name, ...] = Field((), max_length=8, description="hosts to pass, nearest first")
    host_key: str | None = Field(
        None,
        pattern=FINGERPRINT,
        description="pinned fingerprint of the host's key; nothing else is then accepted",
    )
    spool: str | None = Field(
        None,
        max_length=1024,
        pattern=FOLDER,
        description="folder there that keeps what runs; empty: .jobdeck in the account's home",
    )
    health_s: float | None = Field(
        None, ge=5, le=86400, description="seconds between looks whether it can be reached"
    )
    facts_s: float | None = Field(
        None, ge=60, le=30 * 86400, description="seconds between gatherings of facts and samples"
    )
    variables: Env = Field(default_factory=dict, description="reach scripts as environment")


class GroupSpec(Value):
    """A named set of hosts: a list, a target expression, or both (their union)."""

    hosts: tuple[Name, ...] = ()
    expression: str | None = Field(
        None, description="target expression, see `jobdeck help targets`"
    )
    variables: Env = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.hosts and self.expression is None:
            raise ValueError("a group needs `hosts` or an `expression`")
        return self

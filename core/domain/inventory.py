"""Hosts and groups: the machines and how they are named together."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from core.domain.patterns import FINGERPRINT, FOLDER
from core.domain.queueing import MaxRuns
from core.domain.values import (
    AccountName,
    Env,
    EnvironmentName,
    HostName,
    TargetText,
    Value,
)
from core.domain.windows import WinrmOptions


class Protocol(StrEnum):
    """How a host is reached."""

    SSH = "ssh"
    WINRM = "winrm"
    LOCAL = "local"


class HostSpec(Value):
    """One machine. The document's name is what people call it."""

    address: str = Field("", max_length=255, description="host name or IP; empty: the host's name")
    port: int = Field(
        22, ge=1, le=65535, description="empty: 22, behind WinRM 5986, or 5985 without TLS"
    )
    protocol: Protocol = Protocol.SSH
    account: AccountName | None = Field(None, description="account used where the run names none")
    environment: EnvironmentName | None = Field(
        None, description="environment this host belongs to"
    )
    jump: tuple[HostName, ...] = Field((), max_length=8, description="hosts to pass, nearest first")
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
    winrm: WinrmOptions | None = Field(None, description="how a Windows host is entered")
    health_s: float | None = Field(
        None, ge=5, le=86400, description="seconds between looks whether it can be reached"
    )
    facts_s: float | None = Field(
        None, ge=60, le=30 * 86400, description="seconds between gatherings of facts and samples"
    )
    max_runs: MaxRuns | None = Field(None, description="runs on it at the same time; others wait")
    variables: Env = Field(default_factory=dict, description="reach scripts as environment")

    @property
    def shell(self) -> str:
        """What reads command lines there, unless a step says otherwise."""
        if self.protocol is Protocol.WINRM:
            return (self.winrm or WinrmOptions()).shell.value
        return "sh"

    @model_validator(mode="before")
    @classmethod
    def _usual_port(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("protocol") != Protocol.WINRM:
            return given
        options = given.get("winrm")
        tls = options.get("tls", True) if isinstance(options, dict) else True
        return {"port": 5986 if tls else 5985, **given}

    @model_validator(mode="after")
    def _fits_its_protocol(self) -> Self:
        is_windows = self.protocol is Protocol.WINRM
        if self.spool and self.spool.startswith("/") == is_windows:
            whole = "C:\\FOLDER" if is_windows else "/FOLDER"
            raise ValueError(f"`spool` must be the whole path of a folder there, as {whole}")
        if not is_windows:
            if self.winrm is not None:
                raise ValueError("`winrm` belongs to hosts with `protocol: winrm`")
            return self
        if self.jump or self.host_key:
            raise ValueError(
                "`jump` and `host_key` belong to SSH; WinRM checks a certificate (`winrm.ca`,"
                " `winrm.certificate`)"
            )
        return self


class GroupSpec(Value):
    """A named set of hosts: a list, a target expression, or both (their union)."""

    hosts: tuple[HostName, ...] = ()
    expression: TargetText | None = Field(
        None, description="target expression, see `jobdeck help targets`"
    )
    variables: Env = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.hosts and self.expression is None:
            raise ValueError("a group needs `hosts` or an `expression`")
        return self

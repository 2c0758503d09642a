"""Inventory sources as people define them: where hosts come from, and how the answer is read."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from core.domain.certificates import Authorities
from core.domain.patterns import FILE, URL
from core.domain.values import AccountName, Labels, Lines, Secret, Value


class SourceFormat(StrEnum):
    """How an answer is read."""

    DOCUMENTS = "documents"
    """Host documents, as YAML or JSON."""
    ANSIBLE = "ansible"
    """Ansible's dynamic inventory (JSON), or its INI or YAML form."""
    LIST = "list"
    """A host a line: NAME [ADDRESS]."""


class InventorySourceSpec(Value):
    """Where hosts come from by themselves: a file, a command or a web address."""

    file: str | None = Field(None, max_length=4096, pattern=FILE, description="whole path")
    command: Lines | None = Field(
        None,
        min_length=1,
        max_length=65536,
        description="given to /bin/sh on the engine's machine; what it prints is read",
    )
    url: str | None = Field(
        None, max_length=4096, pattern=URL, description="http:// or https://: its answer is read"
    )
    token: Secret | None = Field(None, description="sent to `url` as a bearer token")
    ca: Authorities | None = Field(
        None, max_length=1 << 18, description="PEM: trust these authorities for `url`, no others"
    )
    format: SourceFormat = SourceFormat.DOCUMENTS
    every_s: float | None = Field(
        None,
        ge=30,
        le=30 * 86400,
        description="seconds between refreshes; empty: when asked, and when a file changes",
    )
    automatic: bool = Field(
        False, description="carry out what differs; else it waits for `inventory refresh --apply`"
    )
    timeout_s: float = Field(60, gt=0, le=3600)
    account: AccountName | None = Field(None, description="for hosts that the source gives none")
    labels: Labels = Field(default_factory=dict, description="added to every host")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(each is not None for each in (self.file, self.command, self.url)) != 1:
            raise ValueError("give `file`, `command` or `url`, one of the three")
        if self.url is None and (self.token is not None or self.ca is not None):
            raise ValueError("`token` and `ca` belong to `url`")
        return self

"""Accounts and environments: who we are on a host, and what is allowed there."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import Field, field_validator, model_validator

from core.domain import validity
from core.domain.addresses import NetworkText
from core.domain.certificates import Certificates
from core.domain.patterns import USER_NAME
from core.domain.queueing import MaxLoadPerCpu, MaxRuns, MinFreeMemMb
from core.domain.rolling_expression import RollingExpression
from core.domain.values import Day, Env, Regex, Secret, Value


class BecomeMethod(StrEnum):
    SUDO = "sudo"
    SU = "su"


class Become(Value):
    """How a login turns into another user on the host."""

    method: BecomeMethod = BecomeMethod.SUDO
    user: str = Field("root", min_length=1, max_length=64, pattern=USER_NAME)
    password: Secret | None = None


_OF_A_USER = ("agent", "key", "key_file", "password", "become")
"""Fields of an account that prove nothing without a user's name."""


class AccountSpec(Value):
    """A login identity and everything that may prove it, tried in the order of the fields.

    Without a `user` it is a service's: a token or a certificate that says by itself whose it is.
    """

    user: str | None = Field(
        None, min_length=1, max_length=64, pattern=USER_NAME, description="left out: see `token`"
    )
    agent: bool = Field(False, description="offer the keys of the SSH agent of the engine's user")
    key: Secret | None = Field(None, description="text of a private key")
    key_file: str | None = Field(None, description="path of a private key on the engine's machine")
    passphrase: Secret | None = Field(None, description="of `key` or `key_file`")
    certificate: str | None = Field(None, description="OpenSSH certificate for the key, one line")
    certificate_file: str | None = None
    password: Secret | None = Field(None, description="also answers keyboard-interactive prompts")
    become: Become | None = None
    token: Secret | None = Field(
        None, description="of a service that asks for no user: an API key or an access token"
    )
    tls_certificate: Certificates | None = Field(
        None,
        max_length=1 << 18,
        description="PEM: the TLS client certificate, and what leads from it to its authority",
    )
    tls_key: Secret | None = Field(None, description="PEM: the key of `tls_certificate`")
    tls_passphrase: Secret | None = Field(None, description="of `tls_key`")
    expires: Day | None = Field(
        None,
        description="the last day on which all of this is valid: 2027-03-31; certificates say"
        " theirs themselves",
    )
    max_runs: MaxRuns | None = Field(
        None, description="runs that log in with it at the same time; others wait"
    )

    @model_validator(mode="after")
    def _proofs_fit_together(self) -> Self:
        if self.key is not None and self.key_file is not None:
            raise ValueError("give `key` or `key_file`, not both")
        if self.certificate is not None and self.certificate_file is not None:
            raise ValueError("give `certificate` or `certificate_file`, not both")
        has_key = self.key is not None or self.key_file is not None
        if not has_key and (self.passphrase or self.certificate or self.certificate_file):
            raise ValueError("`passphrase` and `certificate` belong to a `key` or a `key_file`")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("`tls_certificate` and `tls_key` belong together; give both")
        if self.tls_passphrase is not None and self.tls_key is None:
            raise ValueError("`tls_passphrase` belongs to a `tls_key`")
        return self

    @field_validator("certificate")
    @classmethod
    def _can_be_read(cls, line: str | None) -> str | None:
        if line is not None:
            validity.ssh_end(line)
        return line

    @property
    def last_day(self) -> date | None:
        """The first of the days on which something of it ends; None: none is known.

        What `certificate_file` holds is not part of it: see `last_day_with`.
        """
        return validity.last_day(self.expires, self.tls_certificate, self.certificate)

    def last_day_with(self, certificate: str) -> date | None:
        """The same, with the text of `certificate_file`; without it where it cannot be read."""
        try:
            return validity.last_day(self.expires, self.tls_certificate, certificate)
        except ValueError:
            return self.last_day

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if self.user is not None:
            return self
        if self.token is None and self.tls_certificate is None:
            raise ValueError("give a `user`; only a `token` or a `tls_certificate` needs none")
        if missing := [name for name in _OF_A_USER if getattr(self, name)]:
            raise ValueError(f"`{missing[0]}` belongs to a `user`; give one")
        return self


class HostKeyPolicy(StrEnum):
    """What happens when a host shows a key that nobody has approved."""

    ASK = "ask"
    """The key becomes a pending approval and the connection is refused."""
    ACCEPT_NEW = "accept-new"
    """A first key is approved by itself (laboratories); a changed key still stops."""


class EnvironmentSpec(Value):
    """Named variables and guard rails for the hosts that belong to it."""

    description: str = ""
    variables: Env = Field(default_factory=dict)
    read_only: bool = Field(False, description="nothing may run on its hosts")
    confirm: bool = Field(False, description="a start must state the number of hosts it touches")
    host_cap: int | None = Field(None, ge=1, description="most hosts one run may touch")
    change_required: bool = Field(False, description="a start must name a change number")
    change_pattern: Regex | None = Field(
        None, max_length=500, description="the whole change number must match, such as CHG-[0-9]+"
    )
    batch: RollingExpression | None = Field(
        None, description="rolling expression of rolling runs that give none of their own"
    )
    host_keys: HostKeyPolicy = HostKeyPolicy.ASK
    http_networks: tuple[NetworkText, ...] = Field(
        (), description="the only networks that HTTP requests and SQL for its hosts may reach"
    )
    max_runs: MaxRuns | None = Field(
        None, description="runs on its hosts at the same time; others wait"
    )
    max_runs_per_host: MaxRuns | None = Field(
        None, description="runs on any one of its hosts at the same time; others wait"
    )
    max_load_per_cpu: MaxLoadPerCpu | None = Field(
        None, description="runs wait while one of their hosts in it is busier, as its facts say"
    )
    min_free_mem_mb: MinFreeMemMb | None = Field(
        None, description="runs wait while one of their hosts in it has less, as its facts say"
    )

    @model_validator(mode="after")
    def _pattern_is_used(self) -> Self:
        if self.change_pattern is not None and not self.change_required:
            raise ValueError("`change_pattern` belongs to `change_required: true`")
        return self

"""How a Windows host is entered through WinRM, and which shell it greets us with."""

from __future__ import annotations

import codecs
from enum import StrEnum
from typing import Self

from pydantic import Field, field_validator, model_validator

from core.domain.certificates import Authorities
from core.domain.patterns import HEX_FINGERPRINT
from core.domain.tasks import Program
from core.domain.values import Value


class Authentication(StrEnum):
    """How an account proves itself."""

    NTLM = "ntlm"
    KERBEROS = "kerberos"
    CREDSSP = "credssp"
    CERTIFICATE = "certificate"
    """The account's `tls_certificate`, which the host maps to a local user."""
    BASIC = "basic"

    @property
    def encrypts(self) -> bool:
        """Whether it keeps what is said secret by itself, without TLS."""
        return self not in (Authentication.BASIC, Authentication.CERTIFICATE)


class WindowsShell(StrEnum):
    """What reads a command line."""

    POWERSHELL = "powershell"
    CMD = "cmd"


def powershell(text: str) -> Program:
    """A program of ours for a Windows host, whichever shell reads its command lines."""
    return Program(text=text, interpreter=WindowsShell.POWERSHELL)


class WinrmOptions(Value):
    """How a Windows host is entered. Its certificate is always checked."""

    authentication: Authentication = Authentication.NTLM
    tls: bool = Field(True, description="false: HTTP, whose messages the authentication encrypts")
    ca: Authorities | None = Field(
        None, description="PEM of the authorities to trust; empty: those of the engine's system"
    )
    certificate: str | None = Field(
        None,
        pattern=HEX_FINGERPRINT,
        description="pinned SHA-256 fingerprint of the host's certificate; no other is accepted",
    )
    shell: WindowsShell = Field(WindowsShell.POWERSHELL, description="reads command lines")
    code_page: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="of what programs print that is no UTF, such as 437, 850, 936, 1252;"
        " empty: it is kept as it is",
    )

    @field_validator("code_page")
    @classmethod
    def _is_known(cls, number: int | None) -> int | None:
        if number is not None:
            try:
                codecs.lookup(f"cp{number}")
            except LookupError:
                what = f"code page {number} is not known; known are 437, 850, 936, 1252 and others"
                raise ValueError(what) from None
        return number

    @model_validator(mode="after")
    def _says_nothing_in_the_clear(self) -> Self:
        if not self.tls and not self.authentication.encrypts:
            raise ValueError(f"`authentication: {self.authentication}` needs `tls`")
        if not self.tls and (self.ca or self.certificate):
            raise ValueError("without `tls` there is no certificate; drop `ca`, `certificate`")
        if self.ca and self.certificate:
            raise ValueError("give `ca` or `certificate`, not both")
        return self

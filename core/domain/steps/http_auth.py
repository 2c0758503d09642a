"""How an HTTP request logs in, with what an account holds."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from core.domain.access import AccountSpec
from core.domain.http_rules import HeaderName
from core.domain.tasks import HttpLogin
from core.domain.values import Value


def _check_token_url(text: str) -> str:
    if not text.startswith("https://") or not urlsplit(text).hostname:
        raise ValueError("must begin with https:// and a host: the client's secret goes there")
    return text


class _Auth(Value):
    """What every kind has. An account's TLS client certificate is shown with any of them."""

    needs: ClassVar[tuple[str, ...]]
    """Fields of the account that it takes."""

    unencrypted: bool = Field(
        False, description="also over http://, where everybody on the way can read it"
    )

    def lacks(self, account: AccountSpec) -> str:
        """The field that the account would need and does not have; "" where it has all."""
        return next((name for name in self.needs if getattr(account, name) is None), "")

    def login(self) -> HttpLogin:
        raise NotImplementedError


class BasicAuth(_Auth):
    """The account's user and password (RFC 7617)."""

    needs = ("user", "password")

    kind: Literal["basic"]

    def login(self) -> HttpLogin:
        return HttpLogin(kind=self.kind)


class BearerAuth(_Auth):
    """The account's token, as `Authorization: Bearer` (RFC 6750)."""

    needs = ("token",)

    kind: Literal["bearer"]

    def login(self) -> HttpLogin:
        return HttpLogin(kind=self.kind)


class ApiKeyAuth(_Auth):
    """The account's token, in a header of the service's own."""

    needs = ("token",)

    kind: Literal["api-key"]
    header: HeaderName = Field("X-API-Key", description="the header that carries it")

    def login(self) -> HttpLogin:
        return HttpLogin(kind=self.kind, header=self.header)


class CertificateAuth(_Auth):
    """The account's TLS client certificate, and nothing else."""

    needs = ("tls_certificate", "tls_key")

    kind: Literal["certificate"]

    def login(self) -> HttpLogin:
        return HttpLogin(kind=self.kind)


class OAuth2Auth(_Auth):
    """A token that the account's user (client id) and password (client secret) get from
    `token_url` (RFC 6749, 4.4). It is used until it expires, and got anew once after a 401.
    """

    needs = ("user", "password")

    kind: Literal["oauth2"]
    token_url: Annotated[str, AfterValidator(_check_token_url)] = Field(max_length=4096)
    scopes: tuple[str, ...] = ()
    audience: str | None = Field(None, description="of the token, where the server wants it named")
    in_body: bool = Field(
        False, description="client id and secret go in the form, not in the header Authorization"
    )

    def login(self) -> HttpLogin:
        return HttpLogin(
            kind=self.kind,
            token_url=self.token_url,
            scopes=self.scopes,
            audience=self.audience or "",
            in_body=self.in_body,
        )


HttpAuth = Annotated[
    BasicAuth | BearerAuth | ApiKeyAuth | CertificateAuth | OAuth2Auth,
    Field(discriminator="kind"),
]
"""One of the kinds."""

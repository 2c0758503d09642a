"""Which host is trusted, and the certificate that an account shows it.

The system's authorities, or the host's own, or one pinned certificate: there is no way to trust
whoever answers.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Any

from requests import PreparedRequest

from core.domain.run import TargetCode
from core.domain.windows import Authentication
from core.errors import TargetError
from core.executors.protocol import Login, Winrm
from core.executors.winrm.bounded import Bounded
from core.vault.client_certificates import show_certificate


class Trusting(Bounded):
    """Connects to servers whose certificate is trusted. TargetError when the account's is no good."""

    def __init__(self, way: Winrm, login: Login) -> None:
        self._settings = _settings(way, _context(way, login))
        super().__init__()

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        place, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return place, dict(self._settings)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The pool's settings say all there is to check."""


def _settings(way: Winrm, context: ssl.SSLContext) -> dict[str, Any]:
    """What urllib3 is told for each connection."""
    if not way.certificate:
        return {"ssl_context": context, "cert_reqs": "CERT_REQUIRED"}
    # Whoever signed it, and whatever its name: urllib3 compares the fingerprint before anything
    # is sent, and the chain is not looked at.
    context.check_hostname = False
    return {
        "ssl_context": context,
        "cert_reqs": "CERT_NONE",
        "assert_fingerprint": way.certificate.lower(),
    }


def _context(way: Winrm, login: Login) -> ssl.SSLContext:
    if way.authentication == Authentication.CERTIFICATE:
        assert login.tls_certificate is not None
        assert login.tls_key is not None
        context = ssl.create_default_context(cadata=way.ca)
        # Windows asks for it in the middle of a connection.
        context.post_handshake_auth = True
        try:
            show_certificate(context, login.tls_certificate, login.tls_key, login.tls_passphrase)
        except ValueError as error:
            raise TargetError(TargetCode.INVALID_OPTIONS, f"the account's {error}") from error
        return context
    return ssl.create_default_context() if way.certificate else _authorities(way.ca)


@lru_cache(maxsize=64)
def _authorities(ca: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=ca)

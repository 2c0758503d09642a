"""A real SMTP server for tests: keeps what it is given, can refuse it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class _AnyPort(Controller):
    """WORKAROUND(aiosmtpd 1.4): with port 0 it asks itself at port 0 whether it is up."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@dataclass
class MailServer:
    """Takes mail on a loopback port of its own."""

    refuses: bool = False
    tls: ssl.SSLContext | None = None
    """Asks for STARTTLS, and then for a login."""
    logins: list[tuple[str, str]] = field(default_factory=list)
    received: list[Message] = field(default_factory=list)
    _controller: Controller | None = None

    @property
    def port(self) -> int:
        assert self._controller is not None
        return int(self._controller.port)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuses:
            return "451 the disk is full"
        self.received.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"

    def _take_login(self, _server: Any, _session: Any, *rest: Any) -> AuthResult:
        _envelope, _mechanism, given = rest
        assert isinstance(given, LoginPassword)
        self.logins.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=True)

    def __enter__(self) -> Self:
        self._controller = _AnyPort(
            self,
            hostname="127.0.0.1",
            port=0,
            tls_context=self.tls,
            require_starttls=self.tls is not None,
            auth_required=self.tls is not None,
            authenticator=self._take_login,
        )
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._controller is not None
        self._controller.stop(no_assert=True)

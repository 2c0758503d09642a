"""The door to pywinrm: one HTTP connection to a host, whose every call blocks.

Nothing is taken from the environment of the engine's user: no proxy, no bundle, no netrc.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from winrm.exceptions import WinRMOperationTimeoutError
from winrm.protocol import Protocol

from core.executors.protocol import Target
from core.executors.winrm.bounded import bound_from_the_first_answer
from core.executors.winrm.trust import Trusting

_OPERATION_S = 20
"""For anything but waiting for output."""
_ANSWER_MARGIN_S = 10
"""A host answers that late, beyond what it was given; later, the line is lost."""
_SHELL_IDLE = "PT600S"
"""A host ends a session, and what runs in it, that nobody has asked about for so long."""
_UTF_8 = 65001


@dataclass(frozen=True, slots=True)
class Received:
    """What came of a command since the last time."""

    out: bytes = b""
    err: bytes = b""
    status: int | None = None
    """Its exit status; None while it runs."""


class Connection:
    """One connection; used by one thread at a time."""

    def __init__(self, target: Target) -> None:
        assert target.winrm is not None
        way, login = target.winrm, target.login
        host = f"[{target.address}]" if ":" in target.address else target.address
        # pywinrm's annotations are narrower than what it takes and documents.
        settings: dict[str, Any] = {
            # It wants two files there, and a certificate of ours never is one: see `trust`.
            "cert_pem": os.devnull,
            "cert_key_pem": os.devnull,
            "transport": way.authentication,
            "ca_trust_path": None,
            "message_encryption": "never" if way.tls else "always",
        }
        self._protocol = Protocol(
            f"{'https' if way.tls else 'http'}://{host}:{target.port}/wsman",
            username=login.user,
            password=login.password or "",
            read_timeout_sec=_OPERATION_S + _ANSWER_MARGIN_S,
            operation_timeout_sec=_OPERATION_S,
            proxy=None,
            **settings,
        )
        self._connect_s = target.connect_timeout_s
        self._give(_OPERATION_S)
        bound_from_the_first_answer(self._protocol.transport)
        # Without TLS this sends an empty message, after which the others are encrypted.
        session = self._protocol.transport.build_session()
        session.trust_env = False
        if way.tls:
            session.cert = None
            session.mount("https://", Trusting(way, login))

    def open_shell(self) -> str:
        """The id of a new session there; its programs read and print UTF-8."""
        self._give(_OPERATION_S)
        shell: str = self._protocol.open_shell(
            codepage=_UTF_8, noprofile=False, idle_timeout=_SHELL_IDLE
        )
        return shell

    def start(self, shell: str, line: str) -> str:
        """The id of the command `line` that was started in `shell`."""
        self._give(_OPERATION_S)
        command: str = self._protocol.run_command(shell, line, console_mode_stdin=False)
        return command

    def send(self, shell: str, command: str, data: bytes) -> None:
        """Put `data` on the command's standard input."""
        self._give(_OPERATION_S)
        self._protocol.send_command_input(shell, command, data)

    def receive(self, shell: str, command: str, wait_s: int) -> Received | None:
        """What has come; None when nothing did in `wait_s` seconds."""
        self._give(wait_s)
        try:
            out, err, status, is_done = self._protocol.get_command_output_raw(shell, command)
        except WinRMOperationTimeoutError:
            return None
        return Received(out, err, status if is_done else None)

    def close_shell(self, shell: str) -> None:
        """End the session and what runs in it."""
        self._give(_OPERATION_S)
        self._protocol.close_shell(shell, close_session=False)

    def close(self) -> None:
        """Close the connection; says nothing to the host."""
        self._protocol.transport.close_session()

    def _give(self, seconds: int) -> None:
        """Let the host take `seconds` for the next operation."""
        self._protocol.operation_timeout_sec = seconds
        # What goes to `requests` may be a pair: for connecting, and for the answer.
        pair: Any = (self._connect_s, seconds + _ANSWER_MARGIN_S)
        self._protocol.transport.read_timeout_sec = pair

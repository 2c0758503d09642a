"""The WinRM executor: sessions on Windows hosts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.domain.run import TargetCode
from core.domain.windows import Authentication, WindowsShell
from core.errors import TargetError
from core.executors.attempt import Patience
from core.executors.conduct import NewToken
from core.executors.files import Sources
from core.executors.protocol import Session, Target, Winrm
from core.executors.shellsession import ShellSession
from core.executors.winrm.link import WinrmLink
from core.executors.winrm.programs import WindowsDialect
from core.executors.winrm.shells import THREADS, WAIT_S, Shells
from core.executors.winrm.speech import WindowsSpeech


class WinrmExecutor:
    """Access to hosts through WinRM."""

    def __init__(
        self,
        patience: Patience,
        new_token: NewToken,
        *,
        idle_s: float = 60.0,
        kept: int = 512,
        threads: int = THREADS,
        wait_s: int = WAIT_S,
    ) -> None:
        """`idle_s` and `kept`: how long, and how many, unused connections stay open; `wait_s`:
        how long a host may take at a time to have some output.
        """
        self._patience = patience
        self._new_token = new_token
        self._sources = Sources()
        self._shells = Shells(idle_s=idle_s, kept=kept, threads=threads, wait_s=wait_s)

    @property
    def dialled(self) -> int:
        """Connections made so far."""
        return self._shells.dialled

    @property
    def idle_connections(self) -> int:
        """Connections that wait for another use."""
        return self._shells.idle

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[Session]:
        assert target.winrm is not None
        _check_proof(target, target.winrm)
        link = WinrmLink(self._shells, await self._shells.enter(target))
        dialect = WindowsDialect(WindowsShell(target.winrm.shell), target.winrm.code_page)
        speech = WindowsSpeech(dialect)
        session = ShellSession(link, self._patience, self._new_token, self._sources, speech)
        try:
            yield session
        finally:
            session.close()
            link.release()

    async def close(self) -> None:
        await self._shells.close()
        self._sources.close()


def _check_proof(target: Target, way: Winrm) -> None:
    """TargetError when the account cannot prove itself there in any case."""
    login = target.login
    if login.become is not None:
        raise TargetError(
            TargetCode.INVALID_OPTIONS,
            f"{target.host} is a Windows host, where no account becomes another one",
            hint="log in with an account that may do the work (`run_as`, --as)",
        )
    missing = {
        Authentication.KERBEROS: None,
        Authentication.CERTIFICATE: None if login.tls_key else "tls_certificate",
    }.get(Authentication(way.authentication), None if login.password else "password")
    if missing is not None:
        raise TargetError(
            TargetCode.AUTHENTICATION_FAILURE,
            f"{target.host} takes {way.authentication}, for which the account has no `{missing}`",
            hint=f"give the account a `{missing}`, or the host another `winrm.authentication`",
        )

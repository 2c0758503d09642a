"""What a login can be asked for where no shell stands behind it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from core.domain.run import TargetCode
from core.errors import TargetError

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientProcess


class NoSftp(TargetError):
    """The host gives no SFTP."""

    def __init__(self, why: str) -> None:
        super().__init__(TargetCode.IO_FAILURE, why)


class NoScp(TargetError):
    """Nothing there speaks SCP, which is what is asked for last."""

    def __init__(self) -> None:
        super().__init__(TargetCode.IO_FAILURE, "the host gives neither a shell, SFTP nor SCP")


@runtime_checkable
class BareLink(Protocol):
    """A link that leads past the shell, always as the login user."""

    def sftp(self) -> AbstractAsyncContextManager[SFTPClient]:
        """A client of the host's SFTP server; NoSftp where there is none."""

    def process(self, command: str) -> AbstractAsyncContextManager[SSHClientProcess[bytes]]:
        """A command, requested as it is."""

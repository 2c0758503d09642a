"""A host's name -> the addresses that may be connected to, all of them judged.

A name is resolved once for each hop, and the connection goes to an address that was judged:
a name server that answers differently the second time is not asked a second time.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from core.domain.addresses import refusal
from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Target


class Guard:
    """Resolves names in threads of its own: hanging look-ups must hold up nobody else."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    async def addresses(self, host: str, port: int, target: Target) -> Sequence[str]:
        """Where to connect; TargetError when the name is not known or one address is refused.

        `target` says which networks may be reached, and which address is on record.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _look_up, host, port)
        except (OSError, UnicodeError) as error:
            raise TargetError(
                TargetCode.HOST_NOT_FOUND, f"the name {host} cannot be resolved: {error}"
            ) from error
        for address in found:
            if reason := refusal(address, target.networks, own=target.address):
                raise TargetError(
                    TargetCode.UNAUTHORIZED,
                    f"nothing was sent to {host}: {reason}",
                    hint="`http_networks` of the host's environment, or of the engine's settings,"
                    " lists networks that may be reached",
                )
        return found


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))

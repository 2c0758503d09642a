"""Connections that are kept open and shared.

A connection is found by everything that identifies it: the host, its address, the
login with its secrets (as a keyed digest), its rule for host keys, and the way
through jump hosts, whose connections are pooled too.

    several sessions share a connection, up to `channels`; the next opens another
    sessions that need the same new connection wait for one login, and share its failure
    unused connections close after `idle_s`, the longest unused first when there are too many
    a connection is given out only while the host's key is still trusted
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncssh
import msgspec

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Target
from core.executors.ssh import failures
from core.executors.ssh.dialling import Dialled

_CLOSING_S = 2.0

Dial = Callable[[Target, asyncssh.SSHClientConnection | None, Target | None], Awaitable[Dialled]]


@dataclass(eq=False, slots=True)
class Connection:
    """One open connection and who uses it."""

    place: Place
    dialled: Dialled
    tunnel: Lease | None
    """The jump host's connection that it goes through."""
    sessions: int = 0
    tunnels: int = 0
    """Connections that go through it."""
    has_served: bool = False
    """A session was opened on it."""
    expiry: asyncio.TimerHandle | None = None

    @property
    def ssh(self) -> asyncssh.SSHClientConnection:
        return self.dialled.connection

    @property
    def in_use(self) -> bool:
        return bool(self.sessions or self.tunnels)


@dataclass(eq=False, slots=True)
class Place:
    """All connections that are the same for their users."""

    identity: bytes
    capacity: int
    """Sessions that one connection takes at the same time."""
    connections: list[Connection] = field(default_factory=list)
    opening: asyncio.Task[None] | None = None
    waiting: int = 0


@dataclass(eq=False, slots=True)
class Lease:
    """The right to use a connection, until it is given back."""

    connection: Connection
    is_tunnel: bool
    is_fresh: bool
    """The connection was opened for this lease, so it cannot be stale."""
    is_used: bool = False
    """Something was started on it."""


class Pool:
    """Gives out connections, and takes them back."""

    def __init__(self, dial: Dial, *, idle_s: float, kept: int, channels: int) -> None:
        self._dial = dial
        self._idle_s = idle_s
        self._kept = kept
        self._channels = channels
        self._places: dict[bytes, Place] = {}
        self._idle: OrderedDict[Connection, None] = OrderedDict()
        self._digest_key = secrets.token_bytes(32)
        self._is_closed = False

    @property
    def size(self) -> int:
        """Number of open connections."""
        return sum(len(place.connections) for place in self._places.values())

    async def acquire(self, target: Target, *, as_tunnel: bool = False) -> Lease:
        """A connection to `target`; TargetError when there is none."""
        identity = self._identity(target)
        is_fresh = False
        while not self._is_closed:
            place = self._places.setdefault(identity, Place(identity, self._channels))
            connection = self._find(place, as_tunnel=as_tunnel)
            if connection is not None:
                lease = self._give_out(connection, as_tunnel=as_tunnel, is_fresh=is_fresh)
                self._keep_unclaimed(place)
                return lease
            await self._wait_for_opening(place, target)
            is_fresh = True
        raise _stopping()

    def release(self, lease: Lease) -> None:
        """Give a connection back."""
        connection = lease.connection
        if lease.is_tunnel:
            connection.tunnels -= 1
        else:
            connection.sessions -= 1
        if not connection.in_use:
            self._keep(connection)

    def discard(self, connection: Connection) -> None:
        """Give a connection out no more, and close it once nobody uses it."""
        if connection in connection.place.connections:
            connection.place.connections.remove(connection)
        self._forget_if_empty(connection.place)
        if not connection.in_use:
            self._close(connection)

    async def close(self) -> None:
        """Close everything, those in use too; a jump host's after what goes through it."""
        self._is_closed = True
        places = list(self._places.values())
        openings = [place.opening for place in places if place.opening is not None]
        for opening in openings:
            opening.cancel()
        await asyncio.gather(*openings, return_exceptions=True)
        connections = [connection for place in places for connection in place.connections]
        for connection in connections:
            if not connection.tunnels:
                self._close(connection)
        closing = {asyncio.ensure_future(each.ssh.wait_closed()): each for each in connections}
        if closing:
            await asyncio.wait(closing, timeout=_CLOSING_S)
        for waiting, connection in closing.items():
            if not waiting.done():
                waiting.cancel()
                connection.ssh.abort()

    # ------------------------------------------------------------------ finding and opening

    def _find(self, place: Place, *, as_tunnel: bool) -> Connection | None:
        """A connection with room; those that are gone or not trusted any more are left out."""
        for connection in tuple(place.connections):
            ssh = connection.ssh
            if ssh.is_closed() or not connection.dialled.visitor.still_trusts(
                ssh.get_server_host_key()
            ):
                self.discard(connection)
            elif as_tunnel or connection.sessions < place.capacity:
                return connection
        return None

    def _give_out(self, connection: Connection, *, as_tunnel: bool, is_fresh: bool) -> Lease:
        self._stop_clock(connection)
        if as_tunnel:
            connection.tunnels += 1
        else:
            connection.sessions += 1
        return Lease(connection, is_tunnel=as_tunnel, is_fresh=is_fresh)

    async def _wait_for_opening(self, place: Place, target: Target) -> None:
        """Returns when a connection was opened; all who wait for it share its failure."""
        # `_find` may have dropped the place together with its last connection.
        self._places[place.identity] = place
        if place.opening is None:
            place.opening = asyncio.ensure_future(self._open(place, target))
            place.opening.add_done_callback(lambda done: self._opened(place, done))
        opening = place.opening
        place.waiting += 1
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            if self._is_closed and opening.cancelled():
                raise _stopping() from None
            place.waiting -= 1
            self._abandon(place, opening)
            raise
        except BaseException:
            place.waiting -= 1
            raise
        place.waiting -= 1

    def _abandon(self, place: Place, opening: asyncio.Task[None]) -> None:
        """Nobody waits any more: stop opening, or keep what was opened for the next."""
        if not place.waiting:
            opening.cancel()
            if place.opening is opening:
                place.opening = None
            self._keep_unclaimed(place)
            self._forget_if_empty(place)

    async def _open(self, place: Place, target: Target) -> None:
        tunnel = await self._tunnel_to(target)
        try:
            via = target.jumps[-1] if target.jumps else None
            dialled = await self._dial(target, tunnel.connection.ssh if tunnel else None, via)
        except BaseException:
            if tunnel is not None:
                self.release(tunnel)
            raise
        connection = Connection(place, dialled, tunnel)
        dialled.visitor.when_lost = lambda: self._lost(connection)
        place.connections.append(connection)
        if not place.waiting:
            self._keep(connection)

    async def _tunnel_to(self, target: Target) -> Lease | None:
        if not target.jumps:
            return None
        jump = msgspec.structs.replace(target.jumps[-1], jumps=target.jumps[:-1])
        try:
            return await self.acquire(jump, as_tunnel=True)
        except TargetError as error:
            raise failures.through(jump, error) from error

    def _opened(self, place: Place, opening: asyncio.Task[None]) -> None:
        if place.opening is opening:
            place.opening = None
        if not opening.cancelled():
            opening.exception()
        self._forget_if_empty(place)

    # ------------------------------------------------------------------ keeping and closing

    def _keep_unclaimed(self, place: Place) -> None:
        """Start the clock of connections that were opened for somebody who is gone."""
        if place.waiting:
            return
        for connection in tuple(place.connections):
            if not connection.in_use and connection.expiry is None:
                self._keep(connection)

    def _keep(self, connection: Connection) -> None:
        """Keep an unused connection for a while, if it is worth keeping."""
        known = connection in connection.place.connections
        if not known or self._is_closed or connection.ssh.is_closed():
            self.discard(connection)
            return
        loop = asyncio.get_running_loop()
        connection.expiry = loop.call_later(self._idle_s, self.discard, connection)
        self._idle[connection] = None
        while len(self._idle) > self._kept:
            self.discard(next(iter(self._idle)))

    def _lost(self, connection: Connection) -> None:
        """The connection is gone, whoever ended it."""
        if connection in connection.place.connections:
            connection.place.connections.remove(connection)
        self._forget_if_empty(connection.place)
        self._stop_clock(connection)
        if connection.tunnel is not None:
            self.release(connection.tunnel)

    def _close(self, connection: Connection) -> None:
        self._stop_clock(connection)
        if not connection.ssh.is_closed():
            connection.ssh.close()

    def _stop_clock(self, connection: Connection) -> None:
        if connection.expiry is not None:
            connection.expiry.cancel()
            connection.expiry = None
        self._idle.pop(connection, None)

    def _forget_if_empty(self, place: Place) -> None:
        is_empty = not (place.connections or place.waiting or place.opening)
        if is_empty and self._places.get(place.identity) is place:
            del self._places[place.identity]

    def _identity(self, target: Target) -> bytes:
        """A digest of all that a connection depends on; it gives no secret away."""
        return hashlib.blake2b(msgspec.msgpack.encode(target), key=self._digest_key).digest()


def _stopping() -> TargetError:
    return TargetError(TargetCode.CONNECTION_FAILURE, "the engine is stopping")

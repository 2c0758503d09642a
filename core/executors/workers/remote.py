"""A worker as the engine sees it: its process, its line, and the sessions that it carries.

When a worker dies, each of its sessions ends as if its own line had been lost: what its
sink was given is all that arrived, and what cannot be known is said to be unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
import structlog

from core.domain.hostkeys import KnownKey
from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors import outcomes
from core.executors.protocol import (
    Outcome,
    OutputLimitReached,
    Session,
    Sink,
    Stream,
    Target,
    Work,
)
from core.executors.stopping import StopSignal
from core.executors.workers import messages as m
from core.executors.workers.line import Line
from core.executors.workers.zygote import Child, exit_in_words

log = structlog.get_logger(__name__)

_EXIT_S = 1.0
"""How long the reason of a death is waited for."""


_ROOM_BYTES = 64 << 10
"""What a sink has taken is told in lots of this size, a small part of the worker's window."""


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One worker process, in one look."""

    pid: int
    sessions: int
    connections: int
    """Open SSH connections, kept ones included."""
    restarts: int
    """How many workers in this one's place have died."""


class WorkerLost(Exception):
    """The worker died; the message says how."""


class WorkerBug(Exception):
    """A bug of ours in a worker; the message is its trace."""


class RemoteWorker:
    """One worker process, from its first message to its end."""

    def __init__(
        self, child: Child, on_seen: Callable[[KnownKey], None], on_death: Callable[[str], None]
    ) -> None:
        """`on_death` is called once, with the reason, after every session was told."""
        self._child = child
        self._on_seen = on_seen
        self._on_death = on_death
        self._sessions: dict[int, RemoteSession] = {}
        self._numbers = 0
        self._pings = 0
        self._pongs = 0
        self._awaited = 0
        """The ping of the last `feel`."""
        self._missed = 0
        self._answered = asyncio.Event()
        self._verdict = ""
        """Why we end it ourselves."""
        self._dying: asyncio.Task[None] | None = None
        self._death: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """How it ended, once it has."""
        self.connections = 0
        self.line = Line(m.Frames(m.TO_ENGINE), self._heard, self._lost)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        return self.line.is_open

    @property
    def sessions(self) -> int:
        return len(self._sessions)

    async def connect(self) -> None:
        """Take the line; then `set_up` comes first."""
        await self.line.take(self._child.sock)

    def set_up(self, setup: m.Setup) -> None:
        self.line.send(setup)

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[Session]:
        """A session in the worker; TargetError when there is none."""
        self._numbers += 1
        session = RemoteSession(self._numbers, self.line, target, self._death)
        self._sessions[session.number] = session
        try:
            await session.open()
            yield session
        finally:
            del self._sessions[session.number]
            session.close()

    # ------------------------------------------------------------------ whether it lives

    def feel(self) -> int:
        """Ask for a sign of life; how many times in a row there was none."""
        self._missed = self._missed + 1 if self._pongs < self._awaited else 0
        self._awaited = self._ping()
        return self._missed

    def learn(self, key: KnownKey, *, is_gone: bool = False) -> None:
        """Put a host key on its copy of the record, or take it off."""
        self.line.send(m.Key(key, is_gone))

    async def caught_up(self) -> None:
        """Returns when it has taken in all that was sent so far, or is no more."""
        number = self._ping()
        while self.is_alive and self._pongs < number:
            self._answered.clear()
            await self._answered.wait()

    def retire(self) -> None:
        """Let it end: nobody needs it."""
        self._on_death = lambda _: None
        self.line.close()

    def condemn(self, verdict: str) -> None:
        """Give it up, for the reason `verdict`; its process is the caller's to kill."""
        self._verdict = verdict
        self.line.abort()

    async def ended(self) -> None:
        """Returns when the process is gone."""
        await asyncio.shield(self._child.exited)

    # ------------------------------------------------------------------ inside

    def _ping(self) -> int:
        self._pings += 1
        self.line.send(m.Ping(self._pings))
        return self._pings

    def _heard(self, message: m.ToWorker | m.ToEngine) -> None:
        match message:
            case m.Pong(number, connections):
                self._pongs, self.connections = number, connections
                self._answered.set()
            case m.Seen(key):
                self._on_seen(key)
            case m.Said(level, logger, text):
                log.log(level, "worker.said", pid=self.pid, logger_there=logger, text=text)
            case _:
                session = self._sessions.get(getattr(message, "session", -1))
                if session is not None:
                    session.heard(message)

    def _lost(self, reason: str) -> None:
        self._answered.set()
        self._dying = asyncio.ensure_future(self._die(reason))

    async def _die(self, reason: str) -> None:
        try:
            async with asyncio.timeout(_EXIT_S):
                status = await asyncio.shield(self._child.exited)
            how = f"a worker process ended ({exit_in_words(status)})"
        except TimeoutError:
            how = f"a worker process was lost ({reason or 'its line closed'})"
        if self._verdict:
            how = f"a worker process was ended: {self._verdict}"
        for session in tuple(self._sessions.values()):
            session.lost(how)
        self._on_death(how)
        self._death.set_result(how)


class RemoteSession:
    """One session of a worker, as the engine's code uses it."""

    def __init__(self, number: int, line: Line, target: Target, death: asyncio.Future[str]) -> None:
        """`death`: how the worker died, once it has."""
        self.number = number
        self._line = line
        self._target = target
        self._death = death
        self._answer: asyncio.Future[Outcome | None] | None = None
        """What is waited for: opened, ended, settled."""
        self._sink: Sink | None = None
        self._untold_bytes = 0
        """Taken by the sink, and not told to the worker yet."""
        self._resting: asyncio.Task[None] | None = None
        """Waits until the sink has room again."""
        self._unclaiming: asyncio.Task[None] | None = None
        self._has_claim = False
        """Another session may find out about the work."""
        self._has_printed = False
        self._refusal: Callable[[str], Outcome] | None = None
        """The sink takes nothing more: the outcome then, by what is in doubt about the end."""

    async def open(self) -> None:
        try:
            await self._line.room()
            await self._ask(m.Open(self.number, self._target))
        except WorkerLost as loss:
            raise self._broken(loss) from loss

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        await self._line.room()
        if not self._line.is_open:
            # Not a byte of the work has left the engine.
            return outcomes.refused(self._broken(await self._loss()))
        self._sink, self._refusal = sink, None
        self._has_claim, self._has_printed = work.claim is not None, False
        try:
            with stop.heard_by(self._stop):
                outcome = await self._ask(m.Run(self.number, work, stop.is_set()))
            assert outcome is not None
            if self._resting is not None:
                # As when the wire itself is held back: how it ended is not read before.
                with suppress(TimeoutError):
                    async with stop.breaks():
                        await asyncio.wait({self._resting})
        except WorkerLost as loss:
            return self._line_lost(str(loss))
        except TargetError as error:
            return outcomes.refused(error)
        finally:
            self._sink = None
            for task in (self._resting, self._unclaiming):
                if task is not None:
                    task.cancel()
            self._resting = self._unclaiming = None
        return self._as_refused(outcome)

    def _as_refused(self, outcome: Outcome) -> Outcome:
        """`outcome`, unless the sink has refused: then that is how it ended."""
        return outcome if self._refusal is None else self._refusal(outcomes.doubt_of(outcome))

    def _line_lost(self, evidence: str) -> Outcome:
        lost = outcomes.line_lost if self._has_claim else outcomes.connection_lost
        return lost(evidence, started=self._has_printed)

    async def settle(self) -> None:
        # Where the worker is gone, the claim stays behind, and is collected when it is stale.
        with suppress(WorkerLost):
            await self._ask(m.Settle(self.number))

    def close(self) -> None:
        """Nobody waits for it any more."""
        self._line.send(m.Close(self.number))

    # ------------------------------------------------------------------ what the worker says

    def heard(self, message: m.ToWorker | m.ToEngine) -> None:
        match message:
            case m.Printed(_, stream, data):
                self._print(stream, data)
            case m.Opened() | m.Settled():
                self._resolve(None)
            case m.Ended(_, outcome):
                self._resolve(outcome)
            case m.Refused(_, code, text, hint):
                self._fail(TargetError(code, text, hint=hint))
            case m.Broke(_, trace):
                self._fail(WorkerBug(trace))
            case m.Unclaimed(_, reason) if self._sink is not None:
                self._unclaiming = asyncio.ensure_future(self._unclaim(self._sink, reason))

    def lost(self, how: str) -> None:
        """The worker is no more."""
        self._fail(WorkerLost(how))

    # ------------------------------------------------------------------ asking

    async def _ask(self, message: m.ToWorker) -> Outcome | None:
        """Send `message` and wait for what answers it; WorkerLost when nothing will."""
        if not self._line.is_open:
            raise await self._loss()
        self._answer = asyncio.get_running_loop().create_future()
        self._line.send(message)
        try:
            return await self._answer
        finally:
            self._answer = None

    def _resolve(self, value: Outcome | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(value)

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def _stop(self) -> None:
        self._line.send(m.Stop(self.number))

    async def _loss(self) -> WorkerLost:
        """The line is down: why, which is known soon."""
        return WorkerLost(await asyncio.shield(self._death))

    def _broken(self, loss: WorkerLost) -> TargetError:
        return TargetError(
            TargetCode.CONNECTION_FAILURE,
            f"the connection to {self._target.place} broke before the work was sent: {loss}",
        )

    # ------------------------------------------------------------------ the sink

    def _print(self, stream: Stream, data: bytes) -> None:
        if self._sink is None or self._refusal is not None:
            return
        try:
            self._has_printed |= stream is not Stream.NOTE
            has_room = self._sink.write(stream, data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this work and no other
            self._refuse(error)
            return
        self._untold_bytes += len(data)
        if not has_room and self._resting is None:
            self._resting = asyncio.ensure_future(self._rest(self._sink))
        elif self._resting is None and self._untold_bytes >= _ROOM_BYTES:
            self._tell_room()

    async def _rest(self, sink: Sink) -> None:
        """Tell the worker of no room until there is some."""
        try:
            await sink.ready()
        except Exception as error:  # noqa: BLE001 - as above
            self._refuse(error)
        else:
            self._tell_room()
        self._resting = None

    def _tell_room(self) -> None:
        self._line.send(m.Room(self.number, self._untold_bytes))
        self._untold_bytes = 0

    async def _unclaim(self, sink: Sink, reason: str) -> None:
        try:
            await sink.unclaimed(reason)
            self._has_claim = False
        except Exception as error:  # noqa: BLE001 - as above
            self._refuse(error)
        else:
            self._line.send(m.Claimless(self.number))

    def _refuse(self, error: Exception) -> None:
        """The sink has refused: end the work."""
        if isinstance(error, OutputLimitReached):
            self._refusal = outcomes.printed_too_much
        else:
            reason = f"{type(error).__name__}: {error}"
            self._refusal = lambda doubt: outcomes.log_failed(reason, doubt)
        self._stop()

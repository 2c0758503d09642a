"""The line to the engine: questions in threads, one feed of the journal, and its absences.

Nothing here blocks the screen. Questions that an absence interrupts are asked again when an
engine answers; what acts is sent once, and its caller hears that nobody knows whether it arrived.
An engine that broke off is started again, as any command would; one that somebody stopped is
waited for, never started.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeVar

from console.answers import Event
from console.client import Client
from core.errors import EngineStopped, EngineUnreachable, OpsError

A = TypeVar("A")

_THREADS = 4
_PAUSE_S = 0.5
"""Between two looks for an engine that is away."""
_STOPPING = "stopping"


class State(Enum):
    """How the line is."""

    CONNECTING = auto()
    """Nothing has answered yet."""
    LIVE = auto()
    AWAY = auto()
    """The engine broke off; one is being started or waited for."""
    STOPPED = auto()
    """Somebody stopped the engine; it is waited for."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What has happened since the last one: entries of the journal, or nobody knows what."""

    types: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    events: tuple[Event, ...] = field(default=(), compare=False)
    everything: bool = False
    """After an absence: whatever is shown may be old."""

    def concerns(self, *kinds: str, subject: str = "") -> bool:
        """Whether an entry is of one of these kinds (`run` is that of `run.started`)."""
        if self.everything or (subject and subject in self.subjects):
            return True
        return any(type_.partition(".")[0] in kinds for type_ in self.types)


_MOST_KEPT = 1000
"""Entries that one Changed carries; a screen that wants more reads the journal."""


class Link:
    """One console's line to one engine."""

    def __init__(
        self,
        connect: Callable[[], Client],
        revive: Callable[[], object],
        *,
        on_state: Callable[[State, str], object],
        on_change: Callable[[Changed], object],
        gather_s: float,
    ) -> None:
        """`connect` finds or starts the engine; `revive` starts one that broke off.

        `on_state` (with the reason, or "") and `on_change` are called in the event loop;
        `gather_s` is how long changes are gathered before they are told.
        """
        self._connect = connect
        self._revive = revive
        self._on_state = on_state
        self._on_change = on_change
        self._gather_s = gather_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="link")
        self._client: Client | None = None
        self._closed = threading.Event()
        self._live = asyncio.Event()
        self._lock = threading.Lock()
        self._gathered: list[Event] = []
        self._missed = False
        self._is_told = True
        self.state = State.CONNECTING

    def open(self) -> None:
        """Begin to connect; called in the event loop, once."""
        self._loop = asyncio.get_running_loop()
        # What the journal's thread calls belongs to the application, as Textual's timers have it.
        self._context = contextvars.copy_context()
        threading.Thread(target=self._follow, daemon=True, name="link-journal").start()

    def close(self) -> None:
        """Let everything end by itself; nothing is waited for."""
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    async def ask(self, question: Callable[[Client], A]) -> A:
        """Ask something that changes nothing; waits as long as the engine is away."""
        while True:
            await self._live.wait()
            try:
                return await self._in_thread(question)
            except EngineUnreachable as gone:
                self._lost(gone)

    async def attend(self, question: Callable[[Client], A]) -> A:
        """As `ask`, for a question that the engine answers when there is news.

        It has a thread of its own, which nobody waits for when this console is left.
        """
        while True:
            await self._live.wait()
            answer: asyncio.Future[A] = self._loop.create_future()
            work = threading.Thread(
                target=self._answer, args=(answer, question), daemon=True, name="link-news"
            )
            work.start()
            try:
                return await answer
            except EngineUnreachable as gone:
                self._lost(gone)

    async def act(self, deed: Callable[[Client], A]) -> A:
        """Ask for something to be done, once.

        Raises EngineUnreachable where nobody knows whether it arrived.
        """
        await self._live.wait()
        try:
            return await self._in_thread(deed)
        except EngineUnreachable as gone:
            self._lost(gone)
            raise

    # ------------------------------------------------------------------ in the event loop

    async def _in_thread(self, work: Callable[[Client], A]) -> A:
        client = self._client
        assert client is not None, "the line is live"
        return await self._loop.run_in_executor(self._threads, work, client)

    def _lost(self, gone: EngineUnreachable) -> None:
        stopped = isinstance(gone, EngineStopped)
        self._set_state(State.STOPPED if stopped else State.AWAY, str(gone))

    def _set_state(self, state: State, reason: str = "") -> None:
        if self._closed.is_set():
            return  # nobody looks any more
        if state is State.LIVE:
            self._live.set()
        else:
            self._live.clear()
        if state is not self.state and not self._closed.is_set():
            self.state = state
            self._on_state(state, reason)

    def _tell(self) -> None:
        if self._closed.is_set():
            return
        with self._lock:
            events, self._gathered = self._gathered, []
            missed, self._missed = self._missed, False
            self._is_told = True
        self._on_change(
            Changed(
                frozenset(event.type for event in events),
                frozenset(event.subject for event in events),
                tuple(events[-_MOST_KEPT:]),
                everything=missed,
            )
        )

    # ------------------------------------------------------------------ in other threads

    def _answer(self, answer: asyncio.Future[A], question: Callable[[Client], A]) -> None:
        """Ask, and hand over what came; who asked may be gone."""
        client = self._client
        assert client is not None, "the line is live"
        try:
            found = question(client)
        except Exception as error:  # noqa: BLE001  # whoever waits is told, whatever it is
            self._call(_fail, answer, error)
        else:
            self._call(_succeed, answer, found)

    # ------------------------------------------------------------------ in the journal's thread

    def _follow(self) -> None:
        """Read the journal as long as there is one, and find the next engine when it ends."""
        stopped, is_first = False, True
        while not self._closed.is_set():
            try:
                client = self._find(is_first=is_first, stopped=stopped)
            except OpsError as reason:
                self._call(self._set_state, State.AWAY, str(reason))
                self._closed.wait(_PAUSE_S)
                continue
            self._client = client
            self._call(self._set_state, State.LIVE)
            if not is_first:
                self._gather(None)
            is_first = False
            try:
                for event in client.follow_events({}):
                    self._gather(event)
                    if self._closed.is_set():
                        return
            except OpsError as gone:
                stopped = isinstance(gone, EngineStopped)
                if isinstance(gone, EngineUnreachable):
                    self._call(self._lost, gone)
            except RuntimeError:  # httpx's word for a client that was closed under a reader
                if not self._closed.is_set():
                    raise
                return

    def _find(self, *, is_first: bool, stopped: bool) -> Client:
        """A client of an engine that answers and is not about to stop."""
        if is_first and self._client is None:
            return self._connect()
        client = self._client
        assert client is not None, "only the first one has to be made"
        while not self._closed.wait(_PAUSE_S):
            with suppress(EngineUnreachable):
                if client.engine().state != _STOPPING:
                    return client
                continue
            if not stopped:
                self._revive()
        raise EngineUnreachable("closed")

    def _gather(self, event: Event | None) -> None:
        with self._lock:
            if event is None:
                self._missed = True
            else:
                self._gathered.append(event)
            if not self._is_told:
                return
            self._is_told = False
        self._call(self._tell_later)

    def _tell_later(self) -> None:
        self._loop.call_later(self._gather_s, self._tell)

    def _call(self, function: Callable[..., None], *values: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody looks any more
            self._loop.call_soon_threadsafe(function, *values, context=self._context)


def _succeed(answer: asyncio.Future[A], found: A) -> None:
    if not answer.done():
        answer.set_result(found)


def _fail(answer: asyncio.Future[A], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)

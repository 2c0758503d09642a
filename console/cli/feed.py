"""What happens to a run, as one queue: its journal entries and, if asked for, its output.

Two threads read the API's streams; the command's own thread takes items and
stays free for the keyboard and the clock. A stream that breaks off with its engine
is an item too, and is taken up again where it ended as soon as an engine answers:
to bring one back is the business of whoever takes.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum, auto

from console.answers import Event, StreamedPiece
from console.client import Client
from core.errors import EngineStopped, EngineUnreachable, OpsError

_PAUSE_S = 0.25
"""Between two looks for an engine that is away."""
_STOPPING = "stopping"


class Sign(Enum):
    """What is no item of the run, but about the feed itself."""

    OUTPUT_ENDED = auto()
    """The output has been read to its end."""
    ENGINE_AWAY = auto()
    """The engine that was listened to is there no more."""


Item = Event | StreamedPiece | Sign


class RunFeed:
    """The items of one run, from its beginning, as they happen."""

    def __init__(self, client: Client, run_id: str, *, output: bool = False) -> None:
        self._client = client
        self._run_id = run_id
        self.was_stopped = False
        """Whether the engine that is away took its leave: then somebody meant it."""
        self._items: queue.SimpleQueue[Item | OpsError] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._begin(self._events)
        if output:
            self._begin(self._output)

    def take(self, timeout_s: float) -> Iterator[Item]:
        """Everything that has happened; waits up to `timeout_s` for the first of it."""
        try:
            item = self._items.get(timeout=timeout_s)
            while True:
                if isinstance(item, OpsError):
                    raise item
                yield item
                item = self._items.get_nowait()
        except queue.Empty:
            return

    def close(self) -> None:
        """Let the threads end by themselves; nothing waits for them."""
        self._closed.set()

    def _begin(self, read: Callable[[], None]) -> None:
        def work() -> None:
            try:
                read()
            except OpsError as error:
                self._items.put(error)
            except RuntimeError:  # httpx's word for a client that was closed under a reader
                if not self._closed.is_set():
                    raise

        threading.Thread(target=work, daemon=True, name=f"feed-{read.__name__}").start()

    def _events(self) -> None:
        after = 0
        while not self._closed.is_set():
            query = {"subject": self._run_id, "after": after}
            try:
                for event in self._client.follow_events(query):
                    self._items.put(event)
                    after = event.seq
            except EngineUnreachable as gone:
                self._wait_for_engine(gone)

    def _output(self) -> None:
        after = "0"
        while not self._closed.is_set():
            try:
                for place, piece in self._client.follow_output(self._run_id, after):
                    self._items.put(piece)
                    after = place
                self._items.put(Sign.OUTPUT_ENDED)
                return
            except EngineUnreachable as gone:
                self._wait_for_engine(gone)

    def _wait_for_engine(self, gone: EngineUnreachable) -> None:
        """Wait for the next engine: one that is stopping still answers, and tells nothing new."""
        self.was_stopped |= isinstance(gone, EngineStopped)
        self._items.put(Sign.ENGINE_AWAY)
        while not self._closed.wait(_PAUSE_S):
            with suppress(EngineUnreachable):
                if self._client.engine().state != _STOPPING:
                    self.was_stopped = False
                    return

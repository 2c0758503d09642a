"""What happens to a run, as one queue: its journal entries and, if asked for, its output.

Two threads read the API's streams; the command's own thread takes items and
stays free for the keyboard and the clock. A stream that breaks off because the
engine restarts is taken up again where it ended.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from console.answers import Event, StreamedPiece
from console.client import Client
from console.i18n import _
from core.clock import Clock, SystemClock
from core.errors import EngineUnreachable, OpsError

_RETURN_S = 15.0
"""How long an engine may be away before we stop waiting for it."""
_PAUSE_S = 0.25

Item = Event | StreamedPiece | OpsError | None
"""None: the output has been read to its end."""


class RunFeed:
    """The items of one run, from its beginning, as they happen."""

    def __init__(
        self, client: Client, run_id: str, *, output: bool = False, clock: Clock | None = None
    ) -> None:
        self._client = client
        self._run_id = run_id
        self._clock = clock or SystemClock()
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._begin(self._events)
        if output:
            self._begin(self._output)

    def take(self, timeout_s: float) -> Iterator[Event | StreamedPiece | None]:
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
            with suppress(EngineUnreachable):  # its stop and its crash look alike
                for event in self._client.follow_events(query):
                    self._items.put(event)
                    after = event.seq
            self._wait_for_engine()

    def _output(self) -> None:
        after = "0"
        while not self._closed.is_set():
            with suppress(EngineUnreachable):
                for place, piece in self._client.follow_output(self._run_id, after):
                    self._items.put(piece)
                    after = place
                self._items.put(None)
                return
            self._wait_for_engine()

    def _wait_for_engine(self) -> None:
        deadline = self._clock.monotonic() + _RETURN_S
        while not self._closed.wait(_PAUSE_S):
            try:
                self._client.engine()
            except EngineUnreachable as error:
                if self._clock.monotonic() > deadline:
                    raise EngineUnreachable(
                        _("the engine has stopped; the run goes on when it starts again"),
                        hint=f"jobdeck runs watch {self._run_id}",
                    ) from error
            else:
                return

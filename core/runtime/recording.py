"""From what executors report to what is stored.

`TargetLog` takes one target's bytes: masks, counts, captures, keeps within the
caps. `StepRecorder` gathers what happens on all targets of a step and writes
it in groups: while one commit is under way the next group fills, so the cost of
a target does not depend on how many there are.

Invariants: an intent is committed before the executor acts; an end is
committed together with all of the target's output, and before it is counted
anywhere a person looks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from core.clock import Clock
from core.domain.captures import SetLines
from core.domain.normalising import Normaliser
from core.domain.run import TargetState
from core.errors import StorageFault
from core.executors.protocol import Outcome, OutputLimitReached, Stream
from core.storage import output, runs
from core.storage.runs import TargetEnd, TargetRow
from core.storage.writer import Transaction, Writer, timestamp
from core.vault.masking import Masker

log = structlog.get_logger(__name__)

_CHUNK_BYTES = output.CHUNK_BYTES
_HIGH_BYTES = 16 * _CHUNK_BYTES
"""Unstored output of one target at which its executor is asked to pause."""
_RETRY_DELAY_S = 1.0
_LIVE_DELAY_S = 0.1
"""How long output may wait for more before it is stored and shown."""


class TargetLog:
    """One target's output on its way to storage; the `Sink` that an executor writes to."""

    def __init__(
        self,
        row: TargetRow,
        recorder: StepRecorder,
        masker: Masker,
        normaliser: Normaliser,
        budget: output.TargetBudget,
    ) -> None:
        self.row = row
        self._recorder = recorder
        self._masks = {stream: masker.stream() for stream in Stream}
        self._normaliser = normaliser
        self._sets = SetLines()
        self._budget = budget
        self._unstored = 0
        self._room = asyncio.Event()
        self._room.set()

    def write(self, stream: Stream, data: bytes) -> bool:
        self._keep(stream, self._masks[stream].feed(data))
        if self._unstored >= _HIGH_BYTES:
            self._room.clear()
        return self._room.is_set() and not self._budget.halted

    async def ready(self) -> None:
        if self._budget.halted:
            raise OutputLimitReached
        await self._room.wait()

    def stored(self, size: int) -> None:
        """`size` bytes of this log are committed."""
        self._unstored -= size
        if self._unstored < _HIGH_BYTES // 2:
            self._room.set()

    def _keep(self, stream: Stream, data: bytes) -> None:
        if not data:
            return
        if stream is not Stream.NOTE:
            self._normaliser.feed(data)
        if stream is Stream.OUT:
            self._sets.feed(data)
        kept = self._budget.take(data)
        if kept:
            self._unstored += len(kept)
            self._recorder.output(self, stream, kept)

    def end(self, outcome: Outcome, at: str) -> tuple[TargetEnd, list[str]]:
        """The record of how it ended, and what was wrong with the outputs it set."""
        for stream, mask in self._masks.items():
            self._keep(stream, mask.flush())
        captured = self._sets.finish()
        end = TargetEnd(
            id=self.row.id,
            state=outcome.state,
            finished_at=at,
            code=outcome.code,
            exit_code=outcome.exit_code,
            signal=outcome.signal,
            message=outcome.message,
            size_bytes=self.row.size_bytes + self._budget.kept,
            dropped_bytes=self.row.dropped_bytes + self._budget.dropped,
            digest=self._normaliser.digest(),
            outputs=dict(captured.values),
        )
        return end, [str(problem) for problem in captured.problems]


class StepRecorder:
    """Writes what happens on the targets of one step's attempt, in groups."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        run_id: str,
        step: str,
        attempt: int,
        counts: Counter[TargetState],
        run_counts: Callable[[Mapping[TargetState, int]], Mapping[str, int]],
        on_output: Callable[[], None],
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._place = (run_id, step, attempt)
        self.counts = counts
        """How many targets are in each state, as committed or about to be."""
        self._run_counts = run_counts
        self._on_output = on_output
        self._intents: list[int] = []
        self._ends: list[TargetEnd] = []
        self._changes: list[tuple[Any, ...]] = []
        self._output: dict[TargetLog, list[output.Piece]] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None

    async def started(self, row: TargetRow) -> None:
        """Commit the intent to run on a target; only then may anything leave the machine."""
        self._intents.append(row.id)
        self._change(row, TargetState.WAITING, TargetState.RUNNING)
        await self._committed()

    async def ended(self, row: TargetRow, old: TargetState, end: TargetEnd) -> None:
        """Commit how a target ended, with all its output."""
        self._ends.append(end)
        self._change(row, old, end.state, end.code, end.exit_code)
        await self._committed()

    def output(self, taker: TargetLog, stream: Stream, data: bytes) -> None:
        """Take output that is to be stored soon."""
        pieces = self._output.setdefault(taker, [])
        pieces.append(output.Piece(stream=stream, data=data, at=timestamp(self._clock.now())))
        if sum(len(piece.data) for piece in pieces) >= _CHUNK_BYTES:
            self._flush()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_LIVE_DELAY_S, self._flush)

    def _change(self, row: TargetRow, old: TargetState, new: TargetState, *rest: Any) -> None:
        self.counts[old] -= 1
        self.counts[new] += 1
        self._changes.append((row.ordinal, new.value, *rest))

    async def _committed(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._flush()
        await future

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._flushing and (self._waiting or self._output):
            self._flushing = True
            task = asyncio.get_running_loop().create_task(self._flush_all())
            # The task is awaited through the futures it answers; the name keeps it from collection.
            self._task = task

    async def _flush_all(self) -> None:
        try:
            while self._waiting or self._output:
                await self._flush_once()
        finally:
            self._flushing = False

    async def _flush_once(self) -> None:
        intents, self._intents = self._intents, []
        ends, self._ends = self._ends, []
        changes, self._changes = self._changes, []
        pieces, self._output = self._output, {}
        waiting, self._waiting = self._waiting, []
        counts = _as_json(self.counts)
        run_counts = self._run_counts(self.counts)
        run_id, step, attempt = self._place

        def write(tx: Transaction) -> None:
            if intents:
                runs.mark_running(tx, intents)
            for taker, parts in pieces.items():
                output.append(tx, run_id, taker.row.id, parts)
            if ends:
                runs.finish_targets(tx, ends)
            if changes:
                runs.journal_targets(tx, run_id, step, attempt, changes)
                runs.set_counts(tx, run_id, step, attempt, counts, run_counts)

        try:
            await self._write_until_kept(write)
        except Exception as error:  # noqa: BLE001 - every waiter gets it
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for taker, parts in pieces.items():
            taker.stored(sum(len(part.data) for part in parts))
        if pieces:
            self._on_output()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def _write_until_kept(self, write: Callable[[Transaction], None]) -> None:
        """Commit, however long the disk refuses.

        What happened on a target cannot be asked for again, so it waits here; and
        as intents wait too, nothing new starts while nothing can be recorded.
        """
        while True:
            try:
                return await self._writer.write(write)
            except StorageFault as fault:
                if self._writer.closed:
                    raise
                log.error("storage.refused", run=self._place[0], fault=str(fault))
                await asyncio.sleep(_RETRY_DELAY_S)


def _as_json(counts: Mapping[TargetState, int]) -> dict[str, int]:
    return {state.value: counts[state] for state in TargetState if counts.get(state)}


def add_up(parts: Sequence[Mapping[TargetState, int]]) -> dict[str, int]:
    """The sum of several counts, as JSON values."""
    total: Counter[TargetState] = Counter()
    for part in parts:
        total.update(part)
    return _as_json(total)

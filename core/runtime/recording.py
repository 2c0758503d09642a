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
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from core import failpoints
from core.clock import Clock
from core.domain.captures import SetLines
from core.domain.command_rules import Decision, Hit
from core.domain.normalising import OutputDigest
from core.domain.run import TargetState
from core.errors import StorageFault
from core.executors.protocol import Outcome, OutputLimitReached, Position, Stream
from core.flow.dangers import StepHit
from core.storage import dangers, output, run_writes, runs
from core.storage.run_writes import TargetEnd
from core.storage.runs import TargetRow
from core.storage.writer import Transaction, Writer, timestamp
from core.vault.masking import Masker, MaskStream

T = TypeVar("T")

log = structlog.get_logger(__name__)

_CHUNK_BYTES = output.CHUNK_BYTES
_HIGH_BYTES = 16 * _CHUNK_BYTES
"""Unstored output of one target at which its executor is asked to pause."""
_RETRY_DELAY_S = 1.0
_LIVE_DELAY_S = 0.05
"""How long output may wait for more before it is stored and shown."""


class TargetLog:
    """One target's output on its way to storage; the `Sink` that an executor writes to."""

    def __init__(
        self,
        row: TargetRow,
        recorder: StepRecorder,
        masker: Masker,
        digest: OutputDigest,
        budget: output.TargetBudget,
        sets: SetLines | None = None,
    ) -> None:
        """`digest`, `budget` and `sets` have seen what is stored of the target already."""
        self.row = row
        self._recorder = recorder
        self._masks = {stream: _mask_at(masker, row.positions.get(stream)) for stream in Stream}
        self._received = {
            stream: row.positions.get(stream, (0,))[0] for stream in (Stream.OUT, Stream.ERR)
        }
        self._digest = digest
        self._sets = sets or SetLines()
        self._budget = budget
        self.claimed = False
        """The target keeps the work and its output: another connection, or engine, can go on."""
        self.unstored = 0
        """Bytes that were taken and are not committed yet."""
        self.stored_bytes = row.size_bytes
        """Bytes that are committed: more than 0 at first where a lost engine left some."""
        self._room = asyncio.Event()
        self._room.set()

    @property
    def position(self) -> Position:
        """How much of the target's own files was received."""
        return Position(out=self._received[Stream.OUT], err=self._received[Stream.ERR])

    @property
    def has_output(self) -> bool:
        """Whether the work printed anything: then it did start."""
        return any(self._received.values())

    def progress(self) -> run_writes.TargetProgress:
        """What to store beside the output taken so far, so that another engine can go on.

        Bytes that are held back are not stored; they are asked for again.
        """
        positions = {
            stream.value: [received - self._masks[stream].held_bytes, self._masks[stream].covered]
            for stream, received in self._received.items()
        }
        return run_writes.TargetProgress(
            id=self.row.id,
            positions=positions,
            size_bytes=self._budget.kept,
            dropped_bytes=self._budget.dropped,
        )

    def begin_anew(self, row: TargetRow, digest: OutputDigest) -> None:
        """Go on with another attempt id, whose files begin at their first byte."""
        for stream in self._received:
            self._keep(stream, self._masks[stream].flush())
            self._received[stream] = 0
        self._digest, self._sets = digest, SetLines()
        self.row = row

    def note(self, text: str) -> None:
        """Say something to the reader of the output, in Jobdeck's own words."""
        self.write(Stream.NOTE, text.encode("utf-8"))

    def write(self, stream: Stream, data: bytes) -> bool:
        if stream is not Stream.NOTE:
            self._received[stream] += len(data)
        self._keep(stream, self._masks[stream].feed(data))
        if self.unstored >= _HIGH_BYTES:
            self._room.clear()
        return self._room.is_set() and not self._budget.halted

    async def ready(self) -> None:
        if self._budget.halted:
            raise OutputLimitReached
        await self._room.wait()

    async def unclaimed(self, reason: str) -> None:
        self.claimed = False
        await self._recorder.unclaimed(self.row)

    def stored(self, size: int) -> None:
        """`size` bytes of this log are committed."""
        self.unstored -= size
        self.stored_bytes += size
        if self.unstored < _HIGH_BYTES // 2:
            self._room.set()

    def _keep(self, stream: Stream, data: bytes) -> None:
        if not data:
            return
        if stream is not Stream.NOTE:
            self._digest.feed(stream.value, data)
        if stream is Stream.OUT:
            self._sets.feed(data)
        kept = self._budget.take(data)
        if kept:
            failpoints.reach("target.output.taken")
            self.unstored += len(kept)
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
            size_bytes=self._budget.kept,
            dropped_bytes=self._budget.dropped,
            digest=self._digest.digest(),
            outputs=dict(captured.values),
        )
        return end, [str(problem) for problem in captured.problems]


def _mask_at(masker: Masker, position: Sequence[int] | None) -> MaskStream:
    """A mask for a stream that goes on at a stored position."""
    return MaskStream(masker) if position is None else MaskStream(masker, position[1])


@dataclass(slots=True)
class _Batch:
    """What is written in one commit."""

    intents: dict[int, bool] = field(default_factory=dict)
    ends: list[TargetEnd] = field(default_factory=list)
    changes: list[tuple[Any, ...]] = field(default_factory=list)
    output: dict[TargetLog, list[output.Piece]] = field(default_factory=dict)
    progress: list[run_writes.TargetProgress] = field(default_factory=list)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.waiting or self.output)

    def close(self) -> None:
        """Nothing more comes: note how far the targets are that go on, as of this output."""
        # One that is unknown may be looked at again, and then goes on from here.
        ended = {end.id for end in self.ends if end.state is not TargetState.UNKNOWN}
        self.progress = [
            taker.progress() for taker in self.output if taker.claimed and taker.row.id not in ended
        ]

    def write(self, tx: Transaction, place: Place) -> None:
        """Store everything but the counts."""
        if self.intents:
            run_writes.mark_running(tx, self.intents)
            failpoints.reach("target.intent.written")
        additions = [
            output.Addition(target_run_id=taker.row.id, offset=taker.stored_bytes, pieces=pieces)
            for taker, pieces in self.output.items()
        ]
        output.append(tx, place.run_id, additions)
        if additions:
            failpoints.reach("target.output.written")
        if self.progress:
            run_writes.note_progress(tx, self.progress)
        if self.ends:
            run_writes.finish_targets(tx, self.ends)
            failpoints.reach("target.end.written")
        if self.changes:
            run_writes.journal_targets(tx, place.run_id, place.step, place.attempt, self.changes)

    def answer(self, error: Exception | None) -> None:
        """Tell everybody who waits how the commit went."""
        if error is None:
            for taker, pieces in self.output.items():
                taker.stored(sum(len(piece.data) for piece in pieces))
        for future in self.waiting:
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


@dataclass(frozen=True, slots=True)
class Place:
    """One attempt of one step of a run."""

    run_id: str
    step: str
    attempt: int


class StepRecorder:
    """Writes what happens on the targets of one step's attempt, in groups."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        place: Place,
        counts: Counter[TargetState],
        run_counts: Callable[[], Mapping[str, int]],
        on_output: Callable[[], None],
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._place = place
        self.counts = counts
        """How many targets are in each state, as committed or about to be."""
        self._parts: dict[int, list[Counter[TargetState]]] = {}
        """Ordinal -> counts of the parts of the step that the target is in."""
        self._run_counts = run_counts
        self._on_output = on_output
        self._batch = _Batch()
        self._flushing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def started(self, row: TargetRow, *, claimed: bool) -> None:
        """Commit the intent to run on a target; only then may anything leave the machine."""
        self._batch.intents[row.id] = claimed
        self._change(row, TargetState.WAITING, TargetState.RUNNING)
        await self._committed()

    async def renewed(self, row: TargetRow, attempt_id: str) -> None:
        """Commit another id for an attempt that never started; only then may it be tried again."""
        await self._now(lambda tx: run_writes.renew_attempt(tx, row.id, attempt_id))

    async def unclaimed(self, row: TargetRow) -> None:
        """Commit that the target keeps no claim; only then may the work run there."""
        await self._now(lambda tx: run_writes.drop_claim(tx, row.id))

    async def dangers(self, row: TargetRow, found: Sequence[Hit], decision: Decision) -> None:
        """Commit which rules a target's work meets; only then does anything follow from it."""
        hits = [StepHit(step=row.step, hit=hit, hosts=(row.host,)) for hit in found]
        run_id = self._place.run_id
        await self._now(lambda tx: dangers.add(tx, run_id, runs.ENGINE_ACTOR, hits, decision))

    async def ended(self, row: TargetRow, old: TargetState, end: TargetEnd) -> None:
        """Commit how a target ended, with all its output."""
        self._batch.ends.append(end)
        self._change(row, old, end.state, end.code, end.exit_code)
        await self._committed()

    def output(self, taker: TargetLog, stream: Stream, data: bytes) -> None:
        """Take output that is to be stored soon."""
        pieces = self._batch.output.setdefault(taker, [])
        at = timestamp(self._clock.now())
        pieces.append(output.Piece(stream=stream.value, data=data, at=at))
        if taker.unstored >= _CHUNK_BYTES:
            self._flush()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_LIVE_DELAY_S, self._flush)

    def follow(self, rows: Sequence[TargetRow]) -> Counter[TargetState]:
        """How many of `rows` are in each state, kept up to date from now on."""
        counts = Counter(row.state for row in rows)
        for row in rows:
            self._parts.setdefault(row.ordinal, []).append(counts)
        return counts

    def _change(self, row: TargetRow, old: TargetState, new: TargetState, *rest: Any) -> None:
        for counts in (self.counts, *self._parts.get(row.ordinal, ())):
            counts[old] -= 1
            counts[new] += 1
        self._batch.changes.append((row.ordinal, new.value, *rest))

    async def _committed(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._batch.waiting.append(future)
        self._flush()
        await future

    async def _now(self, write: Callable[[Transaction], None]) -> None:
        await write_until_kept(self._writer, self._place.run_id, write)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is None and not self._batch.empty:
            self._flushing = asyncio.get_running_loop().create_task(self._flush_all())

    async def _flush_all(self) -> None:
        try:
            while not self._batch.empty:
                await self._flush_once()
        finally:
            self._flushing = None

    async def _flush_once(self) -> None:
        batch, self._batch = self._batch, _Batch()
        batch.close()
        place, counts, run_counts = self._place, add_up([self.counts]), self._run_counts()

        def write(tx: Transaction) -> None:
            batch.write(tx, place)
            if batch.changes:
                run_writes.set_counts(
                    tx, place.run_id, place.step, place.attempt, counts, run_counts
                )
            failpoints.reach("batch.written")

        try:
            await write_until_kept(self._writer, place.run_id, write)
        except Exception as error:  # noqa: BLE001 - everybody who waits gets it
            batch.answer(error)
            return
        failpoints.reach("batch.kept")
        batch.answer(None)
        if batch.output:
            self._on_output()


async def write_until_kept(writer: Writer, run_id: str, write: Callable[[Transaction], T]) -> T:
    """Commit, however long the disk refuses.

    What happened on a target cannot be asked for again, so it waits here; and
    as intents wait too, nothing new starts while nothing can be recorded.
    """
    while True:
        try:
            return await writer.write(write)
        except StorageFault as fault:
            if writer.closed:
                raise
            log.error("storage.refused", run=run_id, fault=str(fault))
            await asyncio.sleep(_RETRY_DELAY_S)


def add_up(parts: Sequence[Mapping[TargetState, int]]) -> dict[str, int]:
    """The sum of several counts, as JSON values; states that nothing is in are left out."""
    totals = ((name, sum(part.get(state, 0) for part in parts)) for state, name in _STATES)
    return {name: total for name, total in totals if total}


_STATES = [(state, state.value) for state in TargetState]

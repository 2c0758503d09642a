"""Files to and from one target: each whole or not at all, whatever breaks on the way.

    what is there?  ->  the same: nothing is sent
                    ->  a beginning of it: the rest is sent
                    ->  else all of it
    -> unfinished copy -> SHA-256 -> mode, owner -> rename

One program on the target for each file (`put.sh`, `get.sh`). A lost line is taken up on another
connection at the last byte that arrived; only when no connection comes for a while has the
transfer failed. Its whole effect is a rename of something complete, so all of it may be done again.

Files of one target follow one another; targets go side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from core.domain.files.paths import joined, shown
from core.domain.files.resuming import Found, resume_at, temp_name
from core.domain.run import TargetCode, TargetState
from core.domain.steps.files import Exists
from core.domain.tasks import Pull, Push
from core.errors import TargetError
from core.executors import outcomes
from core.executors.attempt import Link, Patience
from core.executors.conduct import NewToken
from core.executors.files import programs
from core.executors.files.exchange import Exchange, LineLost, Unstarted, conversation
from core.executors.files.failures import TransferFailed, refused
from core.executors.files.landing import Landing
from core.executors.files.pace import Pace
from core.executors.files.sources import MAX_FILES, Piece, Sources
from core.executors.protocol import Outcome, OutputLimitReached, Sink, Stream, Work
from core.executors.shell import Launch
from core.executors.stopping import StopSignal

_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0)
"""Between tries on a lost line; as many tries, then it has failed."""
_SEND_BYTES = 256 << 10

T = TypeVar("T")


class Courier:
    """Carries files behind one link."""

    def __init__(
        self, link: Link, patience: Patience, new_token: NewToken, sources: Sources
    ) -> None:
        self._link = link
        self._patience = patience
        self._new_token = new_token
        self._sources = sources

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        """Carry all files of `work`, or as many as can be."""
        try:
            async with stop.breaks(), asyncio.timeout(work.timeout_s):
                return await self._carry(work, sink)
        except TimeoutError:
            if stop.is_set():
                return _ended(TargetState.TERMINATED, TargetCode.CANCELLED, "cancelled")
            late = f"it was not done after {work.timeout_s:g} s"
            return _ended(TargetState.TIMED_OUT, TargetCode.COMMAND_TIMEOUT, late)
        except OutputLimitReached:
            return outcomes.printed_too_much("")
        except (TransferFailed, Unstarted) as failure:
            return failure.outcome
        except TargetError as error:
            return outcomes.refused(error)

    async def _carry(self, work: Work, sink: Sink) -> Outcome:
        task, report = work.task, _Report(sink)
        if isinstance(task, Push):
            pieces = await self._sources.pieces(task, work.env)
            pace = Pace(task.bytes_per_s, report.note)
            for piece in pieces:
                name = task.name or piece.name
                put = partial(self._put, work, task, piece, name, pace, report)
                await report.file(joined(task.folder, name), self._again(put, report))
        else:
            assert isinstance(task, Pull)
            pace = Pace(task.bytes_per_s, report.note)
            for pattern in task.paths:
                listing = partial(self._list, work, pattern, report)
                try:
                    files = await self._again(listing, report)
                except TransferFailed as failure:
                    missing = failure.state is TargetState.FILE_SOURCE_MISSING
                    if missing and task.may_be_missing:
                        report.note(str(failure))
                        continue
                    raise
                for file in files:
                    get = partial(self._get, work, task, file, pace, report)
                    await report.file(file.path, self._again(get, report))
        return report.outcome()

    def _talk(
        self, work: Work, launch: Launch, report: _Report
    ) -> AbstractAsyncContextManager[Exchange]:
        return conversation(self._link, launch, work, self._patience, report.noise)

    async def _again(self, act: Callable[[], Awaitable[T]], report: _Report) -> T:
        """What `act` brings, on as many connections as it takes."""
        for delay_s in _DELAYS_S:
            try:
                return await act()
            except LineLost as loss:
                report.note(f"{loss}; going on in {delay_s:g} s")
                await asyncio.sleep(delay_s)
        try:
            return await act()
        except LineLost as loss:
            raise TargetError(
                TargetCode.CONNECTION_LOST,
                f"the connection was lost again and again: {loss}",
                hint="what had arrived is kept there: a retry goes on from it",
            ) from loss

    # ------------------------------------------------------------------ to the target

    async def _put(
        self, work: Work, task: Push, piece: Piece, name: str, pace: Pace, report: _Report
    ) -> str:
        """Bring one file to its place there; what became of it."""
        digest = await self._sources.digest(piece)
        launch = programs.put(
            self._new_token(),
            as_other_user=self._link.become is not None,
            folder=task.folder,
            path=name,
            temp=temp_name(task.key, name, digest),
            want=digest,
            size=str(piece.size),
            mode=task.mode or "",
            owner=task.owner or "",
            made=f"{piece.mode:o}",
            makes="yes" if task.makes_folders else "",
        )
        async with self._talk(work, launch, report) as there:
            found = _found(_answer(await there.line(), "have", name))
            if found.digest == digest:
                await there.send(b"same\n")
            elif found.exists and task.exists != Exists.OVERWRITE:
                await there.send(b"leave\n")
                return _left(task.exists, name)
            else:
                offset = await self._missing_from(piece, found)
                if offset:
                    report.note(f"{shown(name)}: going on at byte {offset:,}")
                await there.send(f"put {offset}\n".encode())
                await self._pour(there, piece, offset, pace)
            there.end_input()
            (done,) = _answer(await there.line(), "done", name)
        return f"{done}  {digest}"

    async def _missing_from(self, piece: Piece, found: Found) -> int:
        if found.part_digest is None or not 0 < found.part_bytes <= piece.size:
            return 0
        first = await self._sources.digest(piece, found.part_bytes)
        return resume_at(found, piece.size, lambda _: first)

    async def _pour(self, there: Exchange, piece: Piece, offset: int, pace: Pace) -> None:
        """Send the file from `offset` on, unless the program has already said why it will not."""
        pace.begin(shown(piece.name), piece.size, offset)
        while offset < piece.size and not there.has_spoken:
            block = memoryview(await self._sources.block(piece, offset))[: piece.size - offset]
            if not block:
                raise refused("damaged", "", piece.name)
            offset += len(block)
            while block and not there.has_spoken:
                await there.send(block[:_SEND_BYTES])
                await pace.spend(len(block[:_SEND_BYTES]))
                block = block[_SEND_BYTES:]

    # ------------------------------------------------------------------ from the target

    async def _list(self, work: Work, pattern: str, report: _Report) -> list[_There]:
        launch = programs.list_(
            self._new_token(), as_other_user=self._link.become is not None, pattern=pattern
        )
        found: list[_There] = []
        async with self._talk(work, launch, report) as there:
            while True:
                first = await there.record()
                if first == ".":
                    return found
                if first.startswith("no "):
                    _answer(first, "", pattern)
                size, mode, name, path = first, *[await there.record() for _ in range(3)]
                found.append(_There(name, path, int(size), int(mode, 8) & 0o777))
                if len(found) > MAX_FILES:
                    many = f"{pattern} stands for more than {MAX_FILES:,} files"
                    raise TransferFailed(TargetState.FILE_FAILED, TargetCode.INVALID_OPTIONS, many)

    async def _get(self, work: Work, task: Pull, file: _There, pace: Pace, report: _Report) -> str:
        """Bring one file to its place here; what became of it."""
        apart = self._sources.apart
        launch = programs.get(
            self._new_token(), as_other_user=self._link.become is not None, path=file.path
        )
        async with self._talk(work, launch, report) as there:
            size_text, digest = _answer(await there.line(), "has", file.path)
            size = int(size_text)
            landing = Landing(task.folder, file.name, task.key, digest)
            try:
                await apart(partial(landing.enter, makes_folders=task.makes_folders))
                found = await apart(partial(landing.found, size))
                if found.digest == digest:
                    await there.send(b"leave\n")
                    return f"unchanged  {digest}"
                if found.exists and task.exists != Exists.OVERWRITE:
                    await there.send(b"leave\n")
                    return _left(task.exists, file.name)
                part = found.part_bytes if found.part_bytes <= size else 0
                await there.send(f"get {part} {found.part_digest or '-'}\n".encode())
                there.end_input()
                (offset,) = map(int, _answer(await there.line(), "from", file.path))
                pace.begin(shown(file.name), size, offset)
                await apart(partial(landing.begin, offset))
                while offset < size:
                    data = await there.some()
                    await apart(partial(landing.write, data[: size - offset]))
                    offset += len(data)
                    await pace.spend(len(data))
                await apart(
                    partial(
                        landing.finish,
                        mode=file.mode if task.keeps_mode else 0o600 | file.mode & 0o100,
                        replaces=task.exists == Exists.OVERWRITE,
                    )
                )
            finally:
                await asyncio.shield(apart(landing.close))
        return f"{'replaced' if found.exists else 'created'}  {digest}"


@dataclass(frozen=True, slots=True)
class _There:
    """A file of the target."""

    name: str
    """Below the folder that it goes to."""
    path: str
    size: int
    mode: int
    """Permission bits."""


class _Report:
    """What a person reads, and what becomes of the attempt."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._failures: list[TransferFailed] = []
        self._files = 0

    def note(self, text: str) -> None:
        self.noise(f"Jobdeck: {text}\n".encode("utf-8", "replace"))

    def noise(self, data: bytes) -> None:
        self._sink.write(Stream.NOTE, data)

    async def file(self, path: str, transfer: Awaitable[str]) -> None:
        """One line for a file: what became of it, SHA-256, path. A failure stops no other file."""
        self._files += 1
        try:
            stream, text = Stream.OUT, f"{await transfer}  {shown(path)}\n"
        except TransferFailed as failure:
            self._failures.append(failure)
            stream, text = Stream.ERR, f"failed  {failure}\n"
        if not self._sink.write(stream, text.encode("utf-8", "replace")):
            await self._sink.ready()

    def outcome(self) -> Outcome:
        if not self._failures:
            return Outcome(state=TargetState.SUCCESS)
        first = self._failures[0]
        if self._files == 1:
            return first.outcome
        count = f"{len(self._failures)} of {self._files} files failed; the first: {first}"
        return Outcome(state=first.state, code=first.code, message=count)


def _answer(line: str, expected: str, file: str) -> list[str]:
    """The words after `expected`; TransferFailed where the program says no."""
    word, *words = line.split(" ")
    if word == "no" and words:
        if words[0] == "short":
            raise LineLost("not all of it arrived")
        raise refused(words[0], " ".join(words[1:]), file)
    if word != expected:
        raise LineLost("what the host says cannot be understood")
    return words


def _found(words: list[str]) -> Found:
    exists, digest, part, part_digest = words
    return Found(
        exists=exists == "yes",
        digest=None if digest == "-" else digest,
        part_bytes=int(part),
        part_digest=None if part_digest == "-" else part_digest,
    )


def _left(exists: str, name: str) -> str:
    """What becomes of a file that is there already, with other content."""
    if exists == Exists.FAIL:
        raise refused("exists", "", name)
    return f"skipped  {'-' * 64}"


def _ended(state: TargetState, code: TargetCode, why: str) -> Outcome:
    message = f"{why}; files that were complete are in place, no other was touched"
    return Outcome(state=state, code=code, message=message)

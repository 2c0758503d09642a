"""What a person reads of a transfer, and what becomes of the attempt."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

from core.domain.files.paths import shown
from core.domain.run import TargetState
from core.executors.files.failures import TransferFailed
from core.executors.protocol import Outcome, Sink, Stream


@dataclass(frozen=True, slots=True)
class Became:
    """What became of one file, or would."""

    word: str
    digest: str
    change: str = ""
    """Lines of a diff, each ended."""


class Report:
    """One attempt's."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._failures: list[TransferFailed] = []
        self._files = 0

    def note(self, text: str) -> None:
        self.noise(f"Jobdeck: {text}\n".encode("utf-8", "replace"))

    def noise(self, data: bytes) -> None:
        self._sink.write(Stream.NOTE, data)

    async def file(self, path: str, transfer: Awaitable[Became]) -> None:
        """One line for a file: what became of it, SHA-256, path. A failure stops no other file."""
        try:
            became = await transfer
        except TransferFailed as failure:
            self._failures.append(failure)
            stream, text = Stream.ERR, f"failed  {failure}\n"
        else:
            line = f"{became.word}  {became.digest}  {shown(path)}\n"
            stream, text = Stream.OUT, line + became.change
        self._files += 1
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

"""One file to its place on a target, in talk with put.sh."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.files.deciding import MAX_DIFF_BYTES, Fate, change_in_words, fate_of
from core.domain.files.paths import shown
from core.domain.files.resuming import Found, resume_at, temp_name
from core.domain.tasks import Push
from core.executors.files import programs
from core.executors.files.exchange import Exchange, Talker, words_after
from core.executors.files.failures import refused
from core.executors.files.pace import Pace
from core.executors.files.report import Became
from core.executors.files.sources import Piece, Sources

_SEND_BYTES = 256 << 10


class Pushing:
    """The files of one push."""

    def __init__(self, task: Push, talker: Talker, sources: Sources, pace: Pace) -> None:
        self._task = task
        self._talker = talker
        self._sources = sources
        self._pace = pace

    async def put(self, piece: Piece, note: Callable[[str], None]) -> Became:
        """Bring `piece` to its place there, or only say what would become of it."""
        digest = await self._sources.digest(piece)
        async with self._talker.talk(programs.PUT, **self._values(piece, digest)) as there:
            found = _found(words_after("have", await there.line(), piece.name))
            fate = fate_of(found, digest, self._task.exists)
            if fate is Fate.REFUSE:
                raise refused("exists", "", piece.name)
            if self._task.check:
                change = ""
                if fate is Fate.REPLACE and self._task.diff:
                    change = await self._change(there, piece)
                return Became(fate, digest, change)
            if fate is Fate.SKIP:
                return Became(fate.done, digest)
            if fate is Fate.UNCHANGED:
                await there.send(b"same\n")
            else:
                offset = await self._missing_from(piece, found)
                if offset:
                    note(f"{shown(piece.name)}: going on at byte {offset:,}")
                await there.send(f"put {offset}\n".encode())
                await self._pour(there, piece, offset)
            there.end_input()
            words_after("done", await there.line(), piece.name)
        return Became(fate.done, digest)

    def _values(self, piece: Piece, digest: str) -> dict[str, str]:
        task = self._task
        return {
            "folder": task.folder,
            "path": piece.name,
            "temp": temp_name(task.key, piece.name, digest),
            "want": digest,
            "size": str(piece.size),
            "mode": task.mode or "",
            "owner": task.owner or "",
            "made": f"{piece.mode:o}",
            "makes": "yes" if task.makes_folders else "",
            "check": "yes" if task.check else "",
        }

    async def _change(self, there: Exchange, piece: Piece) -> str:
        """How the text there would change; "" where that is too much, or no text."""
        if piece.size > MAX_DIFF_BYTES:
            return ""
        await there.send(b"show\n")
        (size,) = map(int, words_after("content", await there.line(), piece.name))
        if size > MAX_DIFF_BYTES:
            return ""
        return change_in_words(await there.exactly(size), await self._sources.block(piece, 0))

    async def _missing_from(self, piece: Piece, found: Found) -> int:
        if found.part_digest is None or not 0 < found.part_bytes <= piece.size:
            return 0
        first = await self._sources.digest(piece, found.part_bytes)
        return resume_at(found, piece.size, lambda _: first)

    async def _pour(self, there: Exchange, piece: Piece, offset: int) -> None:
        """Send the file from `offset` on, unless the program has already said why it will not."""
        self._pace.begin(shown(piece.name), piece.size, offset)
        while offset < piece.size and not there.has_spoken:
            block = memoryview(await self._sources.block(piece, offset))[: piece.size - offset]
            if not block:
                raise refused("damaged", "", piece.name)
            offset += len(block)
            while block and not there.has_spoken:
                await there.send(block[:_SEND_BYTES])
                await self._pace.spend(len(block[:_SEND_BYTES]))
                block = block[_SEND_BYTES:]


def _found(words: list[str]) -> Found:
    exists, digest, part, part_digest = words
    return Found(
        exists=exists == "yes",
        digest=None if digest == "-" else digest,
        part_bytes=int(part),
        part_digest=None if part_digest == "-" else part_digest,
    )

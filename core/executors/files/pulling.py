"""Files of a target to their places here, in talk with list.sh and get.sh."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from core.domain.files.deciding import Exists, Fate, fate_of
from core.domain.files.paths import shown
from core.domain.run import TargetCode, TargetState
from core.domain.tasks import Pull
from core.executors.files import programs
from core.executors.files.exchange import Exchange, Talker, words_after
from core.executors.files.failures import TransferFailed, refused
from core.executors.files.landing import Landing
from core.executors.files.pace import Pace
from core.executors.files.report import Became
from core.executors.files.sources import MAX_FILES

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the target."""

    name: str
    """Below the folder that it goes to."""
    path: str
    mode: int
    """Permission bits."""


class Apart(Protocol):
    """Does something slow in a thread."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


class Pulling:
    """The files of one pull."""

    def __init__(self, task: Pull, talker: Talker, apart: Apart, pace: Pace) -> None:
        self._task = task
        self._talker = talker
        self._apart = apart
        self._pace = pace

    async def list_(self, pattern: str) -> list[Listed]:
        """The files that a path or a pattern stands for there; TransferFailed where it is none."""
        found: list[Listed] = []
        async with self._talker.talk(programs.LIST, pattern=pattern) as there:
            while (first := await there.record()) != ".":
                if not first.isdecimal():
                    words_after("", first, pattern)
                mode, name, path = [await there.record() for _ in range(3)]
                found.append(Listed(name, path, int(mode, 8) & 0o777))
                if len(found) > MAX_FILES:
                    many = f"{shown(pattern)} stands for more than {MAX_FILES:,} files"
                    raise TransferFailed(TargetState.FILE_FAILED, TargetCode.INVALID_OPTIONS, many)
        return found

    async def get(self, file: Listed) -> Became:
        """Bring one file to its place here, or only say what would become of it."""
        async with self._talker.talk(programs.GET, path=file.path) as there:
            size_text, digest = words_after("has", await there.line(), file.path)
            landing = Landing(self._task.folder, file.name, self._task.key, digest)
            try:
                return await self._land(there, file, landing, int(size_text), digest)
            finally:
                await asyncio.shield(asyncio.ensure_future(self._apart(landing.close)))

    async def _land(
        self, there: Exchange, file: Listed, landing: Landing, size: int, digest: str
    ) -> Became:
        task, apart = self._task, self._apart
        makes = task.makes_folders and not task.check
        if not await apart(partial(landing.enter, makes_folders=makes)):
            if task.check and task.makes_folders:
                return Became(Fate.CREATE, digest)
            raise refused("folder", "it is not there", landing.shown)
        found = await apart(partial(landing.found, size))
        fate = fate_of(found, digest, task.exists)
        if fate is Fate.REFUSE:
            raise refused("exists", "", landing.shown)
        if task.check or fate in (Fate.UNCHANGED, Fate.SKIP):
            return Became(fate if task.check else fate.done, digest)
        part = found.part_bytes if found.part_bytes <= size else 0
        await there.send(f"get {part} {found.part_digest or '-'}\n".encode())
        there.end_input()
        (offset,) = map(int, words_after("from", await there.line(), file.path))
        self._pace.begin(shown(file.name), size, offset)
        await apart(partial(landing.begin, offset))
        while offset < size:
            data = await there.some()
            await apart(partial(landing.write, data[: size - offset]))
            offset += len(data)
            await self._pace.spend(len(data))
        mode = file.mode if task.keeps_mode else 0o600 | file.mode & 0o100
        replaces = task.exists == Exists.OVERWRITE
        await apart(partial(landing.finish, mode=mode, replaces=replaces))
        return Became(fate.done, digest)

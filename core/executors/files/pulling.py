"""Files of a target to their places here, however that is talked to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from core.domain.files.deciding import Exists, Fate, fate_of
from core.domain.files.paths import shown
from core.domain.tasks import Pull
from core.executors.files.failures import refused
from core.executors.files.landing import Landing
from core.executors.files.pace import Pace
from core.executors.files.report import Became

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the target."""

    name: str
    """Below the folder that it goes to."""
    path: str
    mode: int
    """Permission bits."""


class Given(Protocol):
    """A file that a target gives out. LineLost and TransferFailed, from all of it."""

    async def looked_at(self) -> tuple[int, str]:
        """Its size and its SHA-256; asked first, and once. As it is then, it is given."""

    async def begin(self, part_bytes: int, part_digest: str | None) -> int:
        """Where `data` begins: after those first bytes, if that is their SHA-256; else at 0."""

    def data(self) -> AsyncIterator[bytes]:
        """The rest of it, after `begin`."""


class Origin(Protocol):
    """A way to the files of a target."""

    async def list_(self, pattern: str) -> Sequence[Listed]:
        """The files that a path or a pattern stands for there; TransferFailed where it is none."""

    def open(self, file: Listed) -> AbstractAsyncContextManager[Given]:
        """One of them."""


class Apart(Protocol):
    """Does something slow in a thread."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


class Pulling:
    """The files of one pull."""

    def __init__(self, task: Pull, origin: Origin, apart: Apart, pace: Pace) -> None:
        self._task = task
        self._origin = origin
        self._apart = apart
        self._pace = pace

    async def get(self, file: Listed) -> Became:
        """Bring one file to its place here, or only say what would become of it."""
        async with self._origin.open(file) as given:
            size, digest = await given.looked_at()
            landing = Landing(self._task.folder, file.name, self._task.key, digest)
            try:
                return await self._land(given, file, landing, size, digest)
            finally:
                await asyncio.shield(asyncio.ensure_future(self._apart(landing.close)))

    async def _land(
        self, given: Given, file: Listed, landing: Landing, size: int, digest: str
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
        offset = await given.begin(part, found.part_digest)
        self._pace.begin(shown(file.name), size, offset)
        await apart(partial(landing.begin, offset))
        async for data in given.data():
            await apart(partial(landing.write, data))
            await self._pace.turn(len(data))
            await self._pace.spend(len(data))
        mode = file.mode if task.keeps_mode else 0o600 | file.mode & 0o100
        replaces = task.exists == Exists.OVERWRITE
        await apart(partial(landing.finish, mode=mode, replaces=replaces))
        return Became(fate.done, digest)

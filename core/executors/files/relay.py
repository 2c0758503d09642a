"""Files of hosts and web servers for hosts: fetched once into a folder here, then sent to each.

Source and target are entered by their own kinds of access; neither has to reach the other. The
first target that needs a source's files fetches them, the others wait for it. Nobody's files stay:
a while after the last target they are removed.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from core.domain.files.paths import joined
from core.domain.run import TargetState
from core.domain.tasks import Distribute, Download, FileSource
from core.errors import TargetError
from core.executors import outcomes
from core.executors.files.downloading import download
from core.executors.protocol import Executor, Outcome, Session, Sink, Stream, Target, Work
from core.executors.stopping import StopSignal

_KEPT_S = 60.0
"""Files stay this long after the last target: the next batch may want them."""
_KEY_CHARACTERS = 32
_OF_THE_STEP = frozenset(
    {
        TargetState.TIMED_OUT,
        TargetState.TERMINATED,
        TargetState.CHECKSUM_MISMATCH,
        TargetState.SUBMIT_FAILED,
        TargetState.INVALID_TARGET,
        TargetState.UNKNOWN,
    }
)
"""What became of a fetch, as it is said of the target too; anything else is the source's failure."""
_WEB = "(web)"
"""Folder of what came from web servers; no host is called so."""

Fetch = Callable[[], Coroutine[Any, Any, Outcome]]


class RelayExecutor:
    """Access to a target that is brought files of other hosts."""

    def __init__(self, executors: Mapping[str, Executor], folder: Path) -> None:
        """`executors`: by protocol, and somebody else's to close. `folder`: holds what is on its way."""
        self._executors = executors
        self._folder = folder
        self._stages: dict[str, _Stage] = {}

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[Session]:
        async with self._executors[target.protocol].open(target) as session:
            yield _RelaySession(self, session, target)

    async def close(self) -> None:
        for stage in self._stages.values():
            stage.forget()
        self._stages.clear()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    @contextmanager
    def stage(self, key: str) -> Iterator[_Stage]:
        """What is fetched for one step of one run; kept while anybody is in the block."""
        stage = self._stages.get(key)
        if stage is None:
            name = hashlib.sha256(key.encode()).hexdigest()[:_KEY_CHARACTERS]
            stage = self._stages[key] = _Stage(self._folder / name)
        stage.enter()
        try:
            yield stage
        finally:
            stage.leave(lambda: self._stages.pop(key, None))

    async def download(
        self, what: Download, target: Target, place: Path, work: Work, stop: StopSignal
    ) -> Outcome:
        """Bring a file of a web server to `place`, by what is allowed for `target`."""
        return await download(self._executors["http"], what, target, place, work, stop)

    async def fetch(self, source: Target, work: Work, stop: StopSignal) -> Outcome:
        """Bring the files of one source into the folder that its pull names."""
        try:
            async with self._executors[source.protocol].open(source) as session:
                return await session.run(work, _Notes(), stop)
        except TargetError as error:
            return outcomes.refused(error)


class _RelaySession:
    def __init__(self, relay: RelayExecutor, inner: Session, target: Target) -> None:
        self._relay = relay
        self._inner = inner
        self._target = target

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        task = work.task
        if not isinstance(task, Distribute):
            return await self._inner.run(work, sink, stop)
        with self._relay.stage(task.pull.key) as stage:
            found: list[FileSource] = []
            for source in self._target.sources:
                folder = joined(str(stage.folder), source.host)
                pull = msgspec.structs.replace(task.pull, folder=folder)
                asking = msgspec.structs.replace(work, task=pull)
                fetch = partial(self._relay.fetch, source, asking, stop)
                if (failed := await self._fetched(stage, source.host, fetch, sink)) is not None:
                    return failed
                found += await asyncio.to_thread(_sources, folder, by_source=task.by_source)
            for number, download in enumerate(task.downloads):
                place = stage.folder / _WEB / str(number) / download.name
                fetch = partial(self._relay.download, download, self._target, place, work, stop)
                # One target's networks say nothing about another's.
                name = f"{urlsplit(download.request.url).hostname} {self._target.networks} {number}"
                if (failed := await self._fetched(stage, name, fetch, sink)) is not None:
                    return failed
                found.append(FileSource(path=str(place)))
            push = msgspec.structs.replace(task.push, sources=tuple(found))
            return await self._inner.run(msgspec.structs.replace(work, task=push), sink, stop)

    async def _fetched(self, stage: _Stage, name: str, fetch: Fetch, sink: Sink) -> Outcome | None:
        """None where what `name` stands for is here; else what that means for the target."""
        outcome, shown = await stage.fetched(name, fetch), name.partition(" ")[0]
        if outcome.state is TargetState.SUCCESS:
            sink.write(Stream.NOTE, f"Jobdeck: fetched from {shown}\n".encode())
            return None
        # The target was reached: what cannot be reached, or says no, is who has the file.
        state = outcome.state if outcome.state in _OF_THE_STEP else TargetState.FILE_SOURCE_MISSING
        message = f"from {shown}: {outcome.message}"
        return msgspec.structs.replace(outcome, state=state, message=message)

    async def settle(self) -> None:
        await self._inner.settle()


@dataclass(eq=False, slots=True)
class _Stage:
    """The files for one step of one run."""

    folder: Path
    _users: int = 0
    _fetches: dict[str, asyncio.Task[Outcome]] = field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None

    def enter(self) -> None:
        self._users += 1
        self.forget()

    def leave(self, drop: Callable[[], object]) -> None:
        self._users -= 1
        if self._users == 0:
            self._timer = asyncio.get_running_loop().call_later(_KEPT_S, self._remove, drop)

    def forget(self) -> None:
        """Do not remove anything by yourself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def fetched(self, name: str, fetch: Fetch) -> Outcome:
        """How fetching something went, whoever did it; one that failed is tried again."""
        task = self._fetches.get(name)
        if task is None or (task.done() and not _went_well(task)):
            task = self._fetches[name] = asyncio.ensure_future(fetch())
        return await asyncio.shield(task)

    def _remove(self, drop: Callable[[], object]) -> None:
        drop()
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, partial(shutil.rmtree, self.folder, ignore_errors=True))


class _Notes:
    """A sink for a fetch, which no target's record is about."""

    def write(self, stream: Stream, data: bytes) -> bool:
        return True

    async def ready(self) -> None:
        """There is always room."""

    async def unclaimed(self, reason: str) -> None:
        """Transfers are direct always."""


def _went_well(task: asyncio.Task[Outcome]) -> bool:
    if task.cancelled() or task.exception() is not None:
        return False
    return task.result().state is TargetState.SUCCESS


def _sources(folder: str, *, by_source: bool) -> list[FileSource]:
    if by_source:
        return [FileSource(path=folder)]
    return [FileSource(path=str(path)) for path in sorted(Path(folder).iterdir())]

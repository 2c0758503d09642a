"""The engine: the wired parts, their life, and how they are.

`core.bootstrap` picks the parts; this class starts them in order, stops them
in reverse, and answers for their health.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec
import structlog

from core import failpoints
from core.clock import Clock
from core.config import Settings
from core.domain.run import TargetState
from core.executors.protocol import Executor
from core.executors.workers import WorkerStatus
from core.home import Home
from core.ids import Ids
from core.runtime.approvals import Approvals
from core.runtime.contents import Contents
from core.runtime.gathering import Gathering
from core.runtime.hostkeys import HostKeys
from core.runtime.lock import HomeLock
from core.runtime.lostlines import Lost, LostLines
from core.runtime.notices import Notices
from core.runtime.periodic import Periodic
from core.runtime.plans import Plans
from core.runtime.queue import QueueStatus, RunQueue
from core.runtime.recovery import Recovery
from core.runtime.retention import Retention
from core.runtime.runs import Runs
from core.runtime.schedules import Schedules, SchedulesStatus
from core.runtime.signals import OutputSignal
from core.runtime.sources import InventorySources, Refreshing
from core.runtime.watching import Watching
from core.storage import outbox, runs, sources
from core.storage.documents import Documents
from core.storage.store import Store
from core.storage.writer import timestamp
from core.vault.keychain import State
from core.vault.vault import Vault

log = structlog.get_logger(__name__)

_HOME_CHECK_S = 2.0


class StopMode(StrEnum):
    """How an engine stops."""

    DRAIN = "drain"
    """Every run is finished first."""
    DETACH = "detach"
    """What hosts keep goes on without the engine; what runs directly is finished; what waits stays.
    The next engine takes all of it up again."""


class EngineState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class HookDoor(msgspec.Struct, frozen=True, kw_only=True):
    """Where calls of schedules are taken, beside the engine's own socket."""

    url: str = ""
    """What a caller's address begins with; "" where nothing is listened to."""
    fault: str = ""
    """Why it is not open, or not as it should be; "" where it is."""


class EngineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the engine is, in one look."""

    version: str
    state: EngineState
    pid: int
    home: str
    started_at: str
    uptime_s: float
    runs: dict[str, int]
    """Run state -> number of stored runs in it."""
    live_runs: int
    targets_running: int
    targets_waiting: int
    writes_waiting: int
    storage_fault: str
    """Why nothing can be recorded now; "" where it can."""
    database_bytes: int
    unindexed_chunks: int
    """Parts of output, of up to 64 KiB, that the search index has not come to yet."""
    unlocker: str
    """What keeps the master key, such as `keyring`; `locked` until somebody unlocks the vault."""
    recovered_runs: int
    """Runs that were taken up again at this start."""
    recovery: dict[str, int]
    """Targets that an earlier engine left running, by how far the look after them is:
    looking, following, started, harvested, unknown; empty where none were left."""
    lost_lines: Lost
    pending_host_keys: int
    failing_channels: dict[str, str]
    """Channels whose newest message was not taken, and why."""
    failing_sources: dict[str, str]
    """Inventory sources that did not answer when they were last asked, and why."""
    schedules: SchedulesStatus
    queue: QueueStatus
    hooks: HookDoor
    workers: tuple[WorkerStatus, ...]
    """The SSH worker processes that live now."""


class Engine:
    """One engine; everything that doors and screens ask goes through its parts."""

    def __init__(
        self,
        *,
        home: Home,
        settings: Settings,
        version: str,
        clock: Clock,
        ids: Ids,
        lock: HomeLock,
        store: Store,
        vault: Vault,
        documents: Documents,
        host_keys: HostKeys,
        approvals: Approvals,
        notices: Notices,
        runs: Runs,
        queue: RunQueue,
        plans: Plans,
        gathering: Gathering,
        watching: Watching,
        sources: InventorySources,
        refreshing: Refreshing,
        schedules: Schedules,
        periodic: Periodic,
        outputs: OutputSignal,
        recovery: Recovery,
        lost_lines: LostLines,
        contents: Contents,
        retention: Retention,
        executors: Sequence[Executor],
        workers: Callable[[], Sequence[WorkerStatus]],
    ) -> None:
        self.home = home
        self.settings = settings
        self.version = version
        self.clock = clock
        self.ids = ids
        self.store = store
        self.vault = vault
        self.documents = documents
        self.host_keys = host_keys
        self.approvals = approvals
        self.notices = notices
        self.runs = runs
        self.queue = queue
        self.plans = plans
        self.gathering = gathering
        self.watching = watching
        self.sources = sources
        self.refreshing = refreshing
        self.schedules = schedules
        self._periodic = periodic
        self.outputs = outputs
        self.contents = contents
        self.retention = retention
        self._lock = lock
        self._recovery = recovery
        self.lost_lines = lost_lines
        self.hook_door = HookDoor()
        """As whoever keeps the door has seen it last."""
        self._workers = workers
        self._executors = executors
        self._state = EngineState.STARTING
        self._started_at: datetime = clock.now()
        self._started_monotonic = clock.monotonic()
        self._recovered = 0
        self.stop_requested = asyncio.Event()
        """Set when somebody asked the engine to stop; the process entry waits for it."""
        self._stop_mode = StopMode.DETACH
        self._watching_home: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what an earlier engine left, then accept work."""
        await self.host_keys.load()
        await self.queue.load()
        self._recovered = await self.runs.recover()
        self.queue.start(self.runs.begin, self.runs.yielding.say)
        self.store.indexer.start()
        await self.plans.recover()
        await self.contents.tidy(self.clock.now() - self.retention.rules.contents_age)
        self.retention.start()
        await self.notices.start()
        self.schedules.start()
        self._periodic.start()
        self._watching_home = asyncio.get_running_loop().create_task(self._watch_home())
        self._state = EngineState.RUNNING
        log.info("engine.started", pid=os.getpid(), version=self.version, resumed=self._recovered)

    @property
    def holds_home(self) -> bool:
        """Whether the home is still this engine's; False when its folder was taken away."""
        return self._lock.held

    async def _watch_home(self) -> None:
        """Stop when the home is taken away: the next console starts an engine in a new one."""
        while self.holds_home:  # noqa: ASYNC110 - the file system tells nobody
            await asyncio.sleep(_HOME_CHECK_S)
        log.error("engine.home-lost", home=str(self.home.root))
        self.request_stop(StopMode.DETACH)

    def request_stop(self, mode: StopMode) -> None:
        """Ask the process to stop; the second request may turn a drain into a detach."""
        self._stop_mode = mode
        self.runs.refuse_new(hold=mode is StopMode.DETACH)
        self._state = EngineState.STOPPING
        self.stop_requested.set()

    async def finish_work(self) -> None:
        """Wait for what the mode of the stop waits for; then wake everybody who follows."""
        self.schedules.stop()
        self.approvals.stop()
        await self._periodic.stop()
        await self.plans.close()
        await self.queue.stop()
        await self.runs.drain()
        await self.notices.stop()
        self.outputs.close()
        self.store.feed.close()

    async def stop(self) -> None:
        """Finish what goes on, then close everything."""
        self.request_stop(self._stop_mode)
        await self.finish_work()
        if self._watching_home is not None:
            self._watching_home.cancel()
        failpoints.reach("engine.stopping")
        await self.retention.stop()
        for executor in self._executors:
            await executor.close()
        self.vault.sources.close()
        await asyncio.to_thread(self.store.close)
        self._lock.release()
        log.info("engine.stopped", mode=self._stop_mode.value)

    async def status(self) -> EngineStatus:
        """Version, work, storage and keys."""
        totals = await self.store.reader.read(runs.totals)
        unindexed = await self.store.reader.read(self.store.indexer.behind)
        counts: Counter[str] = Counter()
        keychain = self.vault.keychain
        for driver in self.runs.live.values():
            counts.update(driver.counts)
        return EngineStatus(
            version=self.version,
            state=self._state,
            pid=os.getpid(),
            home=str(self.home.root),
            started_at=timestamp(self._started_at),
            uptime_s=round(self.clock.monotonic() - self._started_monotonic, 1),
            runs=totals,
            live_runs=len(self.runs.live),
            targets_running=counts[TargetState.RUNNING],
            targets_waiting=counts[TargetState.WAITING],
            writes_waiting=self.store.writer.waiting,
            storage_fault=str(self.store.writer.fault or ""),
            database_bytes=self._database_bytes(),
            unindexed_chunks=unindexed,
            unlocker="locked" if keychain.state is State.LOCKED else keychain.unlocker,
            recovered_runs=self._recovered,
            recovery=self._recovery.counts,
            lost_lines=self.lost_lines.now(),
            pending_host_keys=self.host_keys.pending,
            failing_channels=await self.store.reader.read(outbox.failing),
            failing_sources=await self.store.reader.read(sources.failing),
            schedules=await self.schedules.status(),
            queue=self.queue.status(),
            hooks=self.hook_door,
            workers=tuple(self._workers()),
        )

    def _database_bytes(self) -> int:
        path = self.home.database
        files = (path, path.with_name(f"{path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

"""The composition root: settings to a wired engine; the one place that picks parts."""

from __future__ import annotations

import asyncio
import gc
import getpass
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core import failpoints
from core.channels.message import Way
from core.channels.services import ServiceWay
from core.channels.webhook import WebhookWay
from core.clock import Clock, SystemClock
from core.config import Settings, load_settings
from core.domain.authorization import Actor
from core.domain.steps import StepBase
from core.domain.values import SourceKind
from core.executors.protocol import Executor
from core.executors.registry import Access, open_access, ssh_in_worker
from core.executors.workers import WorkerPool, Workers, WorkerStatus, Zygote
from core.flow.definition import FrozenHost
from core.home import Home
from core.ids import Ids, UlidSource
from core.runtime import logs
from core.runtime.approvals import Approvals
from core.runtime.contents import Contents
from core.runtime.driver import Tools
from core.runtime.engine import Engine
from core.runtime.gate import Gate
from core.runtime.gathering import Gathering
from core.runtime.hostkeys import HostKeys
from core.runtime.lock import HomeLock
from core.runtime.lostlines import LostLines
from core.runtime.notices import Notices
from core.runtime.periodic import Periodic
from core.runtime.plans import Plans
from core.runtime.queue import RunQueue
from core.runtime.recovery import Recovery
from core.runtime.retention import Retention
from core.runtime.runs import Runs
from core.runtime.schedules import Schedules
from core.runtime.sending import Sending
from core.runtime.signals import OutputSignal
from core.runtime.sources import InventorySources, Refreshing
from core.runtime.watching import Watching
from core.runtime.work import Ways
from core.scheduling.wakeup import Wakeup
from core.storage.blobs import Blobs
from core.storage.documents import Documents
from core.storage.store import Store
from core.vault.sources import Sources, local
from core.vault.sources.hashicorp import HashicorpReader
from core.vault.sources.reading import Read
from core.vault.vault import Vault
from core.version import product_version

if TYPE_CHECKING:
    from core.storage.backup import Restored


_MOST_WORKERS = 8
"""Unless the settings say more: the engine's own process becomes the bottleneck."""
_CORES_FOR_WORKERS = 4
"""The engine keeps one busy, and each session costs more CPU through a worker: two gain nothing."""


def local_owner() -> Actor:
    """The user whose home this is: who reaches the socket is its owner."""
    try:
        return Actor(name=getpass.getuser())
    except (KeyError, OSError):
        return Actor(name=f"uid {os.getuid()}")


def open_engine(
    home: Home,
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    executors: Mapping[str, Executor] | None = None,
    zygote: Zygote | None = None,
    periodic: bool = True,
) -> Engine:
    """A wired engine that holds its home; call `start` in an event loop, `stop` at the end.

    `executors` (a host's protocol -> executor) replaces the real kinds of access; without a
    `zygote` they all live in this process. Without `periodic` nobody is looked at on an interval.
    """
    clock = clock or SystemClock()
    ids = ids or UlidSource(clock)
    home.create()
    lock = HomeLock(home.lock)
    lock.acquire()
    try:
        settings = settings or load_settings(home.settings)
        return _wire(home, settings, clock, ids, lock, executors, zygote, periodic=periodic)
    except BaseException:
        lock.release()
        raise


def _wire(
    home: Home,
    settings: Settings,
    clock: Clock,
    ids: Ids,
    lock: HomeLock,
    executors: Mapping[str, Executor] | None,
    zygote: Zygote | None,
    *,
    periodic: bool,
) -> Engine:
    store = Store.open(home.root, clock, ids)
    vault = Vault.open(home.key_file, store, ids, _sources(settings))
    host_keys = HostKeys(store, clock, ids)
    outputs = OutputSignal()
    access = executors or open_access(
        Access(
            book=host_keys.book,
            idle_connection_s=settings.idle_connection_s,
            kept_connections=settings.kept_connections,
            cancel_grace_s=settings.cancel_grace_s,
            workers=_workers(settings, zygote),
            clock=clock,
            staging=home.staging,
        )
    )
    caps = settings.caps()

    def executor_for(host: FrozenHost, step: StepBase) -> Executor:
        return access[step.access or host.protocol.value]

    approvals = Approvals(store, clock, ids)
    notices = Notices(
        store,
        vault,
        ids,
        Sending(store, vault, clock, ids, _ways_to_people(access, settings, clock)),
    )
    queue = RunQueue(store, clock, settings)
    tools = Tools(
        store=store,
        vault=vault,
        clock=clock,
        ids=ids,
        gate=Gate(settings.max_targets, queue.share_of),
        executors=executor_for,
        new_budget=caps.run_budget,
        ways=Ways(
            http_networks=settings.http_networks,
            connect_timeout_s=settings.connect_timeout_s,
            epoch=store.next_epoch(),
            local_spool=str(home.claims),
            contents=str(home.contents),
            staging=str(home.staging),
            reattach_s=settings.reattach_s,
        ),
        recovery=Recovery(),
        lost_lines=LostLines(clock),
        approvals=approvals,
        notify=notices.tell,
        on_output=outputs.announce,
        on_bears=queue.set_bears,
    )
    runs = Runs(tools, queue)
    gathering = Gathering(tools, runs)
    documents = Documents(vault)
    sources = InventorySources(tools, documents)
    watching = Watching(store, gathering, clock)
    contents = Contents(store, Blobs(home.contents), clock, ids, settings.most_contents())
    refreshing = Refreshing(sources, tools, clock)
    schedules = Schedules(runs, store, vault, clock, ids, product_version())
    beat = Periodic(
        [
            watching.tick,
            refreshing.tick,
            schedules.tick,
            approvals.tick,
            notices.tick,
            queue.tick,
        ]
        if periodic
        else []
    )
    if periodic:
        schedules.wake_by(Wakeup(lambda: beat.call(schedules.tick)))
    return Engine(
        home=home,
        settings=settings,
        version=product_version(),
        clock=clock,
        ids=ids,
        lock=lock,
        store=store,
        vault=vault,
        documents=documents,
        host_keys=host_keys,
        approvals=approvals,
        notices=notices,
        runs=runs,
        queue=queue,
        plans=Plans(tools, runs),
        gathering=gathering,
        watching=watching,
        sources=sources,
        refreshing=refreshing,
        schedules=schedules,
        periodic=beat,
        outputs=outputs,
        recovery=tools.recovery,
        lost_lines=tools.lost_lines,
        contents=contents,
        retention=Retention(store, contents, settings.retention(), clock),
        executors=tuple(access.values()),
        workers=_status_of_workers(access),
    )


def _ways_to_people(
    access: Mapping[str, Executor], settings: Settings, clock: Clock
) -> Mapping[str, Way]:
    """Field of a channel's spec -> what sends there; no webhooks where nothing does requests."""
    ways: dict[str, Way] = {"service": ServiceWay()}
    if (http := access.get("http")) is not None:
        ways["webhook"] = WebhookWay(
            http, clock, settings.http_networks, settings.connect_timeout_s
        )
    return ways


def _sources(settings: Settings) -> Sources:
    """Where secrets may be read that stay outside."""
    readers: Mapping[SourceKind, Read] = {
        SourceKind.ENV: local.read_env,
        SourceKind.FILE: local.read_file,
        SourceKind.COMMAND: local.read_command,
        SourceKind.VAULT: HashicorpReader(settings.hashicorp_vault),
    }
    return Sources(settings.secret_sources, readers)


def serve(home: Home, *, to_stderr: bool = False) -> None:
    """Run an engine process on `home` until it is asked to stop.

    Who loads this module for it may have switched the collector off: once wired, it is on.
    """
    os.umask(0o077)
    # Forked first of all: here is one thread, and neither lock nor socket nor database yet.
    zygote = _fork_zygote()
    # Afterwards: a plan breaks the engine, once, and not each of its workers anew.
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    engine = open_engine(home, zygote=zygote)
    logs.configure(home.log, engine.settings.log_level, engine.clock, to_stderr=to_stderr)
    failpoints.reach("engine.wired")

    async def main() -> None:
        from core.api.app import create_app
        from core.api.serve import serve as serve_api

        owner = local_owner()
        await engine.start()
        failpoints.reach("engine.ready")
        spare_the_collector()
        try:
            await serve_api(engine, create_app(engine, lambda _: owner))
        finally:
            await engine.stop()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())


def _fork_zygote() -> Zygote | None:
    """Where workers come from; None where processes cannot be forked."""
    if sys.platform == "win32":
        return None
    # Asked now: the answer is another when Jobdeck is upgraded under a running engine.
    again = partial(_spawn_zygote, product_version())
    return Zygote.fork(ssh_worker, again)


def ssh_worker() -> Callable[[socket.socket], None]:
    """What a worker does with its socket; loads all that it needs for it."""
    from core.executors.workers import worker

    new_loop = loop_factory()
    return lambda sock: worker.run(sock, ssh_in_worker, new_loop)


def _spawn_zygote(version: str, control: socket.socket) -> int:
    """A zygote of the same version, for an engine that has threads and cannot be forked any more."""
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", "core.zygote", version],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, control.fileno(), 0)],
    )


def _workers(settings: Settings, zygote: Zygote | None) -> Workers | None:
    """Who helps with SSH; a zygote that nobody needs ends."""
    if zygote is None:
        return None
    count = settings.workers
    if count is None:
        cores = _cores()
        count = min(cores - 1, _MOST_WORKERS) if cores >= _CORES_FOR_WORKERS else 0
    if not count:
        zygote.close()
        return None
    return Workers(zygote, count, settings.workers_from)


def _status_of_workers(access: Mapping[str, Executor]) -> Callable[[], Sequence[WorkerStatus]]:
    ssh = access.get("ssh")
    return ssh.status if isinstance(ssh, WorkerPool) else lambda: ()


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def restore(home: Home, source: Path) -> Restored:
    """Put a backup in the place of the home's database; Conflict while an engine runs there."""
    from core.storage import backup

    home.create()
    lock = HomeLock(home.lock)
    lock.acquire()
    try:
        return backup.restore(source, home.database)
    finally:
        lock.release()


def spare_the_collector() -> None:
    """What is imported and wired stays for ever: look for garbage only in what comes after.

    A full collection over it takes 50 to 130 ms, and a run of 500 hosts caused several: not even
    one is made here, for a few thousand objects of 160,000. What comes after is small, and looked
    through every few minutes: a circle may hold memory that the collector does not count.
    """
    gc.freeze()
    gc.set_threshold(10_000, 5, 5)
    gc.enable()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists: about a fifth less CPU a connection."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop

"""Where workers come from: a small process that was forked before the engine had anything.

A process with threads cannot be forked safely, and a new interpreter would load every
library again (0.3 s of CPU). So `Zygote.fork` is called first of all, while there is one
thread and no lock, database or socket; its child then waits, and forks a worker, with
everything loaded and shared, each time it is asked to. What only workers need it loads at the
first time: an engine that never has that much to do is spared it.

    engine -> zygote   FORK with the worker's socket | KILL pid
    zygote -> engine   FORKED pid | FAILED errno | EXITED pid, status

It ends when the engine does, and takes along whoever is left. When it dies alone, its
workers go on, watched by the engine itself, and a new interpreter takes its place as soon
as another worker is needed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

import structlog

from core.errors import EnvironmentFault

if sys.platform != "win32":
    import resource

log = structlog.get_logger(__name__)

Work = Callable[[socket.socket], None]
"""What a worker does with its socket, to its end."""

Load = Callable[[], Work]
"""What a zygote loads before it forks for the first time: everything that workers share."""

Birth = Callable[[socket.socket], int | None]
"""Starts a zygote that serves this end of a socket; its pid, where it is ours to reap."""

_REQUEST = struct.Struct("!ci")
_REPORT = struct.Struct("!cii")
_FORK, _KILL = b"F", b"K"
_FORKED, _FAILED, _EXITED = b"f", b"x", b"e"

_FORK_S = 10.0
"""A machine that cannot fork for so long is in trouble."""
_STEADY_S = 60.0
"""A zygote that lives for so long has not died of what it is: its successor starts at once."""
_LEAST_DELAY_S, _MOST_DELAY_S = 1.0, 60.0
"""Before the successor of one that followed another and was not steady; doubled each time."""
_OOM_SCORE = "400"
"""Where memory runs out, the kernel takes a worker, whose work is followed up, not the engine."""
_DEAF_TO = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Meant for the engine, which may want to finish its work first: a closed socket ends the others."""


# ---------------------------------------------------------------------- in the zygote


def serve(control: socket.socket, load: Load) -> NoReturn:
    """Fork workers until the engine closes `control`; for a process of one thread."""
    load = cache(load)
    _stand_apart(control)
    children: set[int] = set()
    bell, ringer = os.pipe()
    os.set_blocking(ringer, False)
    signal.set_wakeup_fd(ringer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        while True:
            ready, _, _ = select.select([control.fileno(), bell], [], [])
            if bell in ready:
                os.read(bell, 4096)
            _report_exits(control, children)
            if control.fileno() in ready and not _obey(control, children, load, (bell, ringer)):
                break
    except OSError:
        pass  # the engine is gone
    finally:
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os._exit(0)


def _stand_apart(control: socket.socket) -> None:
    """Keep nothing of the engine's but the imported code and `control`."""
    with suppress(PermissionError):  # it has a session of its own already
        os.setsid()
    for number in _DEAF_TO:
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    for descriptor in [int(entry.name) for entry in Path("/dev/fd").iterdir()]:
        if descriptor > 2 and descriptor != control.fileno():
            with suppress(OSError):  # the listing's own
                os.close(descriptor)
    # Workers hold secrets in memory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _tell_the_kernel("comm", "jobdeck-zygote")


def _obey(control: socket.socket, children: set[int], load: Load, bells: tuple[int, int]) -> bool:
    """Do what the engine asks; False when it has closed."""
    request, descriptors, _, _ = socket.recv_fds(control, _REQUEST.size, 1)
    if len(request) < _REQUEST.size:
        return False
    what, pid = _REQUEST.unpack(request)
    if what == _KILL:
        if pid in children:
            os.kill(pid, signal.SIGKILL)
        return True
    with socket.socket(fileno=descriptors[0]) as sock:
        work = load()
        try:
            child = os.fork()
        except OSError as error:
            control.sendall(_REPORT.pack(_FAILED, error.errno or 0, 0))
            return True
        if child == 0:
            _become_worker(control, sock, work, bells)
    children.add(child)
    control.sendall(_REPORT.pack(_FORKED, child, 0))
    return True


def _become_worker(
    control: socket.socket, sock: socket.socket, work: Work, bells: tuple[int, int]
) -> NoReturn:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        for descriptor in bells:
            os.close(descriptor)
        _tell_the_kernel("comm", "jobdeck-worker")
        _tell_the_kernel("oom_score_adj", _OOM_SCORE)
        work(sock)
        status = 0
    finally:
        os._exit(status)


def _report_exits(control: socket.socket, children: set[int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        children.discard(pid)
        control.sendall(_REPORT.pack(_EXITED, pid, status))


def _tell_the_kernel(what: str, value: str) -> None:
    """For `ps` and the out-of-memory killer; where there is no /proc, nobody misses it."""
    with suppress(OSError):
        Path(f"/proc/self/{what}").write_text(value)


# ---------------------------------------------------------------------- in the engine


class ZygoteDied(EnvironmentFault):
    """The zygote has ended, which is in the log; another may not be started yet, or never."""

    def __init__(self) -> None:
        super().__init__("the process that starts workers has ended")


def ask_for_fork(control: socket.socket, sock: socket.socket) -> None:
    """Ask the zygote behind `control` for a process that works with a copy of `sock`."""
    socket.send_fds(control, [_REQUEST.pack(_FORK, 0)], [sock.fileno()])


@dataclass(frozen=True, slots=True)
class Child:
    """A worker's process, as the engine holds it."""

    pid: int
    sock: socket.socket
    """The engine's end; the worker ends when it is closed."""
    exited: asyncio.Future[int | None]
    """Its wait status, once it has ended; None where nobody is left who could say."""


class Zygote:
    """The engine's hold on the zygote, whichever it is. All but `fork` happens in one event loop."""

    def __init__(
        self, control: socket.socket, pid: int | None = None, again: Birth | None = None
    ) -> None:
        """`control`: our end of a connected socket whose other end is `serve`d; `pid` is reaped.

        `again` makes another zygote when this one has died; without it there is none.
        """
        control.setblocking(False)
        self._control = control
        self._pid = pid
        self._again = again
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked: deque[asyncio.Future[tuple[int, asyncio.Future[int | None]]]] = deque()
        self._exits: dict[int, asyncio.Future[int | None]] = {}
        self._orphans: dict[int, _Orphan] = {}
        self._rest = b""
        self._is_closed = False
        self._born_at = 0.0
        """When it was started, or first asked for something; as all times, by the loop's clock."""
        self._not_before = 0.0
        """When its successor may start."""
        self._next_delay_s = 0.0
        self.is_alive = True

    @classmethod
    def fork(cls, load: Load, again: Birth | None = None) -> Zygote:
        """A zygote whose workers do what `load` gives; before the engine starts any thread."""
        ours, theirs = socket.socketpair()
        # The collector leaves alone what is there by now: pages that it marks are shared no more.
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            try:
                ours.close()
                serve(theirs, load)
            finally:
                os._exit(1)
        theirs.close()
        return cls(ours, pid, again)

    @property
    def may_start(self) -> bool:
        """Whether a worker can be asked for now; False while a dead zygote may not be replaced."""
        if self._is_closed:
            return False
        is_due = asyncio.get_running_loop().time() >= self._not_before
        return self.is_alive or (self._again is not None and is_due)

    async def start(self) -> Child:
        """A new worker; EnvironmentFault when there can be none, ZygoteDied when that is why."""
        while self.may_start:
            if not self.is_alive:
                self._replace()
            with suppress(ZygoteDied):
                return await self._start()
        raise ZygoteDied

    def kill(self, pid: int) -> None:
        """End a worker at once, if it still lives."""
        if (orphan := self._orphans.get(pid)) is not None:
            orphan.kill()
        elif self.is_alive:
            with suppress(OSError):
                self._control.send(_REQUEST.pack(_KILL, pid))

    def close(self) -> None:
        """Let the zygote end, and with it whoever it started."""
        self._is_closed = True
        if self.is_alive:
            self._let_go()
        for orphan in tuple(self._orphans.values()):
            orphan.close()

    # ------------------------------------------------------------------ inside

    def _replace(self) -> None:
        assert self._again is not None
        self._born_at = asyncio.get_running_loop().time()
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._pid = self._again(theirs)
            except OSError as error:
                ours.close()
                self._put_off()
                reason = f"the process that starts workers cannot be started: {error}"
                raise EnvironmentFault(reason) from error
        ours.setblocking(False)
        self._control, self._rest, self._loop = ours, b"", None
        self.is_alive = True

    async def _start(self) -> Child:
        self._listen()
        ours, theirs = socket.socketpair()
        forked = asyncio.get_running_loop().create_future()
        with theirs:
            try:
                ask_for_fork(self._control, theirs)
            except (BrokenPipeError, ConnectionResetError) as error:
                ours.close()
                self._died()
                raise ZygoteDied from error
            except OSError as error:
                ours.close()
                raise EnvironmentFault(f"no worker can be started: {error}") from error
        self._asked.append(forked)
        try:
            pid, exited = await asyncio.wait_for(asyncio.shield(forked), _FORK_S)
        except BaseException as error:
            # A worker that is forked yet finds its socket closed, and ends.
            ours.close()
            if not isinstance(error, TimeoutError):
                raise
            if not forked.done():
                self._died(f"it had not answered for {_FORK_S:g} s")
            raise ZygoteDied from error
        ours.setblocking(False)
        return Child(pid, ours, exited)

    def _listen(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._control, self._hear)
            self._born_at = self._loop.time()

    def _hear(self) -> None:
        try:
            data = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._died()
            return
        self._rest += data
        whole = len(self._rest) // _REPORT.size * _REPORT.size
        for what, number, status in _REPORT.iter_unpack(self._rest[:whole]):
            self._take(what, number, status)
        self._rest = self._rest[whole:]

    def _take(self, what: bytes, number: int, status: int) -> None:
        if what == _EXITED:
            exited = self._exits.pop(number)
            if not exited.done():
                exited.set_result(status)
            return
        forked = self._asked.popleft()
        if what == _FORKED:
            self._exits[number] = asyncio.get_running_loop().create_future()
            forked.set_result((number, self._exits[number]))
        else:
            error = EnvironmentFault(f"no worker can be started: {os.strerror(number)}")
            forked.set_exception(error)

    def _died(self, why: str = "") -> None:
        """The zygote has ended, or is of no use: its workers go on, and are watched from here."""
        how = self._let_go()
        for pid, exited in self._exits.items():
            self._orphans[pid] = _Orphan(pid, exited, self._orphans)
        self._exits.clear()
        delay_s = self._put_off()
        log.error("zygote.died", how=why or how, workers=len(self._orphans), delay_s=delay_s)

    def _put_off(self) -> float:
        """Let the next zygote wait, unless this one was steady; for how many seconds."""
        now = asyncio.get_running_loop().time()
        if now - self._born_at > _STEADY_S:
            self._next_delay_s = 0.0
        delay_s = self._next_delay_s
        self._not_before = now + delay_s
        self._next_delay_s = min(max(_LEAST_DELAY_S, 2 * delay_s), _MOST_DELAY_S)
        return delay_s

    def _let_go(self) -> str:
        """End what is left of the zygote; how it ended."""
        self.is_alive = False
        if self._loop is not None:
            self._loop.remove_reader(self._control)
        self._control.close()
        for forked in self._asked:
            forked.set_exception(ZygoteDied())
        self._asked.clear()
        if self._pid is None:
            return "nobody saw how"
        # Killed, so that it is reaped without waiting: what it would do now is done already.
        pid, self._pid = self._pid, None
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            return exit_in_words(os.waitpid(pid, 0)[1])
        return "nobody saw how"


class _Orphan:
    """A worker whose zygote has died: its end is seen, and it is ended, from here."""

    def __init__(
        self, pid: int, exited: asyncio.Future[int | None], known: dict[int, _Orphan]
    ) -> None:
        """It leaves `known` when it has ended.

        Only Linux holds a process by a descriptor; elsewhere it is not seen to end.
        """
        self._pid = pid
        self._exited = exited
        self._known = known
        self._descriptor = -1
        if sys.platform == "linux":
            try:
                self._descriptor = os.pidfd_open(pid)
            except OSError:  # it is gone already
                asyncio.get_running_loop().call_soon(self._gone)
            else:
                asyncio.get_running_loop().add_reader(self._descriptor, self._gone)

    def kill(self) -> None:
        with suppress(OSError):
            if sys.platform == "linux":
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            else:
                os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """Watch it no more."""
        self._known.pop(self._pid, None)
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _gone(self) -> None:
        self.close()
        if not self._exited.done():
            self._exited.set_result(None)


def exit_in_words(status: int | None) -> str:
    """A wait status for a message, such as `signal 9`."""
    if status is None:
        return "nobody saw how"
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit status {code}"

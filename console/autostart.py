"""Finding the engine of a home, or starting one that outlives every console.

As tmux does: a console asks the home's socket; when nobody answers, it starts
an engine of its own kind, detached, and waits until that answers. Who starts
is decided by a lock file, so that many consoles at once start one engine; that
there is never a second one is the engine's own lock's business.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from console.i18n import _
from core.clock import Clock, SystemClock
from core.errors import EngineUnreachable, EnvironmentFault
from core.home import Home

BACKGROUND = "--background"
"""Flag of `jobdeck engine run`: its log goes to the home's file alone, which rotates."""
START_TIMEOUT_S = 30.0
"""A machine at its limit needs long for imports; an engine that ends is noticed at once."""
_PAUSE_S = 0.02
_SHOWN_LINES = 12

if sys.platform != "win32":
    import fcntl


def is_listening(path: Path) -> bool:
    """Whether a process listens on the socket; False for the file that a killed one left."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except (TimeoutError, BlockingIOError):
            return True  # the queue of connections is full: alive, and busy
        except OSError:
            return False
    return True


def is_running(home: Home) -> bool:
    """Whether a process holds the home, also before it listens and after it stopped listening."""
    if is_listening(home.socket):
        return True
    if sys.platform == "win32":
        return False
    try:
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def ensure_engine(home: Home, clock: Clock | None = None) -> bool:
    """Make sure that an engine listens in this home; True when this call started it.

    Raises EngineUnreachable with the end of the engine's own words when it does not come up.
    """
    if is_listening(home.socket):
        return False
    clock = clock or SystemClock()
    deadline = clock.monotonic() + START_TIMEOUT_S
    home.create()
    with _turn(home.root / "start.lock", home, clock, deadline) as ours:
        if not ours or is_listening(home.socket):
            return False
        return _start(home, clock, deadline)


def start_log(home: Home) -> Path:
    """What the last engine that a console started said outside of its log."""
    return home.root / "engine-start.log"


_started: list[subprocess.Popen[bytes]] = []
"""Kept, because an engine is not to be waited for, which `Popen` warns about when it is dropped."""


def _start(home: Home, clock: Clock, deadline: float) -> bool:
    """Start an engine; False when one that held the home already came to listen instead."""
    # Somebody started one by hand, or one is stopping: a second one would be refused.
    while is_running(home):
        if is_listening(home.socket):
            return False
        _pause(home, clock, deadline)
    process = _spawn(home)
    _started.append(process)
    while not is_listening(home.socket):
        if process.poll() is not None:
            raise _failed(
                home,
                _("the engine ended at once, with code {code}").format(code=process.returncode),
            )
        _pause(home, clock, deadline)
    return True


def _pause(home: Home, clock: Clock, deadline: float) -> None:
    if clock.monotonic() > deadline:
        limit = round(START_TIMEOUT_S)
        raise _failed(
            home, _("the engine does not answer after {limit} seconds").format(limit=limit)
        )
    time.sleep(_PAUSE_S)


def engine_command(home: Home) -> Sequence[str]:
    """The command line of an engine that nobody looks at."""
    module = (sys.executable, "-P", "-m", "console.cli.main")
    return (*module, "engine", "run", BACKGROUND, "--home", str(home.root))


def _spawn(home: Home) -> subprocess.Popen[bytes]:
    try:
        with start_log(home).open("wb") as log:
            start_log(home).chmod(0o600)
            return subprocess.Popen(
                engine_command(home),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_paths())},
                start_new_session=True,
            )
    except OSError as error:
        raise EnvironmentFault(
            _("the engine cannot be started: {reason}").format(reason=error.strerror),
            hint=_("check space and permissions"),
        ) from error


def _import_paths() -> list[str]:
    """Where this very program was found; the engine must not be another one."""
    own = str(Path(__file__).parents[1])
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [own, *(path for path in given if path and path != own)]


def _failed(home: Home, why: str) -> EngineUnreachable:
    """The engine's own complaint where it had one; else `why`, with its last words."""
    said: list[str] = []
    with suppress(OSError):
        said = start_log(home).read_text(encoding="utf-8", errors="replace").splitlines()
    sign = _("error: ")
    if said and said[0].startswith(sign):
        return EngineUnreachable("\n".join([said[0].removeprefix(sign).strip(), *said[1:]]))
    message = "\n  ".join([why, *said[-_SHOWN_LINES:]])
    return EngineUnreachable(message, hint=_("its log: {file}").format(file=home.log))


@contextmanager
def _turn(path: Path, home: Home, clock: Clock, deadline: float) -> Iterator[bool]:
    """Wait for our turn to start an engine; False when another console's came up meanwhile."""
    if sys.platform == "win32":
        yield True
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _try_lock(descriptor, fcntl.LOCK_EX):
            if is_listening(home.socket):
                yield False
                return
            if clock.monotonic() > deadline:
                raise EngineUnreachable(
                    _("another console has been starting the engine for too long"),
                    hint=_("its log: {file}").format(file=home.log),
                )
            time.sleep(_PAUSE_S)
        yield True
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

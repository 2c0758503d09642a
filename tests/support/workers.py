"""Worker processes for tests: a zygote for each, without forking the process of the tests.

One interpreter is started for all tests; it is a zygote whose "workers" are zygotes.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvloop

from core.executors.hostkeybook import InMemoryHostKeys
from core.executors.registry import ssh_in_worker
from core.executors.ssh import SshExecutor
from core.executors.workers import Setup, WorkerPool, Workers, Zygote, worker, zygote
from tests.support.work import QUICK, new_token

_ROOT = Path(__file__).parents[2]


class Zygotes:
    """Makes zygotes, each in a process of its own that shares all imports."""

    def __enter__(self) -> Self:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.workers", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=_ROOT,
                env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(_ROOT)},
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._control.close()
        self._process.wait(10)

    def new(self) -> Zygote:
        # Its reports are read by nobody else; a socket that is full of them would hold it up.
        with suppress(BlockingIOError):
            while self._control.recv(1 << 16, socket.MSG_DONTWAIT):
                pass
        ours, theirs = socket.socketpair()
        with theirs:
            self._bear(theirs)
        return Zygote(ours, again=self._bear)

    def _bear(self, control: socket.socket) -> None:
        zygote.ask_for_fork(self._control, control)


def pool(
    made_by: Zygotes,
    book: InMemoryHostKeys,
    *,
    count: int = 1,
    threshold: int = 0,
    **options: Any,
) -> WorkerPool:
    """A pool that uses `count` workers for all but the first `threshold` sessions."""
    options = {"patience": QUICK, "idle_s": 60.0, "kept": 512, "environ": {}, **options}
    here = SshExecutor(book, QUICK, new_token, environ={})
    workers = Workers(made_by.new(), count, threshold)
    return WorkerPool(here, workers, Setup(**options), book)


def _serve_workers(sock: socket.socket) -> None:
    zygote.serve(sock, lambda: lambda line: worker.run(line, ssh_in_worker, uvloop.new_event_loop))


if __name__ == "__main__":
    zygote.serve(socket.socket(fileno=int(sys.argv[1])), lambda: _serve_workers)

"""Engines that are started, broken and started again on one home."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from console.autostart import is_listening
from core import failpoints
from core.home import Home
from tests.support.sshd import children_of
from tests.support.unixhttp import GONE, UnixConnection
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 30.0
_STREAM = "text/event-stream"


class Zygote:
    """The process that forks engines."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            text=True,
            start_new_session=True,
        )
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._turn:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        assert line, "the process that forks engines has ended"
        return json.loads(line)


class Engine:
    """One engine process, from its start to its end."""

    def __init__(self, zygote: Zygote, home: Home, variables: Mapping[str, str], plan: str) -> None:
        self._zygote = zygote
        self._home = home
        request = {
            "start": {**variables, failpoints.VARIABLE: plan},
            "log": str(home.root.parent / "engine-said.log"),
        }
        self.pid: int = zygote.ask(request)["pid"]
        self._watch = os.pidfd_open(self.pid)
        self._status: int | None = None
        self.left: list[int] = []
        """Its workers when it was last hit: they end with it."""

    @property
    def is_alive(self) -> bool:
        return self._status is None and not select.select([self._watch], [], [], 0)[0]

    def status(self) -> int:
        """Its exit code, once it has ended; negative: the signal that ended it."""
        if self._status is None:
            assert not self.is_alive
            self._status = self._zygote.ask({"look": self.pid})["status"]
            os.close(self._watch)
        assert self._status is not None
        return self._status

    def wait_ready(self) -> bool:
        """Whether it came to listen; False when it ended first."""
        until(lambda: not self.is_alive or is_listening(self._home.socket), _PATIENCE_S)
        return self.is_alive

    def wait_end(self, patience_s: float = _PATIENCE_S) -> int:
        until(lambda: not self.is_alive, patience_s)
        return self.status()

    def workers(self) -> list[int]:
        """Processes of its own kind that serve it; work on its own machine is none of them."""
        return [pid for pid in children_of([self.pid]) if _program(pid) == _program(self.pid)]

    def signal(self, number: int) -> None:
        if number != signal.SIGCONT:
            self.left = self.workers()
        if self.is_alive:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a power cut would; no matter when it has ended already."""
        self.signal(signal.SIGKILL)
        self.wait_end()

    def stop(self) -> int:
        """Ask it to stop, and wait until it has."""
        self.signal(signal.SIGTERM)
        return self.wait_end()


def _program(pid: int) -> str:
    with suppress(OSError):
        return str(Path(f"/proc/{pid}/exe").readlink())
    return f"ended: {pid}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said."""

    status: int
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


class Line:
    """Calls of the API, each on a connection of its own; no answer is one of GONE."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = None if body is None else json.dumps(body)
        connection = UnixConnection(self._home.socket, _PATIENCE_S)
        try:
            headers = {"Content-Type": "application/json", **headers}
            connection.request(method, f"/api/v1{path}", content, headers)
            answer = connection.getresponse()
            found = Answer(answer.status, answer.read())
        finally:
            connection.close()
        assert found.status < 500, f"{method} {path}: {found.status} {found.content!r}"
        return found

    def raw(self, path: str) -> bytes:
        """The exact bytes of some output."""
        answer = self.call("GET", path, Accept="application/octet-stream")
        assert answer.status == 200, answer.content
        return answer.content


class Follower:
    """Somebody who follows the journal for as long as an engine lives, as every screen does."""

    def __init__(self, home: Home, heard: Callable[[int], None]) -> None:
        """`heard` gets the number of every entry."""
        self._connection = UnixConnection(home.socket, None)
        self._heard = heard
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        try:
            self._connection.request("GET", "/api/v1/events", headers={"Accept": _STREAM})
            for line in self._connection.getresponse():
                if line.startswith(b"id: "):
                    self._heard(int(line.removeprefix(b"id: ")))
        except GONE:
            pass  # so is the engine
        finally:
            self._connection.close()

    def wait_end(self) -> None:
        self._thread.join(_PATIENCE_S)
        assert not self._thread.is_alive(), "a follower outlives its engine"

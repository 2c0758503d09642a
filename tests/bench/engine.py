"""An engine in a process of its own, as the bench sees it: a home, a pid, a socket."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.home import Home
from tests.bench import measure
from tests.support.unixhttp import UnixConnection

_ROOT = Path(__file__).parents[2]
_START_S = 60.0
CLI = (sys.executable, "-P", "-m", "console.cli.main")


class RunningEngine:
    """The engine of one home, and the ways to it."""

    def __init__(self, home: Home, process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self.pid = process.pid

    def jobdeck(self, *arguments: str) -> measure.Command:
        """One command line, run to its end."""
        return measure.run([*CLI, *arguments], environment(self.home))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One API call on a connection of its own."""
        with connection(self.home) as line:
            return request(line, method, path, body)


@contextmanager
def connection(home: Home) -> Iterator[http.client.HTTPConnection]:
    """A kept connection to the engine; the lightest client there is."""
    line = UnixConnection(home.socket)
    try:
        yield line
    finally:
        line.close()


def request(line: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    """The JSON answer of one call; anything but a success is an error."""
    content = None if body is None else json.dumps(body)
    line.request(method, f"/api/v1{path}", content, {"Content-Type": "application/json"})
    answer = line.getresponse()
    data = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {data.decode()}")
    return json.loads(data) if data else None


def environment(home: Home) -> dict[str, str]:
    """Leads a process to this tree and this home."""
    return {
        **os.environ,
        "PYTHONPATH": str(_ROOT),
        "JOBDECK_HOME": str(home.root),
        "JOBDECK_KEYRING": "off",
        "JOBDECK_LANG": "en",
    }


@contextmanager
def running(folder: Path, settings: str = "") -> Iterator[RunningEngine]:
    """An engine on a home in `folder`, until the end of the block; the defaults but for `settings`."""
    home = Home(folder)
    if settings:
        home.create()
        home.settings.write_text(settings, encoding="utf-8")
    process = subprocess.Popen(
        [*CLI, "engine", "run"],
        env=environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(home, process)
        yield RunningEngine(home, process)
    finally:
        process.terminate()
        process.wait()


def _wait(home: Home, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            with connection(home) as line:
                request(line, "GET", "/engine")
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the engine did not start; see {home.log}") from None
            time.sleep(0.005)

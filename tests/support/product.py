"""The product as people have it: the real command line, and the real engine that it starts.

    with Product(folder) as product:
        product.run("apply", "-f", "hosts.yaml")      # one `jobdeck …`, which must succeed
        product.cli("run", "--on", "all", "--", "false").code

Each has a home of its own. Whatever happens in the test, its engine and all consoles
that were left open are gone afterwards.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from core.home import Home
from tests.support.unixhttp import UnixTransport
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command line ended, and what it printed."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def err(self) -> str:
        return self.stderr.decode()

    @property
    def said(self) -> str:
        """Both streams, for messages of assertions and for searching."""
        return f"exit {self.code}\n{self.out}{self.err}"

    def json(self) -> Any:
        return json.loads(self.stdout)


class Product:
    """One home folder, its engine, and a way to type commands."""

    def __init__(self, folder: Path | None = None, *, settings: str = "") -> None:
        """`folder`: where the home is made (a short path); None makes one and removes it."""
        self._own = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="jd-", dir="/tmp"))
        self.home = Home(self.folder / "j")
        self.env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "JOBDECK_HOME": str(self.home.root),
            "PYTHONPATH": str(ROOT),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "LANG": "C.UTF-8",
            "COLUMNS": "120",
        }
        self._consoles: list[subprocess.Popen[bytes]] = []
        if settings:
            self.home.create()
            self.home.settings.write_text(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for console in self._consoles:
            _end(console)
        self.kill_engine()
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ------------------------------------------------------------------ command lines

    def cli(
        self,
        *words: str | Path,
        stdin: bytes = b"",
        timeout_s: float = _PATIENCE_S,
        env: Mapping[str, str] | None = None,
    ) -> Ended:
        """`jobdeck words…`, to its end; no terminal."""
        done = subprocess.run(
            self.command(*words),
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            env={**self.env, **(env or {})},
            cwd=self.folder,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def run(self, *words: str | Path, **settings: Any) -> Ended:
        """As `cli`, and it must succeed."""
        ended = self.cli(*words, **settings)
        assert ended.code == 0, f"{ended.said}{self.log_end()}"
        return ended

    def open_console(self, *words: str | Path) -> subprocess.Popen[bytes]:
        """`jobdeck words…` in the background, with pipes; it is killed at the end."""
        console = subprocess.Popen(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
            cwd=self.folder,
            start_new_session=True,
        )
        self._consoles.append(console)
        return console

    def command(self, *words: str | Path) -> Sequence[str]:
        return (sys.executable, "-P", "-m", "console.cli.main", *map(str, words))

    def apply(self, text: str, *flags: str) -> Ended:
        """Make the engine's documents what this YAML says."""
        return self.run("apply", "-f", "-", *flags, stdin=text.encode())

    # ------------------------------------------------------------------ runs

    def detached(self, *words: str) -> str:
        """Start a run (`run …` or `start …`) and leave it alone; its id."""
        return self.run(words[0], "--detach", *words[1:]).out.strip()

    def shown(self, run_id: str) -> Any:
        """The run, its groups and its targets."""
        return self.run("runs", "show", run_id, "--json").json()

    def targets(self, run_id: str) -> dict[str, Any]:
        """Host -> how its newest attempt stands."""
        return {target["host"]: target for target in self.shown(run_id)["targets"]}

    def raw_output(self, run_id: str, host: str, *flags: str) -> bytes:
        """What a host printed, byte for byte."""
        return self.run("runs", "output", run_id, host, "--raw", *flags).stdout

    # ------------------------------------------------------------------ the engine

    def api(self, method: str, path: str, **settings: Any) -> httpx.Response:
        """One call of the API over the engine's socket."""
        transport = UnixTransport(self.home.socket, _PATIENCE_S)
        with httpx.Client(transport=transport, base_url="http://jobdeck/api/v1") as client:
            return client.request(method, path, **settings)

    def ended(self, run_id: str) -> Any:
        """Wait until the run has ended; the run as the API shows it."""
        until(lambda: self.api("GET", f"/runs/{run_id}").json()["finished_at"], _PATIENCE_S)
        return self.api("GET", f"/runs/{run_id}").json()

    @property
    def engine_pid(self) -> int | None:
        """The process that holds the home's lock; None when none does."""
        try:
            lock = self.home.lock.open("r+")
        except FileNotFoundError:
            return None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                until(lambda: self.home.lock.read_text().endswith("\n"))
                return int(self.home.lock.read_text())
        return None

    def log_end(self) -> str:
        """The last words of the engine's log, with their line ends."""
        try:
            return self.home.log.read_text()[-4000:].replace("\\n", "\n")
        except FileNotFoundError:
            return ""

    def memory_bytes(self) -> int:
        """Memory of the engine's process."""
        shown = subprocess.run(
            ["ps", "-p", str(self.engine_pid), "-o", "rss="], capture_output=True, check=True
        ).stdout
        return int(shown) * 1024

    def kill_engine(self, number: int = signal.SIGKILL) -> None:
        """Signal the engine, and wait until it is gone; no matter when none runs."""
        pid = self.engine_pid
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, number)
        until(lambda: not command_of(pid))


def command_of(pid: int) -> str:
    """The command line of a living process; "" when it is gone or a zombie."""
    shown = subprocess.run(
        ["ps", "-ww", "-p", str(pid), "-o", "stat=", "-o", "args="],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return "" if shown.startswith("Z") else shown


def _end(console: subprocess.Popen[bytes]) -> None:
    if console.poll() is None:
        console.kill()
    console.communicate()

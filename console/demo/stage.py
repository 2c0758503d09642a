"""The demo's stage: a home of its own, the samples made to fit the fleet, and `jobdeck` in it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import assets
from console import autostart
from console.demo.fleet import ADDRESS, USER, Fleet
from console.i18n import _
from core.domain import yamlsafe
from core.errors import RequestError
from core.home import Home

_STOP_S = 20
_PAUSE_S = 0.02


class Stage:
    """A folder with everything; an async context manager that ends the engine it started."""

    def __init__(self, home: Path | None, *, keep: bool) -> None:
        """`home`: an empty or new folder that is used and kept; None makes one."""
        if home is not None and home.exists() and any(home.iterdir()):
            raise RequestError(
                _("{home} is not empty").format(home=home),
                hint=_("the demo fills a home with hosts of its own; name a new folder"),
            )
        self._keep = keep or home is not None
        self.folder = Path(tempfile.mkdtemp(prefix="jobdeck-demo-")).resolve()
        self.home = Home((home or self.folder / "home").absolute())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await asyncio.shield(self._stop_engine())
        finally:
            kept_inside = self._keep and self.home.root.is_relative_to(self.folder)
            shutil.rmtree(self.samples if kept_inside else self.folder, ignore_errors=True)
            self.book.unlink(missing_ok=True)

    @property
    def samples(self) -> Path:
        """The documents that the tour applies."""
        return self.folder / "samples"

    @property
    def book(self) -> Path:
        """The SQLite file in which the tour's rollouts are entered."""
        return self.folder / "rollouts.db"

    @property
    def keeps(self) -> bool:
        """Whether the home stays."""
        return self._keep

    def write_samples(self, fleet: Fleet) -> None:
        """The sample documents, with the fleet's addresses and its key in them."""
        self.samples.mkdir(mode=0o700)
        samples = sorted((Path(assets.__file__).parent / "samples").glob("*.yaml"))
        own = sorted(Path(__file__).parent.glob("*.yaml"))
        for source in (*samples, *own):
            text = source.read_text(encoding="utf-8")
            if source.name in ("hosts.yaml", "accounts.yaml"):
                text = yamlsafe.dump_all(
                    _fitted(document.value, fleet) for document in yamlsafe.load_all(text)
                )
            (self.samples / source.name).write_text(text, encoding="utf-8")

    def open_book(self) -> None:
        """Make the book, empty: Jobdeck makes no databases, and an empty file is one to SQLite."""
        self.book.touch(mode=0o600)

    async def jobdeck(self, *arguments: str) -> int:
        """Run the command line as its users do, on the same screen; its exit code."""
        process = await self._spawn(*arguments, output=None)
        try:
            return await process.wait()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            raise

    async def jobdeck_output(self, *arguments: str) -> bytes:
        """What the command line prints, unseen."""
        process = await self._spawn(*arguments, output=asyncio.subprocess.PIPE)
        return (await process.communicate())[0]

    async def _spawn(self, *arguments: str, output: int | None) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "console.cli.main",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else asyncio.subprocess.DEVNULL,
            cwd=self.folder,
            env=self.environment,
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """Leads every command to the stage's home, and its key to a file that goes with it."""
        package_folder = str(Path(assets.__file__).parents[1])
        paths = [package_folder, *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **os.environ,
            "JOBDECK_HOME": str(self.home.root),
            "JOBDECK_KEYRING": "off",
            "PYTHONPATH": os.pathsep.join(paths),
        }

    async def _stop_engine(self) -> None:
        """End the engine and wait until its process is gone, not only its work."""
        if not autostart.is_running(self.home):
            return
        pid = int(self.home.lock.read_text(encoding="ascii"))
        try:
            async with asyncio.timeout(_STOP_S):
                await self.jobdeck_output("engine", "stop")
                while _lives(pid):  # noqa: ASYNC110  (another process's end is no event of ours)
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _fitted(document: Any, fleet: Fleet) -> Any:
    """A sample host at its place in the fleet; a sample account with the fleet's key."""
    spec = dict(document["spec"])
    if document["kind"] == "host":
        spec |= {"address": ADDRESS, "port": fleet.ports[document["name"]]}
    else:
        del spec["agent"]
        spec |= {"user": USER, "key": fleet.private_key}
    return {**document, "spec": spec}

"""Which pictures are taken of the terminal UI, and how: one table for the test and the recorder."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from console import themes
from console.client import Client
from console.preferences import PreferenceFile
from console.tui import theming
from console.tui.app import Habits, JobdeckApp, Ways
from console.tui.link import State
from core.clock import ManualClock
from tests.support.recorded import Replayed
from tests.support.snapshots import Picture, picture

FOLDER = Path(__file__).parent / "snapshots"
ENGINE = FOLDER / "engine.json"

SIZES = ((80, 24), (100, 30), (200, 60))
LOOKS = (themes.DARK, themes.LIGHT, themes.CONTRAST, themes.MONO)
LANGUAGES = ("en", "zh_CN")


@dataclass(frozen=True, slots=True)
class Case:
    """One picture: where it is taken, and what is pressed there first."""

    start: str
    """As the command bar takes it; `{failed}` stands for an id of the recording."""
    keys: tuple[str, ...] = ()


CASES = {
    "pulse": Case("pulse"),
    "runs": Case("runs"),
    "runs-filtered": Case("runs", ("slash", *"deploy", "enter")),
    "runs-marked": Case("runs", ("space", "space")),
    "run": Case("run {failed}"),
    "run-flow": Case("run {flow}"),
    "comparison": Case("comparison {failed} {good}"),
    "output": Case("output {good}"),
    "inventory": Case("inventory"),
    "library": Case("library"),
    "document": Case("document job/deploy"),
    "edit": Case("edit job/deploy"),
    "launch": Case("launch"),
    "launch-job": Case("launch job/deploy"),
    "schedules": Case("schedules"),
    "schedule": Case("schedule nightly"),
    "approvals": Case("approvals"),
    "approval": Case("approval {approval}"),
    "queue": Case("queue"),
    "events": Case("events"),
    "engine": Case("engine"),
    "channels": Case("channels"),
    "settings": Case("settings"),
    "help": Case("help"),
    "tour": Case("tour"),
    "palette": Case("runs", ("ctrl+p",)),
    "keys": Case("runs", ("question_mark",)),
    "command-bar": Case("runs", ("colon", *"sch")),
}

_PATIENCE_S = 30.0
_STILL = 4
"""Looks in a row that show the same: then the picture is at rest."""


def take(
    case: Case, engine: Callable[[httpx.Request], httpx.Response], replayed: Replayed, language: str
) -> dict[tuple[int, int], dict[str, Picture]]:
    """Size -> theme -> picture, from one application that is resized and dressed anew."""
    os.environ["JOBDECK_LANG"] = language
    os.environ["TZ"] = "UTC"
    time.tzset()
    replayed.closed = threading.Event()
    with tempfile.TemporaryDirectory(prefix="jd-", dir="/tmp") as folder:
        return asyncio.run(_take(case, engine, replayed, Path(folder)))


async def _take(
    case: Case,
    engine: Callable[[httpx.Request], httpx.Response],
    replayed: Replayed,
    folder: Path,
) -> dict[tuple[int, int], dict[str, Picture]]:
    app = JobdeckApp(
        Ways(
            connect=lambda: Client(httpx.MockTransport(engine)),
            revive=lambda: None,
            socket="/run/jobdeck/engine.sock",
            actor="alice",
            drafts=folder,
            preferences=PreferenceFile(folder / "preferences.toml"),
        ),
        Habits(),
        ManualClock(replayed.at),
        start=case.start.format_map(replayed.names),
    )
    found: dict[tuple[int, int], dict[str, Picture]] = {}
    try:
        async with app.run_test(size=SIZES[0]) as pilot:
            await _rest(app, pilot)
            for key in case.keys:
                await pilot.press(key)
            for size in SIZES:
                await pilot.resize_terminal(*size)
                found[size] = {}
                for look in LOOKS:
                    theming.wear(app, look)
                    await pilot.pause()
                    found[size][look] = await _rest(app, pilot)
    finally:
        replayed.closed.set()
    return found


async def _rest(app: JobdeckApp, pilot: object) -> Picture:
    """Wait until nothing changes any more."""
    deadline = time.monotonic() + _PATIENCE_S
    seen, still = _look(app), 0
    while still < _STILL or app.link.state is not State.LIVE:
        assert time.monotonic() < deadline, "it never comes to rest"
        await asyncio.sleep(0.03)
        now = _look(app)
        is_busy = any(worker.is_running for worker in app.workers)
        still = still + 1 if now == seen and not is_busy else 0
        seen = now
    return seen


def _look(app: JobdeckApp) -> Picture:
    return picture(app.screen._compositor.render_strips())

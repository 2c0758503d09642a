"""Which pictures are taken of the terminal UI, and how: one table for the test and the recorder."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from textual.pilot import Pilot

from console import themes
from console.client import Client
from console.preferences import PreferenceFile
from console.presenters.premises import Premises
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


Engine = Callable[[httpx.Request], httpx.Response]


def take(
    case: Case, engine: Engine, replayed: Replayed, language: str
) -> dict[tuple[int, int], dict[str, Picture]]:
    """Size -> theme -> picture, from one application that is resized and dressed anew."""
    found: dict[tuple[int, int], dict[str, Picture]] = {}

    async def look(app: JobdeckApp, pilot: Pilot[None]) -> None:
        for size in SIZES:
            await pilot.resize_terminal(*size)
            found[size] = {}
            for theme in LOOKS:
                theming.wear(app, theme)
                await pilot.pause()
                found[size][theme] = await _rest(app, pilot)

    _show(case, engine, replayed, language, look)
    return found


def svg(case: Case, replayed: Replayed, language: str, size: tuple[int, int], theme: str) -> str:
    """One picture as a drawing."""
    found: list[str] = []

    async def look(app: JobdeckApp, pilot: Pilot[None]) -> None:
        await pilot.resize_terminal(*size)
        theming.wear(app, theme)
        await pilot.pause()
        await _rest(app, pilot)
        found.append(app.export_screenshot(title="jobdeck"))

    _show(case, replayed, replayed, language, look)
    return found[0]


def _show(
    case: Case,
    engine: Engine,
    replayed: Replayed,
    language: str,
    look: Callable[[JobdeckApp, Pilot[None]], Awaitable[None]],
) -> None:
    """Have a case looked at, in a language and at the recording's time."""
    os.environ["JOBDECK_LANG"] = language
    os.environ["TZ"] = "UTC"
    time.tzset()
    replayed.closed = threading.Event()
    with tempfile.TemporaryDirectory(prefix="jd-", dir="/tmp") as folder:
        asyncio.run(_shown(case, engine, replayed, Path(folder), look))


async def _shown(
    case: Case,
    engine: Engine,
    replayed: Replayed,
    folder: Path,
    look: Callable[[JobdeckApp, Pilot[None]], Awaitable[None]],
) -> None:
    app = JobdeckApp(
        Ways(
            connect=lambda: Client(httpx.MockTransport(engine)),
            revive=lambda: None,
            socket="/run/jobdeck/engine.sock",
            actor="alice",
            drafts=folder,
            preferences=PreferenceFile(folder / "preferences.toml"),
            look_around=lambda: Premises(home="/home/alice"),
        ),
        Habits(),
        ManualClock(replayed.at),
        start=case.start.format_map(replayed.names),
    )
    try:
        async with app.run_test(size=SIZES[0]) as pilot:
            await _rest(app, pilot)
            for key in case.keys:
                await pilot.press(key)
            await look(app, pilot)
    finally:
        replayed.closed.set()


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

"""The terminal UI without a terminal: keys go in, the painted screen comes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from textual.pilot import Pilot

from console.client import Client
from console.preferences import PreferenceFile
from console.premises import look_around
from console.tui.app import Habits, JobdeckApp, Ways
from core.clock import SystemClock
from tests.support.product import Product

_PATIENCE_S = 45.0


@dataclass(frozen=True, slots=True)
class Deck:
    """An application under test."""

    app: JobdeckApp
    pilot: Pilot[None]

    async def press(self, *keys: str) -> None:
        """Keys by Textual's names, one after the other."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self.pilot.press(*text)

    def lines(self) -> list[str]:
        """What is painted, row by row, each as wide as the terminal."""
        screen = self.app.screen
        return [
            "".join(segment.text for segment in strip)
            for strip in screen._compositor.render_strips()
        ]

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines())

    async def see(self, wanted: str | Callable[[str], bool]) -> str:
        """Wait until this stands on the screen; the whole screen."""
        fits = wanted if callable(wanted) else lambda text: wanted in text
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_S
        while not fits(self.text):
            assert loop.time() < deadline, f"never seen: {wanted}\n{self.text}"
            await self.pilot.pause(0.05)
        return self.text


@asynccontextmanager
async def open_deck(
    product: Product,
    start: str = "runs",
    *,
    size: tuple[int, int] = (100, 30),
    **habits: Any,
) -> AsyncIterator[Deck]:
    """The application on a product's engine, which is there or is started by the first command."""

    def connect() -> Client:
        product.run("engine", "start")
        return Client.over_socket(product.home.socket)

    ways = Ways(
        connect=connect,
        revive=lambda: product.run("engine", "start"),
        socket=str(product.home.socket),
        actor="tester",
        drafts=product.home.drafts,
        preferences=PreferenceFile(product.home.preferences),
        look_around=lambda: look_around(product.home, listens=True),
    )
    app = JobdeckApp(ways, Habits(**habits), SystemClock(), start=start)
    async with app.run_test(size=size) as pilot:
        yield Deck(app, pilot)

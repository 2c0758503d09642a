"""How often something is asked again, and after how long."""

from __future__ import annotations

import asyncio
import re

from core.domain.http_rules import Answer
from core.executors.http.exchange import note
from core.executors.protocol import Sink

PAUSE_S = 0.5
"""Before the second try; each further one waits twice as long."""
BUSY = frozenset({429, 503})
"""Statuses of a server that may answer later."""
_MOST_RETRY_AFTER_S = 60.0


class Tries:
    """The tries of one request."""

    def __init__(self, tries: int) -> None:
        self._left = tries - 1
        self._pause_s = PAUSE_S

    @property
    def is_last(self) -> bool:
        """Whether no other try follows the one that goes on."""
        return self._left == 0

    async def pause(self, reason: str, sink: Sink, asked_s: float | None = None) -> None:
        """Wait before the next one: as long as the server asks, or else longer each time."""
        wait_s = asked_s or self._pause_s
        self._left, self._pause_s = self._left - 1, self._pause_s * 2
        note(sink, f"{reason}; trying again in {wait_s:g} s")
        await asyncio.sleep(wait_s)


def retry_after_s(answer: Answer) -> float | None:
    """What the server asks for, in seconds; its other form, a date, is not understood."""
    value = answer.header("retry-after") or ""
    return min(float(value), _MOST_RETRY_AFTER_S) if re.fullmatch(r"[0-9]+", value) else None

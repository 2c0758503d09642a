"""The engine was there, is away, and comes back: what a console that watches does meanwhile.

An engine that broke off is started again, as any command would. One that took its leave was
stopped by somebody, who starts it again or means it: it is waited for, never started.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from console import autostart
from console.cli.feed import RunFeed
from console.cli.settings import home
from console.client import Client
from console.i18n import _
from core.clock import Clock
from core.errors import EngineUnreachable, EnvironmentFault

PATIENCE_S = 60.0
"""How long an engine may be away; an upgrade in between takes no longer."""
_PAUSE_S = 0.25


class EngineReturn:
    """Waits until an engine answers again."""

    def __init__(self, client: Client, feed: RunFeed, hint: str, clock: Clock) -> None:
        """`hint`: the command that goes on when the patience has ended."""
        self._client = client
        self._feed = feed
        self._hint = hint
        self._clock = clock

    def wait(self, meanwhile: Callable[[], None]) -> None:
        """Return when an engine answers; `meanwhile` is called now and then.

        Raises EngineUnreachable when none answers within PATIENCE_S.
        """
        deadline_s = self._clock.monotonic() + PATIENCE_S
        while True:
            meanwhile()
            time.sleep(_PAUSE_S)
            try:
                if not self._feed.was_stopped:
                    autostart.ensure_engine(home(), self._clock)
                self._client.engine()
            except EnvironmentFault as still:
                if self._clock.monotonic() > deadline_s:
                    raise self._given_up(still) from still
            else:
                return

    def _given_up(self, still: EnvironmentFault) -> EngineUnreachable:
        if self._feed.was_stopped:
            text = _("the engine was stopped; the run goes on when it starts again")
            return EngineUnreachable(text, hint=self._hint)
        return EngineUnreachable(str(still), hint=self._hint)

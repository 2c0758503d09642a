"""What is let in from outside: calls of hooks, and nothing else of the API.

Who comes over TCP is no user of this engine. The guard passes on what looks like a call of a hook;
the route then asks `authorize` for a caller, who may do nothing but call.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.api.problems import respond
from core.clock import Clock
from core.domain.authorization import Actor, ActorKind
from core.domain.refusals import Refusals

CALLER = Actor("caller", ActorKind.CALLER)

_HOOK = re.compile(r"/api/v1/hooks/[^/]+")
_MOST_REFUSALS = 20
"""In a minute from one address. Who knows the secret is counted by the schedule's `per_minute`."""
_REFUSED = frozenset({401, 404})
_MARK = "jobdeck.outside"


def is_outside(request: Request) -> bool:
    """Whether a request came over TCP."""
    return _MARK in request.scope


class Outside:
    """The API as it looks from outside."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self._refusals = Refusals(_MOST_REFUSALS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # nothing else is spoken: the server then closes the connection
        address, now = (scope["client"] or ("", 0))[0], self._clock.monotonic()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _REFUSED:
                self._refusals.add(address, now)
            await send(message)

        if wait_s := self._refusals.wait_s(address, now):
            await _too_many(wait_s)(scope, receive, send)
        elif scope["method"] != "POST" or _HOOK.fullmatch(scope["path"]) is None:
            await _NOTHING_ELSE(scope, receive, sent)
        else:
            await self._app({**scope, _MARK: True}, receive, sent)


_NOTHING_ELSE = respond(
    404, "not-found", "only calls of schedules are taken here", hint="POST /api/v1/hooks/NAME"
)


def _too_many(wait_s: int) -> Response:
    return respond(
        429,
        "too-many-calls",
        "too many calls from this address were refused",
        hint=f"another one in {wait_s} s",
        headers={"Retry-After": str(wait_s)},
    )

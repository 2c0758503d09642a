"""The one place that knows HTTP: asking over the engine's Unix socket, and reading its answers.

Every failure becomes an error of `core.errors`: a refusal keeps the API's code and hint, an
engine that does not answer is EngineUnreachable. The library is loaded with the first client: a
screen paints before it asks.
"""

from __future__ import annotations

import copy
import json
import socket
import ssl
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec

from console.answers import Page
from console.i18n import _
from console.problems import EngineBug, error_of
from console.sse import ServerEvent, parse_events, split_lines
from core.errors import (
    EngineHalted,
    EngineStopped,
    EngineUnreachable,
    EnvironmentFault,
    OpsError,
)

if TYPE_CHECKING:
    import httpx

A = TypeVar("A")

_BASE = "http://jobdeck/api/v1"
"""The host's name is never looked up: the transport is the socket."""
_TIMEOUT_S = 60.0
_CONNECT_S = 5.0
ENDLESS = None
"""For what takes as long as it takes."""
MOST_ITEMS = 1000
"""Items asked for at once where everything is wanted: the most that the API gives."""

_MOST_ABSENCES = 5
"""How often a question is asked again: one that no engine survives has to end somewhere."""

Query = Mapping[str, Any]
"""Parameters: text, numbers, lists of text; None is left out."""


@cache
def _httpx() -> Any:
    """The library, loaded when it is first needed."""
    # WORKAROUND(httpx 0.28): the package imports its own command line (click, rich, pygments),
    # which takes as long as the rest of it. It does without when that module cannot be found.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    import httpx

    return httpx


def _timeout(seconds: float | None) -> httpx.Timeout:
    """How long to wait for the answer; to get through has a limit of its own."""
    timeout: httpx.Timeout = _httpx().Timeout(seconds, connect=_CONNECT_S)
    return timeout


class Calls:
    """Calls on one engine. Safe to use from several threads; close it when done."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._http: httpx.Client = _httpx().Client(
            transport=transport, base_url=_BASE, timeout=_timeout(_TIMEOUT_S), trust_env=False
        )
        self._until_back: Callable[[EngineUnreachable], None] | None = None

    @classmethod
    def over_socket(cls, path: Path) -> Self:
        """A client of the engine that listens on this Unix socket."""
        # Nothing is encrypted there: certificates, and variables that name them, are not looked at.
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        transport = _httpx().HTTPTransport
        return cls(transport(verify=nobody, uds=str(path), retries=0, trust_env=False))

    def patient(self, until_back: Callable[[EngineUnreachable], None] | None) -> Self:
        """This client, for somebody whose calls outlive the engine's absence; None: they do not.

        `until_back` returns when an engine answers again, or raises. What only asks is asked
        again, and so is what certainly never arrived; whether any other action arrived is for
        its caller to find out.
        """
        twin = copy.copy(self)
        twin._until_back = until_back
        return twin

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ for the families

    def _get(self, answer: type[A], path: str, query: Query | None = None) -> A:
        return self._decode(answer, self._call("GET", path, query=query))

    def _post(self, answer: type[A], path: str, body: Mapping[str, Any]) -> A:
        return self._decode(answer, self._call("POST", path, body=body))

    def _all(self, item: type[A], path: str, query: Query) -> Iterator[A]:
        asked = {"limit": MOST_ITEMS, **query}
        while True:
            page = self._get(Page[item], path, asked)  # type: ignore[valid-type]
            yield from page.items
            if page.next_cursor is None:
                return
            asked["cursor"] = page.next_cursor

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = _TIMEOUT_S,
    ) -> httpx.Response:
        request = self._http.build_request(
            method,
            path,
            params=_params(query),
            json=body,
            headers=headers,
            timeout=_timeout(timeout),
        )
        for _absence in range(_MOST_ABSENCES):
            try:
                return self._send(request)
            except EngineUnreachable as gone:
                if self._until_back is None or not (method == "GET" or _never_arrived(gone)):
                    raise
                self._until_back(gone)
        return self._send(request)

    def _put_bytes(self, path: str, blocks: Iterator[bytes]) -> httpx.Response:
        """Sent once: the blocks are gone afterwards."""
        return self._send(
            self._http.build_request(
                "PUT",
                path,
                content=blocks,
                headers={"Content-Type": "application/octet-stream"},
                timeout=_timeout(ENDLESS),
            )
        )

    @contextmanager
    def _stream(
        self, path: str, query: Query, headers: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        with (
            _unreachable(),
            self._http.stream(
                "GET", path, params=_params(query), headers=headers, timeout=_timeout(ENDLESS)
            ) as response,
        ):
            if response.status_code >= 400:
                response.read()
                raise _error(response)
            yield response

    @contextmanager
    def _events(self, path: str, query: Query) -> Iterator[Iterator[ServerEvent]]:
        with self._stream(path, query, {"Accept": "text/event-stream"}) as response:
            yield parse_events(split_lines(response.iter_bytes()))

    def _decode(self, answer: type[A], response: httpx.Response) -> A:
        return self._decode_text(answer, response.content)

    def _decode_text(self, answer: type[A], text: str | bytes) -> A:
        try:
            return msgspec.json.decode(text, type=answer)
        except msgspec.DecodeError as error:
            raise EnvironmentFault(
                _("the engine's answer cannot be read: {reason}").format(reason=error),
                hint=_("engine and console may differ in version: `jobdeck engine restart`"),
            ) from error

    def _send(self, request: httpx.Request) -> httpx.Response:
        with _unreachable():
            response = self._http.send(request)
        if response.status_code >= 400:
            raise _error(response)
        return response


def stopped() -> EngineStopped:
    """A stream ended because the engine took its leave."""
    return EngineStopped(
        _("the engine has stopped"), hint=_("`jobdeck engine status` shows whether it runs")
    )


def _params(query: Query | None) -> httpx.QueryParams:
    """Query parameters; a list is repeated."""
    found: list[tuple[str, Any]] = []
    for name, value in (query or {}).items():
        if isinstance(value, bool):
            found.append((name, "true" if value else "false"))
        elif isinstance(value, str | int):
            found.append((name, str(value)))
        else:
            found += [(name, item) for item in value or ()]
    params: httpx.QueryParams = _httpx().QueryParams(found)
    return params


def _error(response: httpx.Response) -> OpsError:
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        body = None
    if not isinstance(body, dict):
        text = _("the engine answered {status} without saying why")
        return EngineBug(text.format(status=response.status_code))
    return error_of(response.status_code, body)


@contextmanager
def _unreachable() -> Iterator[None]:
    try:
        yield
    except _httpx().TransportError as error:
        refused = isinstance(error, _httpx().ConnectError)
        _close_refused_sockets(error)
        if isinstance(error, _httpx().ReadTimeout):
            raise EngineHalted(
                _("the engine's process is there, and does not answer"),
                hint=_(
                    "a halted process goes on after `kill -CONT`; after `kill -9` the next"
                    " command starts another, and runs go on"
                ),
            ) from error
        raise EngineUnreachable(
            _("the engine does not answer") if refused else _("the engine stopped answering"),
            hint=_("`jobdeck engine status` shows whether it runs"),
        ) from error


def _never_arrived(gone: EngineUnreachable) -> bool:
    return isinstance(gone.__cause__, _httpx().ConnectError)


def _close_refused_sockets(error: httpx.TransportError) -> None:
    """Close what an attempt to connect has left open.

    WORKAROUND(httpcore 1.0): a socket that is refused stays open as a local variable of the
    frames that the error refers to, until somebody frees the error.
    """
    cause: BaseException | None = error
    while cause is not None:
        for frame, _line in traceback.walk_tb(cause.__traceback__):
            for value in frame.f_locals.values():
                if isinstance(value, socket.socket):
                    value.close()
        cause = cause.__cause__

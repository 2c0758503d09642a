"""The HTTP executor: one request to an end, whatever redirects and busy servers lie between.

    resolve and judge -> connect to what was judged -> send -> answer
        ^                                                |
        +---- a redirect, judged anew -------------------+
        +---- again, where a repeat does no harm --------+

A request that may not be repeated is sent once: an answer that never came is `unknown`.
Every request that changes something carries the attempt's id as its Idempotency-Key.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

import httpx

from core.clock import Clock
from core.domain.http_rules import Answer, broken, captured
from core.domain.run import TargetCode, TargetState
from core.domain.steps.http import SAFE
from core.domain.tasks import HttpRequest
from core.errors import TargetError
from core.executors import outcomes
from core.executors.guard import Guard
from core.executors.protocol import Outcome, OutputLimitReached, Session, Sink, Stream, Target, Work
from core.executors.stopping import StopSignal

DEFAULT_TIMEOUT_S = 60.0
"""Of a request whose step gives none."""
_THREADS = 8
_PAUSE_S = 0.5
"""Before the second try; each further one waits twice as long."""
_MOST_RETRY_AFTER_S = 60.0
_MAX_PORT = 0xFFFF
_BUSY = frozenset({429, 503})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT_ELSEWHERE = frozenset({"accept", "accept-language", "content-type", "user-agent"})
"""Headers that go with a redirect to another server: none of them can be a secret."""
_AGENT = "Jobdeck"


class HttpExecutor:
    """Sends requests from the engine's machine; keeps no connection."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="jobdeck-http")
        self._guard = Guard(self._threads)

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[Session]:
        yield _HttpSession(target, self._guard, self._clock)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Hop:
    """What is sent to one server on the way."""

    method: str
    url: httpx.URL
    headers: tuple[tuple[str, str], ...]
    body: bytes | None


class _NoAnswer(Exception):
    """No answer came."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class _HttpSession:
    def __init__(self, target: Target, guard: Guard, clock: Clock) -> None:
        self._target = target
        self._guard = guard
        self._clock = clock
        self._may_have_arrived = False
        """A server may have taken the request in, be it one that only pointed elsewhere."""

    async def settle(self) -> None:
        """Nothing is kept at the far side."""

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        request = work.task
        assert isinstance(request, HttpRequest)
        timeout_s = work.timeout_s or DEFAULT_TIMEOUT_S
        self._may_have_arrived = False
        try:
            async with stop.breaks(), asyncio.timeout(timeout_s):
                answer = await self._answer(request, work.attempt_id, sink)
        except TimeoutError:
            if stop.is_set():
                return _cancelled(arrived=self._may_have_arrived)
            return _timed_out(timeout_s, arrived=self._may_have_arrived)
        except OutputLimitReached:
            return outcomes.printed_too_much("")
        except _TooLong as error:
            return Outcome(
                state=TargetState.FAILED, code=TargetCode.OUTPUT_LIMIT, message=str(error)
            )
        except (_NoAnswer, TargetError) as failure:
            if self._is_in_doubt(request):
                return _unknown(str(failure))
            return outcomes.refused(_unreached(failure, self._target))
        return _judged(request, answer)

    def _is_in_doubt(self, request: HttpRequest) -> bool:
        """Whether sending it again could have its effect twice."""
        return self._may_have_arrived and not request.may_repeat

    async def _answer(self, request: HttpRequest, key: str, sink: Sink) -> Answer:
        """The answer to the request, after as many tries as it may take."""
        left = request.tries - 1
        pause_s = _PAUSE_S
        while True:
            try:
                answer = await self._follow(request, key, sink, is_last=left == 0)
            except _NoAnswer as failure:
                if left == 0 or self._is_in_doubt(request):
                    raise
                reason, wait_s = str(failure), pause_s
            else:
                if not _is_put_off(request, answer.status, is_last=left == 0):
                    return answer
                reason = f"status {answer.status}"
                wait_s = _retry_after_s(answer) or pause_s
            left, pause_s = left - 1, pause_s * 2
            _note(sink, f"{reason}; trying again in {wait_s:g} s")
            await asyncio.sleep(wait_s)

    async def _follow(self, request: HttpRequest, key: str, sink: Sink, *, is_last: bool) -> Answer:
        """The answer at the end of the redirects."""
        headers = (("User-Agent", _AGENT), *request.headers)
        if request.method not in SAFE:
            headers = (("Idempotency-Key", key), *headers)
        hop = _Hop(request.method, _url(request.url), headers, request.body)
        for _ in range(request.redirects + 1):
            answer, location = await self._exchange(request, hop, sink, is_last=is_last)
            if location is None:
                return answer
            hop = _next(hop, answer.status, location)
        raise TargetError(
            TargetCode.CONNECTION_FAILURE,
            f"more than {request.redirects} redirects; the last to {hop.url}",
        )

    async def _exchange(
        self, request: HttpRequest, hop: _Hop, sink: Sink, *, is_last: bool
    ) -> tuple[Answer, str | None]:
        """One server's answer, and where it redirects to."""
        url, target = hop.url, self._target
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await self._guard.addresses(url.host, port, target)
        began_s = self._clock.monotonic()
        async with httpx.AsyncClient(
            verify=_tls(request.ca),
            trust_env=False,
            timeout=httpx.Timeout(None, connect=target.connect_timeout_s),
        ) as client:
            response = await self._send(client, hop, addresses)
            try:
                after_s = self._clock.monotonic() - began_s
                _note(
                    sink,
                    f"{hop.method} {url.copy_with(query=None, fragment=None)}:"
                    f" {response.status_code} {response.reason_phrase} after {after_s * 1000:.0f} ms",
                )
                location = response.headers.get("location")
                moves = response.status_code in _REDIRECTS and location is not None
                is_put_off = _is_put_off(request, response.status_code, is_last=is_last)
                shown = None if moves or is_put_off else sink
                body = await _body(response, request, shown)
            except httpx.HTTPError as error:
                raise _NoAnswer(f"the answer broke off: {_words(error)}") from error
            finally:
                await response.aclose()
        answer = Answer(
            status=response.status_code,
            headers=tuple(response.headers.multi_items()),
            body=body,
            after_s=after_s,
        )
        return answer, location if moves else None

    async def _send(
        self, client: httpx.AsyncClient, hop: _Hop, addresses: Sequence[str]
    ) -> httpx.Response:
        """The beginning of the answer, from the first address that takes a connection."""
        failure: Exception | None = None
        arrived_before = self._may_have_arrived
        headers = [("Host", hop.url.netloc.decode("ascii")), *hop.headers]
        for address in addresses:
            request = client.build_request(
                hop.method,
                hop.url.copy_with(host=address),
                headers=[(name.encode(), value.encode()) for name, value in headers],
                content=hop.body,
                # Whose certificate it must be is decided by the name, not by the address.
                extensions={"sni_hostname": hop.url.raw_host.decode("ascii")},
            )
            try:
                self._may_have_arrived = True
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                self._may_have_arrived = arrived_before
                failure = error
            except httpx.HTTPError as error:
                raise _NoAnswer(f"no answer came: {_words(error)}") from error
            else:
                return response
        assert failure is not None
        raise _NoAnswer(
            _words(failure), timed_out=isinstance(failure, httpx.ConnectTimeout)
        ) from failure


class _TooLong(Exception):
    """The body is longer than the step takes."""


def _is_put_off(request: HttpRequest, status: int, *, is_last: bool) -> bool:
    """Whether a busy server's answer is passed over, and the request tried again."""
    return status in _BUSY and request.may_repeat and not is_last


async def _body(response: httpx.Response, request: HttpRequest, sink: Sink | None) -> bytes:
    """The whole body, unpacked; shown as it comes, and kept where anybody asks for it."""
    body, size, most = bytearray(), 0, request.max_body_bytes
    async for piece in response.aiter_bytes():
        size += len(piece)
        if request.keeps_body:
            body += piece[: most - len(body) + 1]
        if sink is not None and not sink.write(Stream.OUT, piece):
            await sink.ready()
        if size > most:
            raise _TooLong(f"the answer's body has more than {most:,} bytes (`max_body_bytes`)")
    return bytes(body)


def _next(hop: _Hop, status: int, location: str) -> _Hop:
    """Where a redirect leads; nothing secret goes to another server."""
    url = _url(location, hop.url)
    if url.scheme not in ("http", "https") or not url.host:
        raise TargetError(
            TargetCode.CONNECTION_FAILURE,
            f"{hop.url.host} redirects to no web address: {url.scheme}",
        )
    if hop.url.scheme == "https" and url.scheme == "http":
        raise TargetError(
            TargetCode.CONNECTION_FAILURE,
            f"{hop.url.host} redirects from https to http, which was not followed",
        )
    url = url.copy_with(username=None, password=None)
    headers, method, body = hop.headers, hop.method, hop.body
    if (url.scheme, url.host, url.port) != (hop.url.scheme, hop.url.host, hop.url.port):
        headers = tuple(each for each in headers if each[0].lower() in _KEPT_ELSEWHERE)
    if status == 303 or (status in (301, 302) and method == "POST"):
        method = method if method == "HEAD" else "GET"
        headers = tuple(each for each in headers if each[0].lower() != "content-type")
        body = None
    return replace(hop, method=method, url=url, headers=headers, body=body)


def _url(text: str, base: httpx.URL | None = None) -> httpx.URL:
    try:
        url = httpx.URL(text) if base is None else base.join(text)
        if (url.port or 0) > _MAX_PORT:
            raise ValueError(f"there is no port {url.port}")
    except (httpx.InvalidURL, ValueError) as error:
        raise TargetError(TargetCode.INVALID_OPTIONS, f"not a web address: {error}") from error
    return url


def _retry_after_s(answer: Answer) -> float | None:
    """What the server asks for, in seconds; its other form, a date, is not understood."""
    value = answer.header("retry-after") or ""
    return min(float(value), _MOST_RETRY_AFTER_S) if re.fullmatch(r"[0-9]+", value) else None


def _judged(request: HttpRequest, answer: Answer) -> Outcome:
    if reasons := list(broken(request.expect, answer)):
        return Outcome(
            state=TargetState.FAILED,
            code=TargetCode.UNEXPECTED_ANSWER,
            message="; ".join(reasons),
        )
    values, problems = captured(request.capture, answer)
    if problems:
        return Outcome(
            state=TargetState.FAILED, code=TargetCode.INVALID_OUTPUTS, message="; ".join(problems)
        )
    outputs = json.dumps(values).encode() if values else None
    return Outcome(state=TargetState.SUCCESS, outputs_file=outputs)


def _unknown(reason: str) -> Outcome:
    return Outcome(
        state=TargetState.UNKNOWN,
        code=TargetCode.CONNECTION_LOST,
        message=f"the request was sent, and {reason}; whether it took effect is not known"
        " (look at the service)",
    )


def _cancelled(*, arrived: bool) -> Outcome:
    doubt = "the request was sent; whether it took effect is not known" if arrived else ""
    return outcomes.cancelled(started=False, doubt=doubt)


def _timed_out(timeout_s: float, *, arrived: bool) -> Outcome:
    end = "; whether it took effect is not known" if arrived else "; it was not sent"
    return Outcome(
        state=TargetState.TIMED_OUT,
        code=TargetCode.COMMAND_TIMEOUT,
        message=f"there was no answer after {timeout_s:g} s{end}",
    )


def _unreached(failure: _NoAnswer | TargetError, target: Target) -> TargetError:
    if isinstance(failure, TargetError):
        return failure
    code = TargetCode.CONNECTION_TIMEOUT if failure.timed_out else TargetCode.CONNECTION_FAILURE
    return TargetError(code, f"{target.host}: {failure}")


def _note(sink: Sink, text: str) -> None:
    sink.write(Stream.NOTE, f"Jobdeck: {text}\n".encode())


def _words(error: BaseException) -> str:
    """What lies at the bottom of an error: the libraries above it say less."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


@lru_cache(maxsize=64)
def _tls(ca: str | None) -> ssl.SSLContext:
    """Certificates are always checked: against the system's authorities, or the step's own."""
    return ssl.create_default_context(cadata=ca)

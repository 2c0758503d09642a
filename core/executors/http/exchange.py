"""One server's answer to one request: connect to what was judged, send, read the answer."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import httpx
import msgspec

from core.clock import Clock
from core.domain.http_rules import Answer
from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.guard import Guard
from core.executors.http.unpacking import ACCEPTED, Unpacker, Unreadable
from core.executors.protocol import Sink, Stream, Target

_MAX_PORT = 0xFFFF
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT_ELSEWHERE = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "content-type", "if-range", "range",
        "user-agent",
    }
)  # fmt: skip
"""Headers that go with a redirect to another server: none of them can be a secret."""

ShownIn = Callable[[Answer], Sink | None]
"""An answer whose body has not come yet -> where that is shown; None: nowhere."""


@dataclass(frozen=True, slots=True)
class Hop:
    """What is sent to one server on the way."""

    method: str
    url: httpx.URL
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    tls: ssl.SSLContext
    """Whose authorities are trusted, and which certificate is shown."""
    tls_elsewhere: ssl.SSLContext
    """The same without a certificate of our own: for the servers that it is redirected to."""

    def redirected(self, status: int, location: str) -> Hop:
        """Where a redirect leads; nothing secret goes to another server."""
        url = url_of(location, self.url)
        if url.scheme not in ("http", "https") or not url.host:
            raise TargetError(
                TargetCode.CONNECTION_FAILURE,
                f"{self.url.host} redirects to no web address: {url.scheme}",
            )
        if self.url.scheme == "https" and url.scheme == "http":
            raise TargetError(
                TargetCode.CONNECTION_FAILURE,
                f"{self.url.host} redirects from https to http, which was not followed",
            )
        url = url.copy_with(username=None, password=None)
        headers, method, body, tls = self.headers, self.method, self.body, self.tls
        if (url.scheme, url.host, url.port) != (self.url.scheme, self.url.host, self.url.port):
            headers = tuple(each for each in headers if each[0].lower() in _KEPT_ELSEWHERE)
            tls = self.tls_elsewhere
        if status == 303 or (status in (301, 302) and method == "POST"):
            method = method if method == "HEAD" else "GET"
            headers = tuple(each for each in headers if each[0].lower() != "content-type")
            body = None
        return replace(self, method=method, url=url, headers=headers, body=body, tls=tls)


class NoAnswer(Exception):
    """No answer came."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class TooLong(Exception):
    """The body is longer than the step takes."""


class Exchange:
    """Requests for one target, each on a connection of its own."""

    def __init__(self, target: Target, guard: Guard, clock: Clock) -> None:
        self._target = target
        self._guard = guard
        self._clock = clock
        self.may_have_arrived = False
        """A server may have taken a request in, be it one that only pointed elsewhere."""

    async def ask(
        self,
        hop: Hop,
        max_body_bytes: int,
        shown_in: ShownIn,
        sink: Sink,
        *,
        keeps_body: bool = True,
    ) -> tuple[Answer, str | None]:
        """The answer, without its body unless it `keeps_body`; and where it redirects to."""
        url = hop.url
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await self._guard.addresses(url.host, port, self._target)
        began_s = self._clock.monotonic()
        async with httpx.AsyncClient(
            verify=hop.tls,
            trust_env=False,
            headers={"Accept-Encoding": ACCEPTED},
            timeout=httpx.Timeout(None, connect=self._target.connect_timeout_s),
        ) as client:
            response = await self._send(client, hop, addresses)
            try:
                after_s = self._clock.monotonic() - began_s
                note(
                    sink,
                    f"{hop.method} {url.copy_with(query=None, fragment=None)}:"
                    f" {response.status_code} {response.reason_phrase} after {after_s * 1000:.0f} ms",
                )
                location = response.headers.get("location")
                moves = response.status_code in _REDIRECTS and location is not None
                answer = Answer(
                    status=response.status_code,
                    headers=tuple(response.headers.multi_items()),
                    body=b"",
                    after_s=after_s,
                )
                shown = None if moves else shown_in(answer)
                body = await _body(response, max_body_bytes, shown, keeps=keeps_body)
            except httpx.HTTPError as error:
                raise NoAnswer(f"the answer broke off: {_words(error)}") from error
            except Unreadable as error:
                raise NoAnswer(f"the answer cannot be read: {error}") from error
            finally:
                await response.aclose()
        return msgspec.structs.replace(answer, body=body), location if moves else None

    async def _send(
        self, client: httpx.AsyncClient, hop: Hop, addresses: Sequence[str]
    ) -> httpx.Response:
        """The beginning of the answer, from the first address that takes a connection."""
        failure: Exception | None = None
        arrived_before = self.may_have_arrived
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
                self.may_have_arrived = True
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                self.may_have_arrived = arrived_before
                failure = error
            except httpx.HTTPError as error:
                raise NoAnswer(f"no answer came: {_words(error)}") from error
            except (httpx.InvalidURL, ValueError) as error:
                # httpx reads where a redirect leads before it gives the answer to anybody.
                raise TargetError(
                    TargetCode.CONNECTION_FAILURE,
                    f"{hop.url.host} redirects to no web address: {error}",
                ) from error
            else:
                return response
        assert failure is not None
        raise NoAnswer(
            _words(failure), timed_out=isinstance(failure, httpx.ConnectTimeout)
        ) from failure


def url_of(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """The address, which may be relative to `base`; TargetError when it is none."""
    try:
        url = httpx.URL(text) if base is None else base.join(text)
        if (url.port or 0) > _MAX_PORT:
            raise ValueError(f"there is no port {url.port}")
    except (httpx.InvalidURL, ValueError) as error:
        raise TargetError(TargetCode.INVALID_OPTIONS, f"not a web address: {error}") from error
    return url


def note(sink: Sink, text: str) -> None:
    """Say something to the reader of the output."""
    sink.write(Stream.NOTE, f"Jobdeck: {text}\n".encode())


async def _body(response: httpx.Response, most: int, sink: Sink | None, *, keeps: bool) -> bytes:
    """The whole body, unpacked; shown as it comes, and kept where anybody asks for it."""
    body, size = bytearray(), 0
    unpacker = Unpacker(response.headers.get("content-encoding", ""))
    async for packed in response.aiter_raw():
        for piece in unpacker.feed(packed):
            size += len(piece)
            if keeps:
                body += piece[: most - len(body) + 1]
            if sink is not None and not sink.write(Stream.OUT, piece):
                await sink.ready()
            if size > most:
                raise TooLong(f"the answer's body has more than {most:,} bytes (`max_body_bytes`)")
    return bytes(body)


def _words(error: BaseException) -> str:
    """What lies at the bottom of an error: the libraries above it say less."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__

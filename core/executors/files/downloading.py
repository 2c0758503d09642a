"""One file of a web server to a file here, through the executor that speaks HTTP.

    ask for it -> it breaks off -> ask for the rest, if it is still the same -> ... -> all of it

A server that names what it sends by a strong ETag is asked for the rest of that (RFC 9110, 13.1.5
and 14.2), and answers with all of it where it has something else by now. Others begin anew.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import closing
from pathlib import Path

import msgspec

from core.domain.files.paths import shown
from core.domain.http_rules import Answer
from core.domain.run import TargetCode, TargetState
from core.domain.tasks import Download
from core.errors import TargetError
from core.executors import outcomes
from core.executors.protocol import Executor, Outcome, Stream, Target, Work
from core.executors.stopping import StopSignal

DEFAULT_TIMEOUT_S = 86400.0
"""Of a download whose step gives none."""
_HELD_BYTES = 1 << 20
_PAUSES_S = (0.5, 2.0)
"""Before tries that follow one another without a byte in between."""
_AGAIN = frozenset({TargetCode.CONNECTION_FAILURE, TargetCode.CONNECTION_TIMEOUT})
_PARTIAL, _NO_SUCH_PART = 206, 416

# Unpacked bytes have other places than those that a range counts.
_AS_IT_IS = ("Accept-Encoding", "identity")


async def download(
    http: Executor, what: Download, target: Target, place: Path, work: Work, stop: StopSignal
) -> Outcome:
    """Bring a file to `place`, by what is allowed for `target`; it lasts only if it went well."""
    await asyncio.to_thread(place.parent.mkdir, parents=True, exist_ok=True)
    with closing(_FileSink(place)) as sink:
        outcome = await _persistently(http, what, target, sink, work, stop)
        digest = sink.digest
    if outcome.state is TargetState.SUCCESS and what.sha256 not in (None, digest):
        return Outcome(
            state=TargetState.CHECKSUM_MISMATCH,
            code=TargetCode.UNEXPECTED_ANSWER,
            message=f"{shown(what.name)} has the SHA-256 {digest}, not the one that the step"
            " asks for; it was sent to no host",
        )
    return outcome


async def _persistently(
    http: Executor, what: Download, target: Target, sink: _FileSink, work: Work, stop: StopSignal
) -> Outcome:
    """How it ended, by as many requests as bring something, and a few that do not."""
    timeout_s = work.timeout_s or DEFAULT_TIMEOUT_S
    until = asyncio.get_running_loop().time() + timeout_s
    fruitless = 0
    while True:
        had = sink.size
        headers = (*what.request.headers, _AS_IT_IS, *sink.asking_for_the_rest())
        request = msgspec.structs.replace(what.request, headers=headers)
        left_s = max(until - asyncio.get_running_loop().time(), 0.001)
        asking = msgspec.structs.replace(work, task=request, timeout_s=left_s)
        outcome = await _once(http, target, sink, asking, stop)
        fruitless = 0 if sink.size > had else fruitless + 1
        if outcome.code not in _AGAIN or stop.is_set() or fruitless > len(_PAUSES_S):
            return outcome
        await asyncio.sleep(_PAUSES_S[max(fruitless - 1, 0)])


async def _once(
    http: Executor, target: Target, sink: _FileSink, work: Work, stop: StopSignal
) -> Outcome:
    """How one request went; what came of its answer is in the file."""
    try:
        async with http.open(target) as session:
            outcome = await session.run(work, sink, stop)
    except TargetError as error:
        outcome = outcomes.refused(error)
    await sink.ready()
    return outcome


class _FileSink:
    """Keeps bodies in a file, one after the other where each is the rest of the one before."""

    def __init__(self, place: Path) -> None:
        self._file = place.open("wb", buffering=0)
        self._held = bytearray()
        self._digest = hashlib.sha256()
        self._tag: str | None = None
        """What the server calls the version that is being kept; None: nothing that holds."""
        self.size = 0
        """Bytes that are kept."""

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def close(self) -> None:
        self._file.close()

    def asking_for_the_rest(self) -> tuple[tuple[str, str], ...]:
        """The headers of a request that goes on where the last one stopped."""
        if self._tag is None or not self.size:
            return ()
        return (("Range", f"bytes={self.size}-"), ("If-Range", self._tag))

    def begins(self, answer: Answer) -> None:
        """Go on, or begin anew, as the server says; TargetError where it sends a part that is
        not the next one.
        """
        tag = answer.header("etag")
        tag = tag if tag is not None and tag.startswith('"') else None
        if answer.status == _PARTIAL or (answer.status == _NO_SUCH_PART and self.size):
            named = answer.header("content-range") or ""
            if not self.size or tag != self._tag or not named.startswith(f"bytes {self.size}-"):
                self._tag = None
                raise TargetError(
                    TargetCode.CONNECTION_FAILURE, "the server sends another part than the rest"
                )
            return
        self._file.seek(0)
        self._file.truncate()
        self._digest, self.size = hashlib.sha256(), 0
        self._tag = None if answer.header("content-encoding") else tag

    def write(self, stream: Stream, data: bytes) -> bool:
        if stream is Stream.OUT:
            self._held += data
        return len(self._held) < _HELD_BYTES

    async def ready(self) -> None:
        held, self._held = self._held, bytearray()
        await asyncio.to_thread(self._keep, held)

    def _keep(self, data: bytearray) -> None:
        self._digest.update(data)
        self.size += len(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    async def unclaimed(self, reason: str) -> None:
        """Requests are direct always."""

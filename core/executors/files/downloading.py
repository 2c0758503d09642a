"""One file of a web server to a file here, through the executor that speaks HTTP."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import closing
from pathlib import Path

import msgspec

from core.domain.files.paths import shown
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
"""Before the second and the third try."""
_AGAIN = frozenset({TargetCode.CONNECTION_FAILURE, TargetCode.CONNECTION_TIMEOUT})


async def download(
    http: Executor, what: Download, target: Target, place: Path, work: Work, stop: StopSignal
) -> Outcome:
    """Bring a file to `place`, by what is allowed for `target`; it lasts only if it went well."""
    asking = msgspec.structs.replace(
        work, task=what.request, timeout_s=work.timeout_s or DEFAULT_TIMEOUT_S
    )
    await asyncio.to_thread(place.parent.mkdir, parents=True, exist_ok=True)
    outcome, digest = await _once(http, target, place, asking, stop)
    for pause_s in _PAUSES_S:
        if outcome.code not in _AGAIN or stop.is_set():
            break
        await asyncio.sleep(pause_s)
        outcome, digest = await _once(http, target, place, asking, stop)
    if outcome.state is TargetState.SUCCESS and what.sha256 not in (None, digest):
        return Outcome(
            state=TargetState.CHECKSUM_MISMATCH,
            code=TargetCode.UNEXPECTED_ANSWER,
            message=f"{shown(what.name)} has the SHA-256 {digest}, not the one that the step"
            " asks for; it was sent to no host",
        )
    return outcome


async def _once(
    http: Executor, target: Target, place: Path, work: Work, stop: StopSignal
) -> tuple[Outcome, str]:
    """How one request went, and the SHA-256 of what came."""
    with closing(_FileSink(place)) as sink:
        try:
            async with http.open(target) as session:
                outcome = await session.run(work, sink, stop)
            await sink.ready()
        except TargetError as error:
            outcome = outcomes.refused(error)
        return outcome, sink.digest


class _FileSink:
    """Keeps a body in a file, a little of it in memory."""

    def __init__(self, place: Path) -> None:
        self._file = place.open("wb", buffering=0)
        self._held = bytearray()
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def close(self) -> None:
        self._file.close()

    def write(self, stream: Stream, data: bytes) -> bool:
        if stream is Stream.OUT:
            self._held += data
        return len(self._held) < _HELD_BYTES

    async def ready(self) -> None:
        held, self._held = self._held, bytearray()
        await asyncio.to_thread(self._keep, held)

    def _keep(self, data: bytearray) -> None:
        self._digest.update(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    async def unclaimed(self, reason: str) -> None:
        """Requests are direct always."""

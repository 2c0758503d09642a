"""Files to and from one target: each whole or not at all, whatever breaks on the way.

    what is there?  ->  the same: nothing is sent
                    ->  a beginning of it: the rest is sent
                    ->  else all of it
    -> unfinished copy -> SHA-256 -> mode, owner -> rename

One program on the target for each file. A lost line is taken up on another connection at the
last byte that arrived; only when no connection comes for a while has the transfer failed. Its
whole effect is a rename of something complete, so all of it may be done again.

Files of one target follow one another; targets go side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TypeVar

from core.domain.files.paths import joined
from core.domain.run import TargetCode, TargetState
from core.domain.tasks import Pull, Push
from core.errors import TargetError
from core.executors import outcomes
from core.executors.attempt import Link, Patience
from core.executors.conduct import NewToken
from core.executors.files.bare import BareLink, NoSftp
from core.executors.files.exchange import LineLost, Talker, Unstarted
from core.executors.files.failures import TransferFailed
from core.executors.files.pace import Pace
from core.executors.files.programs import POSIX_SPEECH, Speech
from core.executors.files.pulling import Origin, Pulling
from core.executors.files.pushing import Places, Pushing
from core.executors.files.report import Report
from core.executors.files.sharedspeed import SharedSpeed
from core.executors.files.shellorigin import ShellOrigin
from core.executors.files.shellplace import ShellPlaces
from core.executors.files.sources import Piece, Sources
from core.executors.protocol import Outcome, OutputLimitReached, Sink, Work
from core.executors.stopping import StopSignal

_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0)
"""Between tries on a lost line; one more try, then it has failed."""

T = TypeVar("T")
Way = TypeVar("Way", Places, Origin)


class Courier:
    """Carries files behind one link."""

    def __init__(
        self,
        link: Link,
        patience: Patience,
        new_token: NewToken,
        sources: Sources,
        speech: Speech = POSIX_SPEECH,
    ) -> None:
        self._link = link
        self._speech = speech
        self._patience = patience
        self._new_token = new_token
        self._sources = sources

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        """Carry all files of `work`, or as many as can be."""
        report = Report(sink)
        talker = Talker(
            self._link, self._patience, self._new_token, self._speech, work, report.noise
        )
        try:
            async with stop.breaks(), asyncio.timeout(work.timeout_s):
                if isinstance(work.task, Push):
                    await self._push(work, work.task, talker, report)
                else:
                    assert isinstance(work.task, Pull)
                    await self._pull(work.task, talker, report)
        except TimeoutError:
            if stop.is_set():
                return _ended(TargetState.TERMINATED, TargetCode.CANCELLED, "cancelled")
            late = f"it was not done after {work.timeout_s:g} s"
            return _ended(TargetState.TIMED_OUT, TargetCode.COMMAND_TIMEOUT, late)
        except OutputLimitReached:
            return outcomes.printed_too_much("")
        except (TransferFailed, Unstarted) as failure:
            return failure.outcome
        except TargetError as error:
            return outcomes.refused(error)
        return report.outcome()

    async def _push(self, work: Work, task: Push, talker: Talker, report: Report) -> None:
        pieces = await self._sources.pieces(task, work.env)

        async def carry(places: Places) -> None:
            await self._push_by(places, task, pieces, report)

        bare = partial(_bare_places, task)
        await self._by_any_way(carry, ShellPlaces(task, talker), bare, report)

    async def _pull(self, task: Pull, talker: Talker, report: Report) -> None:
        async def carry(origin: Origin) -> None:
            await self._pull_by(origin, task, report)

        await self._by_any_way(carry, ShellOrigin(talker), _bare_origins, report)

    async def _by_any_way(
        self,
        carry: Callable[[Way], Awaitable[None]],
        shell: Way,
        bare: Callable[[BareLink], tuple[Way, Way]],
        report: Report,
    ) -> None:
        """By the first way that the target has; each next one can do less."""
        link = self._link
        try:
            await carry(shell)
        except Unstarted as failure:
            if not (failure.has_no_shell and isinstance(link, BareLink)):
                raise
        else:
            return
        if link.become is not None:
            raise TargetError(
                TargetCode.BECOME_FAILURE,
                "the account has no shell there, and without one nobody becomes"
                f" {link.become.user}; nothing was carried",
                hint=f"log in as {link.become.user}, or with an account that has a shell",
            )
        sftp, scp = bare(link)
        report.note("the account has no shell there; by SFTP")
        with suppress(NoSftp):
            await carry(sftp)
            return
        report.note("no SFTP either; by SCP, which writes over what is there")
        await carry(scp)

    async def _push_by(
        self, places: Places, task: Push, pieces: Sequence[Piece], report: Report
    ) -> None:
        total_bytes = sum(piece.size for piece in pieces)
        with _shared(task) as shared:
            pace = Pace(task.bytes_per_s, report.note, total_bytes=total_bytes, shared=shared)
            pushing = Pushing(task, places, self._sources, pace)
            for piece in pieces:
                put = partial(pushing.put, piece, report.note)
                await report.file(joined(task.folder, piece.name), _persistently(put, report))

    async def _pull_by(self, origin: Origin, task: Pull, report: Report) -> None:
        with _shared(task) as shared:
            pace = Pace(task.bytes_per_s, report.note, shared=shared)
            await self._pull_at(pace, origin, task, report)

    async def _pull_at(self, pace: Pace, origin: Origin, task: Pull, report: Report) -> None:
        pulling = Pulling(task, origin, self._sources.apart, pace)
        for pattern in task.paths:
            try:
                files = await _persistently(partial(origin.list_, pattern), report)
            except TransferFailed as failure:
                if not (failure.is_missing and task.may_be_missing):
                    raise
                report.note(str(failure))
                continue
            for file in files:
                get = partial(pulling.get, file)
                await report.file(file.path, _persistently(get, report))


# Their library is loaded for hosts that need them: an engine may never meet one.


def _bare_places(task: Push, link: BareLink) -> tuple[Places, Places]:
    from core.executors.files.scpfiles import ScpPlaces
    from core.executors.files.sftpplace import SftpPlaces

    return SftpPlaces(task, link), ScpPlaces(task, link)


def _bare_origins(link: BareLink) -> tuple[Origin, Origin]:
    from core.executors.files.scpfiles import ScpOrigin
    from core.executors.files.sftporigin import SftpOrigin

    return SftpOrigin(link), ScpOrigin(link)


@contextmanager
def _shared(task: Push | Pull) -> Iterator[SharedSpeed | None]:
    if task.shared is None:
        yield None
        return
    with closing(SharedSpeed(task.shared.path, task.shared.bytes_per_s)) as shared:
        yield shared


async def _persistently(act: Callable[[], Awaitable[T]], report: Report) -> T:
    """What `act` brings, on as many connections as it takes."""
    for delay_s in _DELAYS_S:
        try:
            return await act()
        except LineLost as loss:
            report.note(f"{loss}; going on in {delay_s:g} s")
            await asyncio.sleep(delay_s)
    try:
        return await act()
    except LineLost as loss:
        raise TargetError(
            TargetCode.CONNECTION_LOST,
            f"the connection was lost again and again: {loss}",
            hint="what had arrived is kept there: a retry goes on from it",
        ) from loss


def _ended(state: TargetState, code: TargetCode, why: str) -> Outcome:
    message = f"{why}; files that were complete are in place, no other was touched"
    return Outcome(state=state, code=code, message=message)

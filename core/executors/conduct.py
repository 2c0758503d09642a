"""The life of one attempt: start the program, wait for its turn, end it, say how it ended.

The same for every login that runs programs, with a claim and without; what the programs
are is the dialect's business (`core.executors.dialect`). A claim that the target cannot hold is done without, once that is
on record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec

from core.domain.run import TargetCode
from core.errors import Invalid, TargetError
from core.executors import conclusions, outcomes
from core.executors.attempt import Attempt, Link, Patience, Turn
from core.executors.become import Door
from core.executors.claims import RECORDED, Refusal
from core.executors.dialect import POSIX, Dialect, Ending
from core.executors.ending import GONE
from core.executors.protocol import Outcome, Sink, Stream, Work
from core.executors.stopping import StopSignal

_LAST_OUTPUT_S = 1.0
"""How long the last output of a work that was ended is waited for."""
_ENDING_MARGIN_S = 15.0

NewToken = Callable[[], str]
"""Random letters and digits, at least 128 bits of them: nobody can guess a mark."""


class Conductor:
    """Conducts attempts behind one link."""

    def __init__(
        self, link: Link, patience: Patience, new_token: NewToken, dialect: Dialect = POSIX
    ) -> None:
        self._link = link
        self._dialect = dialect
        self._patience = patience
        self._new_token = new_token
        self._unsettled: Attempt | None = None
        """Its program keeps a claim, and waits for the last word."""

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        """Run `work` to its end, or until `stop` is set."""
        if stop.is_set() and not _is_look(work):
            return outcomes.cancelled(started=False)
        try:
            attempt, token = self._prepare(work, sink)
        except Invalid as error:
            return outcomes.refused(TargetError(TargetCode.INVALID_OPTIONS, str(error)))
        try:
            if stop.is_set():
                attempt.stop(once_started=True)
            with stop.heard_by(lambda: attempt.stop(once_started=_is_look(work))):
                turn = await self._wait(attempt)
            if (reason := _unclaimed_for(attempt)) is None:
                return await self._conclude(attempt, turn, work, token)
            await sink.unclaimed(reason)
            attempt.note(
                f"Jobdeck: no claim could be made there ({reason}); it runs directly: if the "
                "connection is lost, how it ends cannot be known\n"
            )
        except TargetError as error:
            return outcomes.refused(error)
        finally:
            self._part_with(attempt)
        return await self.run(msgspec.structs.replace(work, claim=None), sink, stop)

    async def settle(self) -> None:
        """Let the target forget the claim of the last attempt."""
        attempt, self._unsettled = self._unsettled, None
        if attempt is not None:
            attempt.settle(RECORDED)

    def close(self) -> None:
        """A claim that was not settled stays on the target."""
        if self._unsettled is not None:
            self._unsettled.close()
            self._unsettled = None

    def _part_with(self, attempt: Attempt) -> None:
        if attempt.is_claimed and attempt.out.started and not attempt.is_closed:
            self.close()
            attempt.hush()
            self._unsettled = attempt
        else:
            attempt.close()

    def _prepare(self, work: Work, sink: Sink) -> tuple[Attempt, str]:
        token = self._new_token()
        become, claim = self._link.become, work.claim
        launch = self._dialect.launch(work, token, as_other_user=become is not None)
        timeout_s = work.timeout_s
        if claim is not None and timeout_s is not None:
            timeout_s = max(0.0, timeout_s - claim.running_s)
        door = Door(become, token, launch.reader) if become is not None else None
        attempt = Attempt(launch, sink, self._patience, door=door, timeout_s=timeout_s)
        return attempt, token

    async def _wait(self, attempt: Attempt) -> Turn:
        """The attempt's turn; TargetError when the request was not accepted."""
        attempt.expect_start()
        loop = asyncio.get_running_loop()
        try:
            # A turn that comes while the request is under way, such as a stop, ends the wait.
            async with asyncio.timeout(None) as patience:
                attempt.when_turned = lambda: patience.reschedule(loop.time())
                await self._link.start(attempt.request, attempt)
        except TimeoutError:
            pass
        except TargetError:
            if not (attempt.turn.done() and attempt.handed_over):
                raise
        finally:
            attempt.when_turned = None
        return await attempt.turn

    async def _conclude(self, attempt: Attempt, turn: Turn, work: Work, token: str) -> Outcome:
        match turn:
            case Turn.ENDED:
                _say_what_is_missing(attempt)
                return conclusions.as_said(attempt, work, self._dialect)
            case Turn.CLOSED | Turn.LINGERED:
                if turn is Turn.LINGERED:
                    _say_lingering(attempt)
                return conclusions.as_closed(attempt, work, self._dialect)
            case Turn.BECOME_REFUSED:
                return conclusions.become_refused(attempt.reason)
            case Turn.NOT_STARTED:
                return conclusions.not_started(attempt, self._patience)
        if turn is Turn.STOPPED and not attempt.handed_over:
            return outcomes.cancelled(started=False)
        doubt = await self._end(attempt, turn, work, token)
        return conclusions.as_ended(turn, work, doubt, attempt.reason)

    async def _end(self, attempt: Attempt, turn: Turn, work: Work, token: str) -> str:
        """End the attempt's processes; what could not be verified, or ""."""
        if not attempt.handed_over:
            return ""
        pid = attempt.out.pid
        if pid is None:
            if attempt.is_claimed and attempt.out.started:
                return ""
            return "it had not said that it started, so whether anything runs there is not known"
        doubt = await self._end_processes(
            self._dialect.ending(work, pid, self._patience.grace_s, token, turn), token
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_OUTPUT_S):
                await attempt.gone.wait()
        return doubt

    async def _end_processes(self, ending: Ending, token: str) -> str:
        work = Work(
            attempt_id=f"end-{token}",
            task=ending.program,
            env=dict(ending.env),
            timeout_s=self._patience.grace_s + _ENDING_MARGIN_S,
        )
        said = _Memory()
        attempt, _ = self._prepare(work, said)
        try:
            turn = await self._wait(attempt)
        except TargetError as error:
            return f"whether its processes are gone could not be seen: {error}"
        finally:
            attempt.close()
        if said.text == GONE:
            return ""
        left = said.text.decode("utf-8", "replace").split()
        if turn is Turn.CLOSED and left and all(pid.isdigit() for pid in left):
            return f"these of its processes could not be ended: {', '.join(left)}"
        return "whether its processes are gone could not be seen: " + (
            attempt.evidence or attempt.noise() or "the host does not answer"
        )


class _Memory:
    """A sink for the few bytes that our own programs print."""

    def __init__(self) -> None:
        self.text = b""

    def write(self, stream: Stream, data: bytes) -> bool:
        if stream is Stream.OUT:
            self.text = (self.text + data)[-4096:]
        return True

    async def ready(self) -> None:
        """There is always room."""

    async def unclaimed(self, reason: str) -> None:
        """Our own programs are direct always."""


def _is_look(work: Work) -> bool:
    return work.claim is not None and work.claim.resume is not None


def _unclaimed_for(attempt: Attempt) -> str | None:
    """Why the target can hold no claim; None when that is not what it said."""
    word, _, reason = (attempt.out.refusal or "").partition(" ")
    return reason if word == Refusal.UNCLAIMED else None


def _say_what_is_missing(attempt: Attempt) -> None:
    closing = attempt.out.closing or ()
    if "held" in closing:
        _say_lingering(attempt)
    if "cut" in closing:
        attempt.note(
            "Jobdeck: not all of the output could be kept on the host (is its disk full?); "
            "the work itself was not disturbed\n"
        )


def _say_lingering(attempt: Attempt) -> None:
    attempt.note(
        "Jobdeck: the work ended; something it left in the background still holds its output, "
        "which is not followed any more\n"
    )

"""The life of one attempt: start the program, wait for its turn, end it, say how it ended.

The same for every login that gives a POSIX shell (SSH, the engine's own machine).
This is the direct mode: when the wire is cut after the program's text has left,
how it goes on cannot be known, and the outcome says so with its evidence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from core.domain.run import TargetCode, TargetState
from core.errors import Invalid, TargetError
from core.executors import outcomes
from core.executors.attempt import Attempt, Link, Patience, Turn
from core.executors.become import Door
from core.executors.ending import GONE, ending_text
from core.executors.protocol import Outcome, Program, Sink, Stream, Work
from core.executors.shell import REFUSALS, compose

_LAST_OUTPUT_S = 1.0
"""How long the last output of a work that was ended is waited for."""
_ENDING_MARGIN_S = 15.0

NewToken = Callable[[], str]
"""Random letters and digits, at least 128 bits of them: nobody can guess a mark."""


class Conductor:
    """Conducts attempts behind one link."""

    def __init__(self, link: Link, patience: Patience, new_token: NewToken) -> None:
        self._link = link
        self._patience = patience
        self._new_token = new_token

    async def run(self, work: Work, sink: Sink, stop: asyncio.Event) -> Outcome:
        """Run `work` to its end, or until `stop` is set."""
        if work.claim is not None:
            # Until the wrapper takes claims: what runs is direct, and on record as that.
            if work.claim.resume is not None:
                return outcomes.claim_broken("this kind of access keeps no claims yet")
            await sink.unclaimed("this kind of access keeps no claims yet")
        if stop.is_set():
            return outcomes.cancelled(started=False)
        try:
            attempt, token = self._prepare(work, sink)
        except Invalid as error:
            return outcomes.refused(TargetError(TargetCode.INVALID_OPTIONS, str(error)))
        stopping = asyncio.ensure_future(stop.wait())
        stopping.add_done_callback(
            lambda done: None if done.cancelled() else attempt.end(Turn.STOPPED)
        )
        try:
            turn = await self._wait(attempt)
            return await self._conclude(attempt, turn, work, token)
        except TargetError as error:
            return outcomes.refused(error)
        finally:
            stopping.cancel()
            attempt.close()

    async def settle(self) -> None:
        """Direct work leaves nothing behind."""

    def _prepare(self, work: Work, sink: Sink) -> tuple[Attempt, str]:
        token = self._new_token()
        become = self._link.become
        launch = compose(work, token, as_other_user=become is not None)
        door = Door(become, token) if become is not None else None
        attempt = Attempt(launch, sink, self._patience, door=door, timeout_s=work.timeout_s)
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
            case Turn.CLOSED | Turn.LINGERED:
                if turn is Turn.LINGERED:
                    _say_lingering(attempt)
                return _as_it_ended(attempt, work)
            case Turn.BECOME_REFUSED:
                return _outcome(TargetState.AUTH_FAILED, TargetCode.BECOME_FAILURE, attempt.reason)
            case Turn.NOT_STARTED:
                return _not_started(attempt, self._patience)
        doubt = await self._end(attempt, token)
        match turn:
            case Turn.TIMED_OUT:
                return outcomes.timed_out(work.timeout_s or 0, doubt)
            case Turn.OUTPUT_LIMIT:
                return outcomes.printed_too_much(doubt)
            case Turn.LOG_FAILED:
                return outcomes.log_failed(attempt.reason, doubt)
        return outcomes.cancelled(started=attempt.handed_over, doubt=doubt)

    async def _end(self, attempt: Attempt, token: str) -> str:
        """End the attempt's processes; what could not be verified, or ""."""
        if not attempt.handed_over:
            return ""
        if attempt.out.pid is None:
            return "it had not said that it started, so whether anything runs there is not known"
        doubt = await self._end_processes(attempt.out.pid, token)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_OUTPUT_S):
                await attempt.gone.wait()
        return doubt

    async def _end_processes(self, pid: int, token: str) -> str:
        text = ending_text(pid, self._patience.grace_s, token)
        work = Work(
            attempt_id=f"end-{token}",
            program=Program(text=text),
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


def _as_it_ended(attempt: Attempt, work: Work) -> Outcome:
    """The outcome of an attempt whose wire is closed, or that has exited."""
    if attempt.out.refusal is not None:
        code, text = REFUSALS[attempt.out.refusal]
        message = text.format(interpreter=work.program.interpreter)
        return outcomes.refused(TargetError(code, message))
    if attempt.has_exited and attempt.out.started:
        return _with_outputs(outcomes.exited(attempt.status, attempt.signal), attempt)
    if attempt.has_exited:
        return _exited_before_start(attempt)
    evidence = attempt.evidence or "the host closed the session without an exit status"
    if not attempt.handed_over:
        return _outcome(
            TargetState.UNREACHABLE,
            TargetCode.CONNECTION_FAILURE,
            f"the connection broke before the work was sent: {evidence}",
        )
    return outcomes.connection_lost(evidence, started=attempt.out.started)


def _with_outputs(outcome: Outcome, attempt: Attempt) -> Outcome:
    frames = attempt.out
    if not frames.found_outputs:
        return outcome
    if frames.outputs is None:
        return outcomes.outputs_unusable(outcome, frames.outputs_size)
    return outcomes.with_outputs(outcome, frames.outputs)


def _exited_before_start(attempt: Attempt) -> Outcome:
    if attempt.door is not None:
        state, message = attempt.door.refused()
        return _outcome(state, TargetCode.BECOME_FAILURE, message)
    end = f"signal {attempt.signal}" if attempt.signal else f"exit status {attempt.status}"
    said = f": {noise}" if (noise := attempt.noise()) else ""
    return _outcome(
        TargetState.SUBMIT_FAILED,
        TargetCode.IO_FAILURE,
        f"the login ended ({end}) before the work could start{said} "
        "(does the account have a POSIX /bin/sh, and no forced command?)",
    )


def _not_started(attempt: Attempt, patience: Patience) -> Outcome:
    waited = f"nothing started within {patience.start_s:g} s"
    if attempt.door is not None and not attempt.handed_over:
        _, message = attempt.door.refused()
        return _outcome(TargetState.AUTH_FAILED, TargetCode.BECOME_FAILURE, f"{waited}; {message}")
    if not attempt.handed_over:
        return _outcome(
            TargetState.UNREACHABLE, TargetCode.CONNECTION_TIMEOUT, f"{waited}; nothing was sent"
        )
    return _outcome(
        TargetState.UNKNOWN,
        TargetCode.CONNECTION_TIMEOUT,
        f"{waited} (do the account's rc files hang?); the work was sent, so it may yet run",
    )


def _say_lingering(attempt: Attempt) -> None:
    attempt.note(
        "Jobdeck: the work ended; something it left in the background still holds its output, "
        "which is not followed any more\n"
    )


def _outcome(state: TargetState, code: TargetCode, message: str) -> Outcome:
    return Outcome(state=state, code=code, message=message)

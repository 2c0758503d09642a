"""What an attempt has told us -> its outcome, where nobody ended it.

Direct work ends as its wire does. Work under a claim says itself how it ended; a wire
that is lost before that says nothing, and another session can find out.

Reads an attempt, and changes nothing.
"""

from __future__ import annotations

from core.domain.run import TargetCode, TargetState
from core.errors import TargetError
from core.executors import outcomes
from core.executors.attempt import Attempt, Patience, Turn
from core.executors.claims import Refusal
from core.executors.dialect import Dialect
from core.executors.framing import Mark
from core.executors.protocol import Outcome, Work
from core.executors.shell import REFUSALS

_GONE_BECAUSE = {
    "killed": "what watched over it was killed, and its exit status with it; "
    "parts of it may still run",
    "rebooted": "the host was restarted in the meantime",
}
"""Word after `gone` -> evidence."""


def as_closed(attempt: Attempt, work: Work, dialect: Dialect) -> Outcome:
    """The outcome of an attempt whose wire is closed, or that has exited."""
    if attempt.out.refusal is not None:
        return _refused(attempt.out.refusal, work)
    if attempt.has_exited and attempt.out.started and not attempt.is_claimed:
        said = "" if attempt.status is None else dialect.meaning(attempt.status)
        return _with_outputs(outcomes.exited(attempt.status, attempt.signal, said), attempt)
    if attempt.has_exited and not attempt.out.started:
        return _exited_before_start(attempt, dialect)
    evidence = attempt.evidence or "the host closed the session without an exit status"
    if not attempt.handed_over:
        return _outcome(
            TargetState.UNREACHABLE,
            TargetCode.CONNECTION_FAILURE,
            f"the connection broke before the work was sent: {evidence}",
        )
    lost = outcomes.line_lost if attempt.is_claimed else outcomes.connection_lost
    return lost(evidence, started=attempt.out.started)


def as_said(attempt: Attempt, work: Work, dialect: Dialect) -> Outcome:
    """The outcome of work under a claim that has said how it ended."""
    assert attempt.out.closing is not None
    mark, word, *rest = attempt.out.closing
    ended = next((turn for turn in _ENDED_BY if turn in rest), None)
    if mark == Mark.EXIT:
        if ended is not None:
            return as_ended(ended, work, "")
        return _with_outputs(outcomes.exited(int(word), None, dialect.meaning(int(word))), attempt)
    if ended is not None and word == "killed":
        return as_ended(ended, work, "whether all its processes are gone was not seen")
    return outcomes.claim_broken(_GONE_BECAUSE[word])


def as_ended(turn: Turn, work: Work, doubt: str, reason: str = "") -> Outcome:
    """The outcome of work that the engine ended; `doubt` says what could not be verified."""
    match turn:
        case Turn.TIMED_OUT:
            return outcomes.timed_out(work.timeout_s or 0, doubt)
        case Turn.OUTPUT_LIMIT:
            return outcomes.printed_too_much(doubt)
        case Turn.LOG_FAILED:
            return outcomes.log_failed(reason or "see engine.log of that time", doubt)
    return outcomes.cancelled(started=True, doubt=doubt)


_ENDED_BY = (Turn.TIMED_OUT, Turn.OUTPUT_LIMIT, Turn.LOG_FAILED, Turn.STOPPED)


def not_started(attempt: Attempt, patience: Patience) -> Outcome:
    """The outcome of an attempt that did not start in time."""
    waited = f"nothing started within {patience.start_s:g} s"
    if attempt.door is not None and not attempt.handed_over:
        _, message = attempt.door.refused()
        return _outcome(TargetState.AUTH_FAILED, TargetCode.BECOME_FAILURE, f"{waited}; {message}")
    if not attempt.handed_over:
        return _outcome(
            TargetState.UNREACHABLE, TargetCode.CONNECTION_TIMEOUT, f"{waited}; nothing was sent"
        )
    hanging = f"{waited} (do the account's rc files hang?)"
    if attempt.is_claimed:
        return outcomes.line_lost(hanging, started=False)
    return _outcome(
        TargetState.UNKNOWN,
        TargetCode.CONNECTION_TIMEOUT,
        f"{hanging}; the work was sent, so it may yet run",
    )


def become_refused(reason: str) -> Outcome:
    return _outcome(TargetState.AUTH_FAILED, TargetCode.BECOME_FAILURE, reason)


def _refused(refusal: str, work: Work) -> Outcome:
    """The program said, in the place of its start, that it will not start."""
    word, _, words = refusal.partition(" ")
    match word:
        case Refusal.ABSENT:
            return outcomes.claim_absent()
        case Refusal.FENCED:
            return outcomes.fenced(started_nothing=_starts(work))
        case Refusal.BROKEN:
            return outcomes.claim_broken("its start was cut short on the host")
        case Refusal.BLIND:
            return _outcome(
                TargetState.UNKNOWN,
                TargetCode.IO_FAILURE,
                f"whether it started cannot be seen on the host: {words} (look at the host)",
            )
    code, text = REFUSALS[word]
    program = work.program
    said = text.format(interpreter=program.interpreter, cwd=program.cwd, words=words)
    return outcomes.refused(TargetError(code, said))


def _starts(work: Work) -> bool:
    return work.claim is None or work.claim.resume is None


def _with_outputs(outcome: Outcome, attempt: Attempt) -> Outcome:
    frames = attempt.out
    if not frames.found_outputs:
        return outcome
    if frames.outputs is None:
        return outcomes.outputs_unusable(outcome, frames.outputs_size)
    return outcomes.with_outputs(outcome, frames.outputs)


def _exited_before_start(attempt: Attempt, dialect: Dialect) -> Outcome:
    if attempt.door is not None:
        state, message = attempt.door.refused()
        return _outcome(state, TargetCode.BECOME_FAILURE, message)
    end = f"signal {attempt.signal}" if attempt.signal else f"exit status {attempt.status}"
    said = f": {noise}" if (noise := attempt.noise()) else ""
    return _outcome(
        TargetState.SUBMIT_FAILED,
        TargetCode.IO_FAILURE,
        f"the login ended ({end}) before the work could start{said} ({dialect.needs})",
    )


def _outcome(state: TargetState, code: TargetCode, message: str) -> Outcome:
    return Outcome(state=state, code=code, message=message)

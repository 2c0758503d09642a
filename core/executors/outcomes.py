"""How an attempt on a target ended, in the words of the domain.

One table says what a refusal means for the target, and the functions here are
the only makers of `Outcome`s for shells, so SSH and local work end alike.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from core.domain.run import TargetCode, TargetState
from core.errors import TargetError
from core.executors.framing import MAX_OUTPUTS_BYTES
from core.executors.protocol import Outcome

_C, _S = TargetCode, TargetState

STATE_OF_REFUSAL: Mapping[TargetCode, TargetState] = {
    _C.CONNECTION_FAILURE: _S.UNREACHABLE,
    _C.CONNECTION_TIMEOUT: _S.UNREACHABLE,
    _C.CONNECTION_LOST: _S.UNREACHABLE,
    _C.HOST_NOT_FOUND: _S.UNREACHABLE,
    _C.AUTHENTICATION_FAILURE: _S.AUTH_FAILED,
    _C.BECOME_FAILURE: _S.AUTH_FAILED,
    _C.HOST_KEY_PENDING: _S.HOST_KEY_FAILED,
    _C.HOST_KEY_CHANGED: _S.HOST_KEY_FAILED,
    _C.HOST_KEY_REVOKED: _S.HOST_KEY_FAILED,
}
"""Code of a refused connection -> state of the target; any other: it could not be submitted."""

_BUT = "cancelled, but "


def refused(error: TargetError) -> Outcome:
    """The far side said no before anything ran."""
    code = TargetCode(error.target_code)
    return Outcome(
        state=STATE_OF_REFUSAL.get(code, TargetState.SUBMIT_FAILED), code=code, message=str(error)
    )


def cancelled(*, started: bool, doubt: str = "") -> Outcome:
    """Stopped on request; `doubt` says what could not be verified."""
    if doubt:
        return Outcome(state=_S.TERMINATED, code=_C.CANCEL_UNVERIFIED, message=f"{_BUT}{doubt}")
    message = "cancelled; its processes are gone" if started else "cancelled before it was started"
    return Outcome(state=_S.TERMINATED, code=_C.CANCELLED, message=message)


def given_up() -> Outcome:
    """Stopped by force: nobody waited for the end to be verified."""
    return Outcome(
        state=_S.UNKNOWN,
        code=_C.CANCEL_UNVERIFIED,
        message="the run was stopped by force before the end of this work could be verified;"
        " it may still run there (look at the host)",
    )


def doubt_of(outcome: Outcome) -> str:
    """What could not be verified about the end of a work that was stopped; "" for nothing."""
    if outcome.code is not _C.CANCEL_UNVERIFIED:
        return ""
    return outcome.message.removeprefix(_BUT)


def timed_out(timeout_s: float, doubt: str) -> Outcome:
    """Ran longer than it may; `doubt` says what could not be verified about its end."""
    end = f"but {doubt}" if doubt else "its processes were ended and are gone"
    return Outcome(
        state=_S.TIMED_OUT,
        code=_C.COMMAND_TIMEOUT,
        message=f"it still ran after {timeout_s:g} s; {end}",
    )


def printed_too_much(doubt: str) -> Outcome:
    end = f"; {doubt}" if doubt else ""
    return Outcome(
        state=_S.FAILED,
        code=_C.OUTPUT_LIMIT,
        message=f"it printed more than its limit allows and was ended{end}",
    )


def log_failed(reason: str, doubt: str) -> Outcome:
    end = f"; {doubt}" if doubt else ""
    return Outcome(
        state=_S.LOG_ERROR,
        code=_C.IO_FAILURE,
        message=f"it was ended, because its output could not be kept: {reason}{end}",
    )


def exited(status: int | None, signal_name: str | None, meaning: str = "") -> Outcome:
    """The work ended by itself; `meaning`: what hosts of its kind say with this status."""
    if signal_name is not None:
        message = f"it was killed by signal {signal_name}"
        return Outcome(state=_S.FAILED, code=_C.SIGNALLED, signal=signal_name, message=message)
    if status == 0:
        return Outcome(state=_S.SUCCESS, exit_code=0)
    assert status is not None
    return Outcome(
        state=_S.FAILED,
        code=_C.NON_ZERO_RESULT,
        exit_code=status,
        message=f"exit status {status}{meaning}",
    )


def connection_lost(evidence: str, *, started: bool) -> Outcome:
    """The line was lost under direct work."""
    return Outcome(
        state=_S.UNKNOWN,
        code=_C.CONNECTION_LOST,
        message=f"the connection was lost: {evidence}; {_start_known(started)}, and how it ended "
        "cannot be known (look at the host)",
    )


def line_lost(evidence: str, *, started: bool) -> Outcome:
    """The line was lost under work that may have a claim."""
    return Outcome(
        state=_S.UNKNOWN,
        code=_C.LINE_LOST,
        message=f"the connection was lost: {evidence}; {_start_known(started)}, and the host keeps "
        "how it goes on",
    )


def _start_known(started: bool) -> str:
    return "it started" if started else "whether it started is not known"


def claim_absent() -> Outcome:
    """The host was asked: nothing began under this attempt's id, and nothing will."""
    return Outcome(
        state=_S.SUBMIT_FAILED,
        code=_C.CLAIM_ABSENT,
        message="it was never started: the host holds no claim of it, and refuses a later start",
    )


def claim_broken(evidence: str) -> Outcome:
    """The host was asked: it began, and neither it nor its exit status is there."""
    return Outcome(
        state=_S.UNKNOWN,
        code=_C.CLAIM_BROKEN,
        message=f"it started, and how it ended cannot be known: {evidence} (look at the host)",
    )


def fenced(*, started_nothing: bool) -> Outcome:
    """The host was asked, and has seen a newer owner of the run."""
    return Outcome(
        state=_S.SUBMIT_FAILED if started_nothing else _S.UNKNOWN,
        code=_C.FENCED,
        message="the host answers a newer owner of this run only; this engine must let go of it",
    )


def with_outputs(outcome: Outcome, outputs: bytes) -> Outcome:
    return msgspec.structs.replace(outcome, outputs_file=outputs)


def outputs_unusable(outcome: Outcome, size: int | None) -> Outcome:
    """The work ended, but what it left as outputs (`size` bytes) cannot be used."""
    if outcome.state is not _S.SUCCESS:
        return outcome
    if size is not None and size > MAX_OUTPUTS_BYTES:
        reason = f"{size:,} bytes; at most {MAX_OUTPUTS_BYTES:,} are taken"
    else:
        reason = "it changed while it was read"
    return Outcome(
        state=_S.FAILED,
        code=_C.INVALID_OUTPUTS,
        exit_code=outcome.exit_code,
        message=f"it ended well, but its $JOBDECK_OUTPUT cannot be used: {reason}",
    )

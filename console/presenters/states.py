"""States of runs, steps, batches and targets: a symbol, a word and a tone for each.

The symbol sorts states into eight meanings; the word tells them apart. The
symbols are one cell wide in every terminal: none is of ambiguous width
(Unicode UAX 11), so columns stay straight where Chinese is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from console.i18n import _
from console.presenters.text import Span, Tone
from core.domain.run import (
    GOOD_TARGET_STATES,
    LIVE_TARGET_STATES,
    BatchState,
    RunState,
    TargetState,
)

GOOD = ("\N{CHECK MARK}", Tone.GOOD)
PARTLY = ("~", Tone.WARNING)
BAD = ("\N{BALLOT X}", Tone.BAD)
REFUSED = ("!", Tone.BAD)
"""Nothing ran: the host could not be reached, or would not let us in."""
UNKNOWN = ("?", Tone.WARNING)
BUSY = ("\N{BLACK RIGHT-POINTING SMALL TRIANGLE}", Tone.BUSY)
WAITING = ("\N{WHITE BULLET}", Tone.QUIET)
NOT_DONE = ("-", Tone.QUIET)

Sign = tuple[str, Tone]

RUN_SIGNS: Mapping[RunState, Sign] = {
    RunState.CREATED: WAITING,
    RunState.QUEUED: WAITING,
    RunState.RUNNING: BUSY,
    RunState.WAITING_USER: WAITING,
    RunState.BATCH_WAITING: WAITING,
    RunState.SUSPENDED: WAITING,
    RunState.STOPPING: BUSY,
    RunState.SUCCEEDED: GOOD,
    RunState.PARTIALLY_SUCCEEDED: PARTLY,
    RunState.FAILED: BAD,
    RunState.ERROR_IGNORED: PARTLY,
    RunState.SKIPPED: NOT_DONE,
    RunState.STOPPED: NOT_DONE,
    RunState.REJECTED: BAD,
    RunState.TIMED_OUT: BAD,
    RunState.ABNORMAL: UNKNOWN,
    RunState.ABANDONED: UNKNOWN,
    RunState.ROLLING_BACK: BUSY,
    RunState.ROLLED_BACK: NOT_DONE,
    RunState.ROLLBACK_FAILED: BAD,
}

TARGET_SIGNS: Mapping[TargetState, Sign] = {
    TargetState.WAITING: WAITING,
    TargetState.RUNNING: BUSY,
    TargetState.SUCCESS: GOOD,
    TargetState.LAST_SUCCESS: GOOD,
    TargetState.FAILED: BAD,
    TargetState.TIMED_OUT: BAD,
    TargetState.TERMINATED: NOT_DONE,
    TargetState.UNREACHABLE: REFUSED,
    TargetState.AUTH_FAILED: REFUSED,
    TargetState.HOST_KEY_FAILED: REFUSED,
    TargetState.USER_MISSING: REFUSED,
    TargetState.INVALID_TARGET: REFUSED,
    TargetState.SUBMIT_FAILED: REFUSED,
    TargetState.LOG_ERROR: BAD,
    TargetState.FILE_SOURCE_MISSING: BAD,
    TargetState.FILE_FAILED: BAD,
    TargetState.CHECKSUM_MISMATCH: BAD,
    TargetState.SKIPPED_BY_THRESHOLD: NOT_DONE,
    TargetState.NOT_STARTED: NOT_DONE,
    TargetState.UNKNOWN: UNKNOWN,
}

BATCH_SIGNS: Mapping[BatchState, Sign] = {
    BatchState.WAITING: WAITING,
    BatchState.RUNNING: BUSY,
    BatchState.SOAKING: WAITING,
    BatchState.CHECKING: BUSY,
    BatchState.SUCCEEDED: GOOD,
    BatchState.FAILED: BAD,
    BatchState.STOPPED: NOT_DONE,
}

FAILED = [state for state in TargetState if state not in GOOD_TARGET_STATES | LIVE_TARGET_STATES]
"""States of targets that have ended, and not well."""

_URGENCY = (BAD, REFUSED, UNKNOWN, NOT_DONE, BUSY, WAITING, GOOD)

ORDER: Mapping[str, int] = {state: _URGENCY.index(sign) for state, sign in TARGET_SIGNS.items()}
"""Where a target's state stands in a list: what needs a person comes first."""


def word(state: str) -> str:
    """A state as people read it: its own name in English, a word in other languages."""
    return _(state)


def run_state(state: str) -> Span:
    """Symbol and word of a run's or step's state."""
    return _span(state, RUN_SIGNS[RunState(state)] if state in RUN_SIGNS else UNKNOWN)


def batch_state(state: str) -> Span:
    """Symbol and word of a batch's state."""
    return _span(state, BATCH_SIGNS[BatchState(state)] if state in BATCH_SIGNS else UNKNOWN)


def target_state(state: str, resolved_by: str = "") -> Span:
    """Symbol and word of a target's state, and by whose word it is that."""
    sign = TARGET_SIGNS[TargetState(state)] if state in TARGET_SIGNS else UNKNOWN
    if not resolved_by:
        return _span(state, sign)
    said = _("{state}, by word of {name}").format(state=word(state), name=resolved_by)
    return Span(f"{sign[0]} {said}", sign[1])


def _span(state: str, sign: Sign) -> Span:
    symbol, tone = sign
    return Span(f"{symbol} {word(state)}", tone)

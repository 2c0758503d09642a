"""States of runs, steps and targets, and the one table of legal transitions.

Legal means: in the table. Everything that changes a state asks `transit`
first; an illegal change is an error and leaves the state as it was.

The names are fixed; databases, the API and screens show them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from enum import StrEnum
from typing import TypeVar

from core.errors import IllegalTransition


class RunState(StrEnum):
    """State of a run, and of a step in it."""

    CREATED = "created"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING_USER = "waiting_user"
    BATCH_WAITING = "batch_waiting"
    SUSPENDED = "suspended"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    FAILED = "failed"
    ERROR_IGNORED = "error_ignored"
    SKIPPED = "skipped"
    STOPPED = "stopped"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    ABNORMAL = "abnormal"
    """The engine lost track; a person or the step's `idempotent` flag decides."""
    ABANDONED = "abandoned"
    ROLLING_BACK = "rolling_back"
    """What was done is being undone."""
    ROLLED_BACK = "rolled_back"
    """What was done is undone."""
    ROLLBACK_FAILED = "rollback_failed"
    """Something of it could not be undone."""


class TargetState(StrEnum):
    """State of one attempt on one host."""

    WAITING = "waiting"
    RUNNING = "running"
    """The intent is recorded; whether anything reached the host is not yet known."""
    SUCCESS = "success"
    LAST_SUCCESS = "last_success"
    """Succeeded in an earlier attempt and was not run again."""
    FAILED = "failed"
    """Ran and said no: the exit status is not 0."""
    TIMED_OUT = "timed_out"
    TERMINATED = "terminated"
    UNREACHABLE = "unreachable"
    AUTH_FAILED = "auth_failed"
    HOST_KEY_FAILED = "host_key_failed"
    USER_MISSING = "user_missing"
    INVALID_TARGET = "invalid_target"
    SUBMIT_FAILED = "submit_failed"
    """Reached, but the work could not be started there."""
    LOG_ERROR = "log_error"
    FILE_SOURCE_MISSING = "file_source_missing"
    FILE_FAILED = "file_failed"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    SKIPPED_BY_THRESHOLD = "skipped_by_threshold"
    NOT_STARTED = "not_started"
    UNKNOWN = "unknown"
    """It started, and how it ended cannot be established."""


class BatchState(StrEnum):
    """State of one batch of a rolling step."""

    WAITING = "waiting"
    RUNNING = "running"
    SOAKING = "soaking"
    """Its targets have ended well; some time passes before it counts."""
    CHECKING = "checking"
    """Its health check runs."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    """Not started, or not ended, when the step ended."""


class TargetCode(StrEnum):
    """Why a target did not succeed; usable in conditions."""

    NON_ZERO_RESULT = "NonZeroResultCode"
    SIGNALLED = "Signalled"
    COMMAND_TIMEOUT = "CommandTimeout"
    CANCELLED = "Cancelled"
    THRESHOLD_EXCEEDED = "ThresholdExceeded"
    """More of the others failed than is borne."""
    BATCH_FAILED = "BatchFailed"
    """An earlier batch failed, and the step ended with it."""
    CANCEL_UNVERIFIED = "CancelUnverified"
    """Asked to stop, but its processes could not be shown to be gone."""
    CONNECTION_FAILURE = "ConnectionFailure"
    CONNECTION_TIMEOUT = "ConnectionTimeout"
    CONNECTION_LOST = "ConnectionLost"
    AUTHENTICATION_FAILURE = "AuthenticationFailure"
    BECOME_FAILURE = "BecomeFailure"
    HOST_KEY_PENDING = "HostKeyPending"
    HOST_KEY_CHANGED = "HostKeyChanged"
    HOST_KEY_REVOKED = "HostKeyRevoked"
    HOST_NOT_FOUND = "HostNotFound"
    IO_FAILURE = "IOFailure"
    INTERPRETER_MISSING = "InterpreterMissing"
    OUTPUT_LIMIT = "OutputLimit"
    UNEXPECTED_ANSWER = "UnexpectedAnswer"
    """A service answered, and not as the step expects."""
    STATEMENT_FAILED = "StatementFailed"
    """A database refused a statement."""
    INVALID_OUTPUTS = "InvalidOutputs"
    NO_MATCHED_NODES = "NoMatchedNodes"
    INVALID_OPTIONS = "InvalidOptions"
    UNAUTHORIZED = "Unauthorized"
    DISPATCH_FAILURE = "NodeDispatchFailure"
    """Our own bug or fault on the way to the host; the message names it."""
    ENGINE_LOST = "EngineLost"
    """The engine ended while the target was running."""
    LINE_LOST = "LineLost"
    """The connection broke; the work may go on under its claim."""
    CLAIM_ABSENT = "ClaimAbsent"
    """The target shows that nothing was started, and refuses a later start of the same attempt."""
    CLAIM_BROKEN = "ClaimBroken"
    """The claim is there, but neither the work nor its exit status: restarted, killed, removed."""
    FENCED = "Fenced"
    """The target has seen a newer owner of the run."""


_R, _T = RunState, TargetState

TERMINAL_RUN_STATES = frozenset(
    {
        _R.SUCCEEDED,
        _R.PARTIALLY_SUCCEEDED,
        _R.FAILED,
        _R.ERROR_IGNORED,
        _R.SKIPPED,
        _R.STOPPED,
        _R.REJECTED,
        _R.TIMED_OUT,
        _R.ABNORMAL,
        _R.ABANDONED,
        _R.ROLLED_BACK,
        _R.ROLLBACK_FAILED,
    }
)

AWAITING_TURN = frozenset({_R.QUEUED, _R.SUSPENDED})
"""A run in such a state may stand in the queue; one that is paused does not."""

_RESULTS = {
    _R.SUCCEEDED,
    _R.PARTIALLY_SUCCEEDED,
    _R.FAILED,
    _R.TIMED_OUT,
    _R.REJECTED,
    _R.ABNORMAL,
}
_TAKEN_UP = {_R.RUNNING, _R.ROLLING_BACK}
_ASKED_AGAIN = {_R.RUNNING, _R.WAITING_USER}

RUN_TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    # A run that others must approve waits for them before it begins.
    _R.CREATED: frozenset(
        {_R.QUEUED, _R.RUNNING, _R.WAITING_USER, _R.STOPPED, _R.SKIPPED, _R.ABNORMAL}
    ),
    _R.QUEUED: frozenset({_R.RUNNING, _R.STOPPED, _R.ABNORMAL, _R.ABANDONED}),
    _R.RUNNING: frozenset(
        {
            *_RESULTS,
            _R.WAITING_USER,
            _R.BATCH_WAITING,
            _R.SUSPENDED,
            _R.STOPPING,
            _R.STOPPED,
            _R.SKIPPED,
            _R.ROLLING_BACK,
        }
    ),
    _R.WAITING_USER: frozenset(
        {
            _R.QUEUED,
            _R.RUNNING,
            _R.BATCH_WAITING,
            _R.SUSPENDED,
            _R.SUCCEEDED,
            _R.FAILED,
            _R.REJECTED,
            _R.STOPPING,
            _R.STOPPED,
            _R.SKIPPED,
            _R.TIMED_OUT,
            _R.ABNORMAL,
        }
    ),
    _R.BATCH_WAITING: frozenset(
        {
            _R.RUNNING,
            _R.WAITING_USER,
            _R.SUSPENDED,
            _R.STOPPING,
            _R.STOPPED,
            _R.SKIPPED,
            _R.ABNORMAL,
        }
    ),
    _R.SUSPENDED: frozenset(
        {*_TAKEN_UP, _R.WAITING_USER, _R.STOPPING, _R.STOPPED, _R.SKIPPED, _R.ABNORMAL}
    ),
    # A run that stops goes on when the step that would not end is skipped.
    _R.STOPPING: frozenset({_R.RUNNING, _R.STOPPED, _R.SKIPPED, _R.FAILED, _R.ABNORMAL}),
    _R.ROLLING_BACK: frozenset(
        {_R.ROLLED_BACK, _R.ROLLBACK_FAILED, _R.STOPPING, _R.STOPPED, _R.ABNORMAL}
    ),
    _R.SUCCEEDED: frozenset(_TAKEN_UP),
    _R.FAILED: frozenset({*_TAKEN_UP, *_ASKED_AGAIN, _R.ERROR_IGNORED}),
    _R.PARTIALLY_SUCCEEDED: frozenset({*_TAKEN_UP, _R.ERROR_IGNORED}),
    _R.TIMED_OUT: frozenset({*_TAKEN_UP, *_ASKED_AGAIN, _R.ERROR_IGNORED}),
    _R.ABNORMAL: frozenset({*_TAKEN_UP, _R.ERROR_IGNORED, _R.ABANDONED}),
    _R.STOPPED: frozenset({*_TAKEN_UP, *_ASKED_AGAIN}),
    _R.REJECTED: frozenset({*_TAKEN_UP, *_ASKED_AGAIN}),
    _R.ROLLED_BACK: frozenset(_TAKEN_UP),
    _R.ROLLBACK_FAILED: frozenset(_TAKEN_UP),
    _R.ERROR_IGNORED: frozenset(),
    _R.SKIPPED: frozenset(),
    _R.ABANDONED: frozenset(),
}
"""Runs and steps. A terminal state leads on only where an operator may act (retry, ignore)."""

_TARGET_ENDS = frozenset(TargetState) - {_T.WAITING, _T.RUNNING, _T.LAST_SUCCESS}

TARGET_TRANSITIONS: Mapping[TargetState, frozenset[TargetState]] = {
    _T.WAITING: frozenset(
        {
            _T.RUNNING,
            _T.LAST_SUCCESS,
            _T.NOT_STARTED,
            _T.SKIPPED_BY_THRESHOLD,
            _T.INVALID_TARGET,
            _T.TERMINATED,
        }
    ),
    _T.RUNNING: _TARGET_ENDS,
    _T.UNKNOWN: frozenset({_T.WAITING, _T.RUNNING, _T.SUCCESS, _T.FAILED}),
    **{
        state: frozenset()
        for state in TargetState
        if state not in (_T.WAITING, _T.RUNNING, _T.UNKNOWN)
    },
}
"""One attempt on one host. `unknown` may be resolved, also by asking the host again, or waits again
where the step is idempotent."""

_B = BatchState
TERMINAL_BATCH_STATES = frozenset({_B.SUCCEEDED, _B.FAILED, _B.STOPPED})

BATCH_TRANSITIONS: Mapping[BatchState, frozenset[BatchState]] = {
    _B.WAITING: frozenset({_B.RUNNING, _B.STOPPED}),
    _B.RUNNING: frozenset({_B.SOAKING, _B.CHECKING, _B.SUCCEEDED, _B.FAILED, _B.STOPPED}),
    _B.SOAKING: frozenset({_B.CHECKING, _B.SUCCEEDED, _B.STOPPED}),
    _B.CHECKING: frozenset({_B.SUCCEEDED, _B.FAILED, _B.STOPPED}),
    # Only for a person who resolves targets of it that were unknown: it is judged again.
    _B.SUCCEEDED: frozenset({_B.RUNNING}),
    _B.FAILED: frozenset({_B.RUNNING, _B.SUCCEEDED}),
    _B.STOPPED: frozenset({_B.RUNNING}),
}

GOOD_TARGET_STATES = frozenset({_T.SUCCESS, _T.LAST_SUCCESS})
LIVE_TARGET_STATES = frozenset({_T.WAITING, _T.RUNNING})
NEVER_STARTED = frozenset({_T.NOT_STARTED, _T.SKIPPED_BY_THRESHOLD})
"""Their turn never came."""


State = TypeVar("State", RunState, BatchState, TargetState)


class RunAction(StrEnum):
    """What an operator can ask of a run."""

    STOP = "stop"
    """Nothing new starts, what runs is ended, and its end is verified."""
    FORCE_STOP = "force_stop"
    """The same, without waiting for an end that cannot be verified."""
    RETRY = "retry"
    """The step is taken up again, as another attempt."""
    IGNORE = "ignore"
    """The step's failure counts no more; what follows it starts."""
    SKIP = "skip"
    """The step is left as it is; what follows it starts."""
    RESOLVE = "resolve"
    """Targets whose outcome is unknown get one: a person says it, or the host is asked again."""
    CONTINUE = "continue"
    """The next batch of a rolling step starts."""
    PAUSE = "pause"
    """What runs goes on to its end, and nothing more begins."""
    RESUME = "resume"
    """A run that was paused goes on."""
    PAUSE_BEFORE = "pause_before"
    """The run pauses when it comes to the step."""
    FAIL = "fail"
    """The step is ended, and has failed."""
    CHOOSE_WAY = "choose_way"
    """A gateway that found no way leads where a person says."""
    RERUN = "rerun"
    """The step and all that follows it run anew."""
    ROLL_BACK = "roll_back"
    """What was done is undone, the last thing first."""

    @property
    def word(self) -> str:
        """What people call it, and type: `force-stop`."""
        return self.value.replace("_", "-")


class QueueAction(StrEnum):
    """What the queue asks of a run that goes on; nobody else can."""

    GIVE_WAY = "give_way"
    """At the end of its step or batch another run has its place."""
    KEEP_PLACE = "keep_place"
    """Nobody wants its place any more."""


RUN_WIDE_ACTIONS = frozenset(
    {RunAction.STOP, RunAction.FORCE_STOP, RunAction.PAUSE, RunAction.RESUME, RunAction.ROLL_BACK}
)
"""Asked of a run as a whole; all others are asked of one of its steps."""

_BAD = {_R.FAILED, _R.PARTIALLY_SUCCEEDED, _R.TIMED_OUT, _R.ABNORMAL}
_LIVE = frozenset(RunState) - TERMINAL_RUN_STATES
_GOES_ON = {_R.RUNNING, _R.WAITING_USER, _R.BATCH_WAITING, _R.SUSPENDED}
_ENDED = {state for state in TERMINAL_RUN_STATES if _R.RUNNING in RUN_TRANSITIONS[state]}
_ENDED_BADLY = _ENDED - {_R.SUCCEEDED, _R.ROLLED_BACK, _R.ROLLBACK_FAILED}
_TAKEN_BACK = _ENDED - {_R.ABNORMAL}
"""A run that ended so, and of which everybody knows how: it can be undone, or done anew."""

AFTERWARDS = frozenset(
    {
        RunAction.RETRY,
        RunAction.IGNORE,
        RunAction.RESOLVE,
        RunAction.CHOOSE_WAY,
        RunAction.RERUN,
        RunAction.ROLL_BACK,
    }
)
"""May be asked of a run that has ended, which then goes on."""

_OF_RUNS: Mapping[RunAction, Set[RunState]] = {
    RunAction.RETRY: {*_GOES_ON, *_ENDED_BADLY, _R.ROLLBACK_FAILED},
    RunAction.IGNORE: {*_GOES_ON, *_ENDED_BADLY},
    RunAction.RESOLVE: {*_GOES_ON, *_ENDED_BADLY},
    RunAction.CHOOSE_WAY: {*_GOES_ON, *_ENDED_BADLY},
    RunAction.PAUSE_BEFORE: _GOES_ON,
    RunAction.FAIL: _GOES_ON,
    RunAction.RERUN: {_R.SUSPENDED, *_TAKEN_BACK},
    RunAction.SKIP: _LIVE,
    RunAction.CONTINUE: _LIVE,
}
"""Action that is asked of a step -> the states of its run in which it may be."""

LEGAL_ACTIONS: Mapping[RunAction, frozenset[RunState]] = {
    RunAction.STOP: frozenset(
        {
            _R.CREATED,
            _R.QUEUED,
            _R.RUNNING,
            _R.WAITING_USER,
            _R.BATCH_WAITING,
            _R.SUSPENDED,
            _R.ROLLING_BACK,
        }
    ),
    RunAction.FORCE_STOP: frozenset({_R.STOPPING}),
    RunAction.RETRY: frozenset({*_BAD, _R.STOPPED, _R.REJECTED}),
    RunAction.IGNORE: frozenset(_BAD),
    RunAction.RESOLVE: frozenset({_R.ABNORMAL}),
    RunAction.SKIP: frozenset({_R.STOPPING, _R.SUSPENDED, _R.BATCH_WAITING, _R.WAITING_USER}),
    RunAction.CONTINUE: frozenset({_R.WAITING_USER}),
    # One that gave way to another is suspended, and can be paused besides.
    RunAction.PAUSE: frozenset(_GOES_ON),
    RunAction.RESUME: frozenset(_GOES_ON),
    RunAction.PAUSE_BEFORE: frozenset({_R.CREATED}),
    RunAction.FAIL: frozenset(_GOES_ON),
    RunAction.CHOOSE_WAY: frozenset({_R.FAILED}),
    RunAction.RERUN: frozenset(TERMINAL_RUN_STATES - {_R.ABNORMAL, _R.ABANDONED}),
    RunAction.ROLL_BACK: frozenset({_R.SUSPENDED, *_TAKEN_BACK}),
}
"""Action -> states in which it may be asked: states of the run, or of the step it is about.

A step that was not begun counts as created.
"""


def can_transit(
    old: RunState | BatchState | TargetState, new: RunState | BatchState | TargetState
) -> bool:
    """Whether the table leads from `old` to `new`."""
    if isinstance(old, RunState):
        return new in RUN_TRANSITIONS[old]
    if isinstance(old, BatchState):
        return new in BATCH_TRANSITIONS[old]
    return new in TARGET_TRANSITIONS[old]


def transit(what: str, old: State, new: State) -> State:
    """`new`, when the table allows it from `old`; IllegalTransition names both otherwise."""
    if not can_transit(old, new):
        raise IllegalTransition(f"{what} is {old}; it cannot become {new}")
    return new


def may_act(action: RunAction, run: RunState, step: RunState | None = None) -> bool:
    """Whether `action` may be asked of a run, and of a step of it where it is about one."""
    if action in RUN_WIDE_ACTIONS:
        return run in LEGAL_ACTIONS[action]
    return run in _OF_RUNS[action] and step in LEGAL_ACTIONS[action]


def step_result(counts: Mapping[TargetState, int], *, stopping: bool) -> RunState:
    """How a step ended, from the number of its targets in each (terminal) state.

    Nothing matched is the caller's to judge; an empty count is a success here.
    """
    total = sum(counts.values())
    good = sum(counts.get(state, 0) for state in GOOD_TARGET_STATES)
    if counts.get(_T.UNKNOWN, 0):
        return _R.ABNORMAL
    if stopping and good < total:
        return _R.STOPPED
    if good == total:
        return _R.SUCCEEDED
    if good:
        return _R.PARTIALLY_SUCCEEDED
    return _R.TIMED_OUT if counts.get(_T.TIMED_OUT, 0) == total else _R.FAILED


_NEVER_TRIED = frozenset(
    {
        _T.UNREACHABLE,
        _T.AUTH_FAILED,
        _T.HOST_KEY_FAILED,
        _T.USER_MISSING,
        _T.INVALID_TARGET,
        _T.SUBMIT_FAILED,
        _T.NOT_STARTED,
    }
)


def could_not_be_done(counts: Mapping[TargetState, int]) -> bool:
    """Whether a step's work began nowhere: nothing that it started said no."""
    return {state for state, count in counts.items() if count} <= _NEVER_TRIED


def step_reason(counts: Mapping[TargetState, int], step: str) -> str:
    """Why a step ended as it did, from the same numbers; "" where all its targets succeeded."""
    total = sum(counts.values())
    bad = total - sum(counts.get(state, 0) for state in GOOD_TARGET_STATES)
    return f"{bad} of {total} targets did not succeed in step {step}" if bad else ""

"""Exit codes: the one table of what a command's end means to the shell.

Nothing else in the command line chooses a number. `jobdeck help exit-codes`
prints this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from console.i18n import _
from core.domain.run import RunState
from core.errors import (
    Conflict,
    EnvironmentFault,
    OpsError,
    RequestError,
    TargetError,
    Undelivered,
)


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    REFUSED = 2
    ENVIRONMENT = 3
    CONFLICT = 4
    UNKNOWN = 5
    BUG = 70
    """EX_SOFTWARE of sysexits.h."""
    INTERRUPTED = 130
    """128 + SIGINT, as shells have it."""
    READER_GONE = 141
    """128 + SIGPIPE."""


def meanings() -> Mapping[ExitCode, str]:
    """What each code says, for people."""
    return {
        ExitCode.OK: _(
            "Everything that was asked for happened: the run succeeded on every target, the"
            " documents are applied. Also: the run was started and left to itself (--detach)."
        ),
        ExitCode.FAILED: _(
            "It ran, and not everything succeeded: a command failed, a host could not be reached"
            " or timed out, the run ended failed or partially_succeeded. Also: `jobdeck doctor`"
            " found something to mend."
        ),
        ExitCode.REFUSED: _(
            "The request was refused and nothing was changed: a wrong flag, an unknown name, a"
            " document that is not valid, a confirmation that is missing."
        ),
        ExitCode.ENVIRONMENT: _(
            "This machine is in the way: no engine runs or answers, the disk is full, a file"
            " cannot be read."
        ),
        ExitCode.CONFLICT: _(
            "Somebody was faster, or the present state does not allow it: a newer revision"
            " exists, a document is in use, a run has already ended. Look again, then repeat."
        ),
        ExitCode.UNKNOWN: _(
            "The run ended, but its outcome cannot be established on at least one target"
            " (abnormal, unknown). Look at it before you repeat it."
        ),
        ExitCode.BUG: _("Jobdeck itself failed. Please report what it printed."),
        ExitCode.INTERRUPTED: _(
            "Interrupted with Ctrl-C, or the run was cancelled. An interrupted command leaves its"
            " run going on."
        ),
        ExitCode.READER_GONE: _("Whoever read the output closed it, such as `head`."),
    }


_RUN_STATES: Mapping[str, ExitCode] = {
    RunState.SUCCEEDED: ExitCode.OK,
    RunState.ERROR_IGNORED: ExitCode.OK,
    RunState.SKIPPED: ExitCode.OK,
    RunState.PARTIALLY_SUCCEEDED: ExitCode.FAILED,
    RunState.FAILED: ExitCode.FAILED,
    RunState.TIMED_OUT: ExitCode.FAILED,
    RunState.REJECTED: ExitCode.FAILED,
    RunState.STOPPED: ExitCode.INTERRUPTED,
    RunState.ABNORMAL: ExitCode.UNKNOWN,
    RunState.ABANDONED: ExitCode.UNKNOWN,
    RunState.ROLLED_BACK: ExitCode.FAILED,
    RunState.ROLLBACK_FAILED: ExitCode.FAILED,
}


def of_run(state: str) -> ExitCode:
    """The code for a run that ended in `state`; a run that goes on is OK (detached)."""
    return _RUN_STATES.get(state, ExitCode.OK)


_ERRORS: tuple[tuple[type[OpsError], ExitCode], ...] = (
    (RequestError, ExitCode.REFUSED),
    (Conflict, ExitCode.CONFLICT),
    (EnvironmentFault, ExitCode.ENVIRONMENT),
    (TargetError, ExitCode.FAILED),
    (Undelivered, ExitCode.FAILED),
)


def of_error(error: OpsError) -> ExitCode:
    """The code for an error that was raised on purpose; one of no known family is a bug."""
    return next((code for family, code in _ERRORS if isinstance(error, family)), ExitCode.BUG)

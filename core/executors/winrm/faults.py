"""What WinRM means by the number of a fault: what happened, what to try.

Numbers are those of the Windows SDK: `ERROR_WSMAN_...` (0x8033....), Win32 errors, and these as
HRESULT (0x8007....). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.run import TargetCode

_C = TargetCode

Told = tuple[TargetCode, str, str]
"""Code, what happened, what to try."""

_DENIED: Told = (
    _C.AUTHENTICATION_FAILURE,
    "refuses the account: access is denied",
    "is it an administrator, or in the group Remote Management Users?",
)
_NOT_KNOWN: Told = (
    _C.AUTHENTICATION_FAILURE,
    "refuses the login: unknown user or wrong password",
    "is the password right, and does the user's name say its domain?",
)
_GONE: Told = (
    _C.CONNECTION_LOST,
    "does not know the session any more",
    "was it or its WinRM restarted?",
)
_ABORTED: Told = (
    _C.CONNECTION_LOST,
    "ended the session in the middle of an operation",
    "was its WinRM restarted, or the account logged off?",
)


def _no_room(what: str, setting: str) -> Told:
    hint = f"raise {setting} there, or run fewer steps there at once"
    return (_C.IO_FAILURE, f"has no room for another {what}", hint)


_NO_SESSION = _no_room("session of this account", "MaxShellsPerUser")
_NO_OPERATION = _no_room("operation of this account", "MaxConcurrentOperationsPerUser")
_NO_USER = _no_room("user at the same time", "MaxConcurrentUsers")
_BUSY: Told = (
    _C.IO_FAILURE,
    "puts this account off: it asks too much at the moment",
    "run fewer steps there at once",
)
_TOO_LARGE: Told = (
    _C.IO_FAILURE,
    "takes no message of that size",
    "raise MaxEnvelopeSizekb there",
)
_NO_MEMORY: Told = (
    _C.IO_FAILURE,
    "has no memory for the session",
    "raise MaxMemoryPerShellMB there, or look what else uses it",
)

FAULTS: Mapping[int, Told] = {
    5: _DENIED,
    0x80070005: _DENIED,
    1326: _NOT_KNOWN,
    0x8007052E: _NOT_KNOWN,
    8: _NO_MEMORY,
    14: _NO_MEMORY,
    0x8007000E: _NO_MEMORY,
    995: _ABORTED,
    0x800703E3: _ABORTED,
    0x800703FA: (
        _C.IO_FAILURE,
        "is unloading the account's profile, and begins no session meanwhile",
        "try again in a minute",
    ),
    0x80080005: (
        _C.IO_FAILURE,
        "cannot start the process of a session",
        "may the account use WinRM? is there memory?",
    ),
    0x80338048: _TOO_LARGE,
    0x80338049: _TOO_LARGE,
    0x8033805B: _GONE,
    0x80338098: _GONE,
    0x8033814A: _GONE,
    0x80338083: (
        _C.IO_FAILURE,
        "has a fault in the part of WinRM that keeps sessions",
        "restart WinRM there",
    ),
    0x803381A5: _NO_SESSION,
    0x803381A6: _NO_OPERATION,
    0x803381A7: _BUSY,
    0x803381A8: _BUSY,
    0x803381AB: _NO_USER,
    0x803381AC: (
        _C.IO_FAILURE,
        "allows no remote shells",
        "set AllowRemoteShellAccess there (`winrm get winrm/config/winrs`)",
    ),
    0x803381DD: (
        _C.IO_FAILURE,
        "lets nobody in from another machine",
        "run `Enable-PSRemoting` there",
    ),
    0x803381E4: _NO_SESSION,
    0x803381E5: _NO_USER,
    0x803381E6: _NO_SESSION,
    0x803381E7: _NO_OPERATION,
    0x803381E8: _NO_OPERATION,
    0x803381E9: _no_room("program in this session", "MaxProcessesPerShell"),
}

"""What goes wrong on the way to a Windows host, in words: what, where, what to try.

The one place where the exceptions of pywinrm and of what it stands on are translated.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping

from requests import exceptions as http
from winrm.exceptions import (
    AuthenticationError,
    WinRMError,
    WinRMTransportError,
    WSManFaultError,
)

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Target

_C = TargetCode

_Told = tuple[TargetCode, str, str]
"""Code, what happened, what to try."""

_NO_SESSION: _Told = (
    _C.IO_FAILURE,
    "has no room for another session of this account",
    "raise MaxShellsPerUser there, or run fewer steps there at once",
)
_NO_OPERATION: _Told = (
    _C.IO_FAILURE,
    "has no room for another operation of this account",
    "raise MaxConcurrentOperationsPerUser there",
)
_FAULTS: Mapping[int, _Told] = {
    5: (
        _C.AUTHENTICATION_FAILURE,
        "refuses the account: access is denied",
        "is it an administrator, or in the group Remote Management Users?",
    ),
    2150858843: (_C.CONNECTION_LOST, "does not know the session any more", "was it restarted?"),
    2150859173: _NO_SESSION,
    2150859174: _NO_OPERATION,
    2150859236: _NO_SESSION,
    2150859240: _NO_OPERATION,
    2150859241: (
        _C.IO_FAILURE,
        "has no room for another program in this session",
        "raise MaxProcessesPerShell there",
    ),
}
"""Number of a fault (`ERROR_WSMAN_…` of the Windows SDK)."""

_STATUSES: Mapping[int, _Told] = {
    404: (_C.CONNECTION_FAILURE, "does not serve WinRM at /wsman", "is the port right?"),
    503: (_C.CONNECTION_FAILURE, "says that WinRM is busy or stopped", "does WinRM run there?"),
}

MOVED = (http.ConnectionError, http.Timeout, OSError)
"""The line is gone, as opposed to an answer that says no."""


def place(target: Target) -> str:
    """The host in messages: its name, address and port."""
    return f"{target.host} ({target.address} port {target.port})"


def is_lost(error: Exception) -> bool:
    """Whether the connection is gone; otherwise the host has answered."""
    if isinstance(error, WSManFaultError):
        return False
    return isinstance(error, MOVED)


def translated(error: Exception, target: Target) -> TargetError:
    """`error` on the way into the host, as the domain says it."""
    code, what, hint = _translated(error, target)
    return TargetError(code, f"{place(target)} {what}", hint=hint)


def _translated(error: Exception, target: Target) -> _Told:
    match error:
        case AuthenticationError():
            return (
                _C.AUTHENTICATION_FAILURE,
                f"refuses the login of {target.login.user}",
                "is the password right, and does the host offer this `winrm.authentication`?",
            )
        case WSManFaultError():
            return _fault(error)
        case WinRMTransportError():
            return _STATUSES.get(
                error.code,
                (_C.CONNECTION_FAILURE, f"answers with HTTP status {error.code}", ""),
            )
        case http.SSLError() | ssl.SSLError():
            return _certificate(error)
        case http.ConnectTimeout():
            return (
                _C.CONNECTION_TIMEOUT,
                f"does not answer within {target.connect_timeout_s:g} s",
                "is it up, does a firewall drop the packets?",
            )
        case http.ReadTimeout():
            return (
                _C.CONNECTION_TIMEOUT,
                "took the connection, but does not answer",
                "is it overloaded, is WinRM behind that port?",
            )
        case WinRMError():
            return (_C.INVALID_OPTIONS, f"was not tried: {error}", "see `jobdeck help winrm`")
    bottom = _bottom(error)
    if isinstance(bottom, socket.gaierror):
        return (_C.HOST_NOT_FOUND, f"is not known: {bottom.strerror}", "is the address right?")
    if isinstance(bottom, ConnectionRefusedError):
        return (_C.CONNECTION_FAILURE, "refuses the connection", "does WinRM listen on that port?")
    return (_C.CONNECTION_FAILURE, f"cannot be reached: {words(error)}", "")


def _fault(fault: WSManFaultError) -> _Told:
    number = fault.wsman_fault_code or fault.wmierror_code
    if number is not None and number in _FAULTS:
        return _FAULTS[number]
    shown = (
        f"fault {number}" if number is not None else str(fault.fault_subcode or fault.fault_code)
    )
    return (_C.IO_FAILURE, f"says no ({shown}): {' '.join(fault.reason.split())}", "")


def _certificate(error: Exception) -> _Told:
    if "ingerprint" in str(error):
        return (
            _C.CONNECTION_FAILURE,
            "shows another certificate than the pinned one; nothing was sent",
            "was it renewed? Then compare the fingerprint there with `winrm.certificate`",
        )
    return (
        _C.CONNECTION_FAILURE,
        f"shows a certificate that is not trusted; nothing was sent: {words(error)}",
        "give its authority (`winrm.ca`) or its fingerprint (`winrm.certificate`)",
    )


def words(error: BaseException) -> str:
    """What lies at the bottom of an error, without the addresses of objects above it."""
    bottom = _bottom(error)
    if isinstance(bottom, ssl.SSLCertVerificationError):
        return bottom.verify_message
    if isinstance(bottom, OSError) and bottom.errno and not isinstance(bottom, ssl.SSLError):
        return os.strerror(bottom.errno).lower()
    if isinstance(bottom, http.Timeout | TimeoutError):
        return "the host does not answer"
    return " ".join(str(bottom).split()) or type(bottom).__name__


def _bottom(error: BaseException) -> BaseException:
    while True:
        below = error.__cause__ or error.__context__
        if below is None and error.args and isinstance(error.args[-1], BaseException):
            below = error.args[-1]
        if below is None:
            return error
        error = below

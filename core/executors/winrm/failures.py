"""What goes wrong on the way to a Windows host, in words: what, where, what to try.

The one place where the exceptions of pywinrm and of what it stands on are translated.
"""

from __future__ import annotations

import os
import socket
import ssl
import xml.etree.ElementTree as ET
from collections.abc import Mapping

from requests import exceptions as http
from winrm.exceptions import (
    AuthenticationError,
    WinRMError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Target
from core.executors.winrm.bounded import TooLong
from core.executors.winrm.faults import FAULTS, Told

_C = TargetCode

_STATUSES: Mapping[int, Told] = {
    404: (_C.CONNECTION_FAILURE, "does not serve WinRM at /wsman", "is the port right?"),
    413: (_C.IO_FAILURE, "takes no message of that size", "raise MaxEnvelopeSizekb there"),
    503: (_C.CONNECTION_FAILURE, "says that WinRM is busy or stopped", "does WinRM run there?"),
}

_CREDSSP = "requests_credssp"
"""Its exceptions, all of them about the login; it is there only where it was asked for."""
_HRESULT = 1 << 31
"""From here on numbers are looked up by their hexadecimal digits."""

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


def _translated(error: Exception, target: Target) -> Told:
    match error:
        case _ if _is_about_login(error):
            return (
                _C.AUTHENTICATION_FAILURE,
                f"refuses the login of {target.login.user}",
                "is the password right, and does the host offer this `winrm.authentication`?",
            )
        case WSManFaultError():
            return _fault(error)
        case WinRMOperationTimeoutError():
            return (
                _C.CONNECTION_TIMEOUT,
                "took the request, but was not done with it in time",
                "is it overloaded?",
            )
        case ET.ParseError() | UnicodeDecodeError() | TooLong():
            return (
                _C.CONNECTION_FAILURE,
                "answers with something else than WinRM",
                "is the port right, is there a proxy or another web server?",
            )
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


def _is_about_login(error: Exception) -> bool:
    return isinstance(error, AuthenticationError) or type(error).__module__.startswith(_CREDSSP)


def _fault(fault: WSManFaultError) -> Told:
    number = fault.wsman_fault_code or fault.wmierror_code
    if number is not None and number in FAULTS:
        return FAULTS[number]
    shown = str(fault.fault_subcode or fault.fault_code)
    if number is not None:
        shown = f"fault {number}" if number < _HRESULT else f"fault {number}, 0x{number:08X}"
    return (_C.IO_FAILURE, f"says no ({shown}): {' '.join(fault.reason.split())}", "")


def _certificate(error: Exception) -> Told:
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
    if isinstance(error, WSManFaultError):
        return f"the host {_fault(error)[1]}"
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

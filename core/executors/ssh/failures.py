"""What goes wrong on the way to a host, in words: what, where, what to try.

The one place where the exceptions of asyncssh and of sockets are translated.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping

import asyncssh

from core.domain.hostkeys import KeyVerdict
from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Target
from core.executors.ssh.login import Proofs
from core.executors.ssh.visitor import Visitor

_C = TargetCode

_SOCKET_ERRORS: Mapping[int, tuple[TargetCode, str, str]] = {
    errno.ECONNREFUSED: (
        _C.CONNECTION_FAILURE,
        "refuses the connection",
        "is sshd running there, on that port?",
    ),
    errno.EHOSTUNREACH: (
        _C.CONNECTION_FAILURE,
        "cannot be reached: no route to it",
        "is the address right, is the network up?",
    ),
    errno.ENETUNREACH: (
        _C.CONNECTION_FAILURE,
        "cannot be reached: no route to its network",
        "is the address right, is the network up?",
    ),
    errno.ETIMEDOUT: (
        _C.CONNECTION_TIMEOUT,
        "does not answer",
        "is it up, does a firewall drop the packets?",
    ),
    errno.ECONNRESET: (
        _C.CONNECTION_FAILURE,
        "breaks the connection off",
        "does sshd limit connections (MaxStartups), does a firewall interfere?",
    ),
    errno.EMFILE: (
        _C.DISPATCH_FAILURE,
        "was not tried: the engine has no file descriptor left",
        "raise the limit on open files, or lower max_targets",
    ),
}
"""Error of a socket -> code, what happened, what to try."""


def timed_out(target: Target, *, connected: bool) -> TargetError:
    waited = f"within {target.connect_timeout_s:g} s"
    if connected:
        return TargetError(
            _C.CONNECTION_TIMEOUT,
            f"{target.place} took the connection, but the SSH login did not finish {waited}",
            hint="is it overloaded, does its sshd wait for DNS or PAM?",
        )
    return TargetError(
        _C.CONNECTION_TIMEOUT,
        f"{target.place} does not answer {waited}",
        hint="is it up, does a firewall drop the packets?",
    )


def not_found(target: Target, error: socket.gaierror | UnicodeError) -> TargetError:
    reason = error.strerror if isinstance(error, socket.gaierror) else str(error)
    return TargetError(
        _C.HOST_NOT_FOUND,
        f"the address {target.address!r} of {target.host} cannot be resolved: {reason}",
        hint="correct the host's address, or the engine's DNS",
    )


def through(jump: Target, error: TargetError) -> TargetError:
    """A failure at a jump host, on the way to another."""
    return TargetError(
        error.target_code, f"at the jump host {jump.host}: {error.message}", hint=error.hint
    )


def translated(
    error: Exception,
    target: Target,
    visitor: Visitor,
    proofs: Proofs,
    via: Target | None,
    remark: str = "",
) -> TargetError:
    """What a failed connection means; `remark` goes with a refused host key."""
    where = target.place
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return _host_key(error, target, visitor, remark)
        case asyncssh.PermissionDenied() | asyncssh.IllegalUserName():
            return _denied(target, proofs)
        case asyncssh.KeyExchangeFailed():
            return TargetError(
                _C.CONNECTION_FAILURE,
                f"{where} and Jobdeck have no algorithm in common: {error.reason}",
                hint="its SSH server is too old; only SHA-1, DSA and the like are left out here",
            )
        case asyncssh.ChannelOpenError() if via is not None:
            return TargetError(
                _C.CONNECTION_FAILURE,
                f"{where} cannot be reached from the jump host {via.host}: {error.reason}",
                hint="does the jump host allow forwarding (AllowTcpForwarding)?",
            )
        case asyncssh.DisconnectError() if "authentication failures" in error.reason:
            return _denied(target, proofs, too_many=True)
        case asyncssh.ConnectionLost():
            return TargetError(
                _C.CONNECTION_FAILURE,
                f"{where} closed the connection during the login",
                hint="does sshd limit connections (MaxStartups), refuse this user or address, "
                "or know none of our algorithms?",
            )
        case OSError():
            return _socket(error, target)
    reason = getattr(error, "reason", "") or str(error) or type(error).__name__
    return TargetError(
        _C.CONNECTION_FAILURE,
        f"{where} could not be logged in to: {reason}",
        hint="does an SSH server listen there?",
    )


def _socket(error: OSError, target: Target) -> TargetError:
    unknown = (_C.CONNECTION_FAILURE, f"cannot be reached: {error.strerror or error}", "")
    code, what, hint = _SOCKET_ERRORS.get(error.errno or 0, unknown)
    return TargetError(code, f"{target.place} {what}", hint=hint)


def _denied(target: Target, proofs: Proofs, *, too_many: bool = False) -> TargetError:
    offered = " and ".join(proofs.names)
    remarks = f"; {'; '.join(proofs.remarks)}" if proofs.remarks else ""
    if too_many:
        return TargetError(
            _C.AUTHENTICATION_FAILURE,
            f"{target.place} gave up after too many proofs of {target.login.user!r} ({offered})",
            hint="name the one key in the account instead of the whole agent",
        )
    return TargetError(
        _C.AUTHENTICATION_FAILURE,
        f"{target.place} does not let {target.login.user!r} in with {offered}{remarks}",
        hint="check the account's user, key and password",
    )


def _host_key(
    error: asyncssh.HostKeyNotVerifiable, target: Target, visitor: Visitor, remark: str
) -> TargetError:
    judgement, where, name = visitor.judgement, target.place, target.host
    if judgement is None:
        return _host_certificate(error, target)
    if judgement.verdict is KeyVerdict.REVOKED:
        return TargetError(
            _C.HOST_KEY_REVOKED,
            f"{where} shows a host key that was revoked: {judgement.shown}{remark}",
            hint="it may be another machine in its place; give it a new host key",
        )
    if judgement.verdict is KeyVerdict.CHANGED:
        approved = f", approved by {judgement.approved_by}" if judgement.approved_by else ""
        pinned = target.host_key.pinned is not None
        return TargetError(
            _C.HOST_KEY_CHANGED,
            f"{where} shows another host key than the approved one: it shows {judgement.shown}, "
            f"on record is {', '.join(judgement.known)}{approved}{remark}",
            hint="it may be another machine in its place. If its key was changed on purpose: "
            + (
                "correct host_key in the inventory"
                if pinned
                else f"`jobdeck hosts keys revoke {name}`, then connect and approve the new one"
            ),
        )
    return TargetError(
        _C.HOST_KEY_PENDING,
        f"{where} shows a host key that nobody has approved yet: {judgement.shown}{remark}",
        hint="compare it with the host's own (`ssh-keygen -lf` there), "
        f"then `jobdeck hosts keys approve {name}`",
    )


def _host_certificate(error: asyncssh.HostKeyNotVerifiable, target: Target) -> TargetError:
    """A certificate, or the key in it, was refused before the book was asked."""
    return TargetError(
        _C.HOST_KEY_REVOKED,
        f"{target.place} shows a host certificate that is refused: {error.reason}",
        hint="see `jobdeck hosts keys list`",
    )


def is_useless_certificate(error: Exception, visitor: Visitor) -> bool:
    """Whether a host's certificate was refused in a way that leaves its plain key to be judged."""
    return (
        isinstance(error, asyncssh.HostKeyNotVerifiable)
        and visitor.certificates
        and visitor.judgement is None
        and "revoked" not in error.reason
    )

"""Problem documents of the API (RFC 9457) as the errors of `core.errors`.

So that a console has one way to say what went wrong, whoever said it: the
exit code and the advice follow from the class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.errors import (
    AcknowledgementRequired,
    AlreadyExists,
    ConfirmationRequired,
    Conflict,
    EnvironmentFault,
    Forbidden,
    IllegalTransition,
    InUse,
    Invalid,
    OpsError,
    PlanOutOfDate,
    Problem,
    RequestError,
    StaleRevision,
    StorageFault,
    Undelivered,
    VaultLocked,
)


class EngineBug(OpsError):
    """The engine failed in a way that it did not foresee; its log has the details."""

    code = "bug"


_CLASSES: Mapping[str, type[OpsError]] = {
    error.code: error
    for error in (
        AlreadyExists, Conflict, EnvironmentFault, Forbidden, IllegalTransition, InUse,
        PlanOutOfDate, RequestError, StaleRevision, StorageFault, Undelivered, VaultLocked,
    )
}  # fmt: skip
"""Codes whose class takes a message, a hint and problems, and nothing else."""


def error_of(status: int, body: Mapping[str, Any]) -> OpsError:
    """The error that an answer with this HTTP status and problem document stands for."""
    code = str(body.get("code", ""))
    message = str(body.get("detail") or body.get("title") or f"the engine answered {status}")
    hint = str(body.get("hint") or "")
    problems = [_problem(item) for item in body.get("problems") or ()]
    error: OpsError
    if code == AcknowledgementRequired.code:
        rules = [str(rule) for rule in body.get("rules") or ()]
        error = AcknowledgementRequired(message, rules=rules, problems=problems, hint=hint)
    elif code == ConfirmationRequired.code:
        hosts, touched = int(body.get("hosts") or 0), body.get("touched") or {}
        error = ConfirmationRequired(message, hosts=hosts, touched=touched, hint=hint)
    else:
        class_ = _CLASSES.get(code) or (Invalid if problems else _by_status(status))
        error = class_(message, hint=hint, problems=problems)
    if code:
        error.code = code  # type: ignore[misc]  # the API may know finer codes than we have classes
    return error


def _problem(item: Mapping[str, Any]) -> Problem:
    return Problem(
        where=str(item.get("where") or ""),
        what=str(item.get("what") or ""),
        hint=str(item.get("hint") or ""),
    )


def _by_status(status: int) -> Callable[..., OpsError]:
    if status in (409, 412):
        return Conflict
    if status in (503, 507):
        return EnvironmentFault
    return EngineBug if status >= 500 else RequestError

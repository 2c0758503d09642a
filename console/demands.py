"""What the engine asks for before it does something: from its refusal to a question. Pure.

Every console reads refusals here, asks in its own way, and sends the same request again with
what a person answered. A refusal that no answer would change is no demand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from core.errors import (
    AcknowledgementRequired,
    ConfirmationRequired,
    Forbidden,
    Invalid,
    Problem,
    RequestError,
)

_CHANGE = "--change "
"""How guard rails begin the hint of a problem that a change number mends."""
_SECRET = "secrets."


@dataclass(frozen=True, slots=True)
class HostCount:
    """The number of hosts that would be touched, typed by the person."""

    hosts: int
    touched: Mapping[str, str]
    """Environment -> its hosts, folded; "" stands for hosts that belong to none."""

    def fields(self) -> dict[str, Any]:
        """What the request says when it was typed."""
        return {"confirm_hosts": self.hosts}


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules for dangerous commands that it meets, each typed by the person."""

    rules: tuple[str, ...]
    problems: tuple[Problem, ...]
    """Every hit."""
    known: tuple[str, ...] = ()
    """Rules that the request has acknowledged already."""

    def fields(self) -> dict[str, Any]:
        """What the request says when they were typed."""
        return {"acknowledge": [*self.known, *self.rules]}


@dataclass(frozen=True, slots=True)
class ChangeNumber:
    """The number of the change under which it is done."""

    pattern: str
    """What it must match; `NUMBER` where anything will do."""

    def fields(self, number: str) -> dict[str, Any]:
        """What the request says with this number."""
        return {"change": number}


@dataclass(frozen=True, slots=True)
class SecretsAgain:
    """Secrets that the run was started with, and that were erased at its end."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhichStep:
    """One of several steps that can be meant."""

    names: tuple[str, ...]

    def fields(self, name: str) -> dict[str, Any]:
        """What the request says when this one is meant."""
        return {"step": name}


Demand: TypeAlias = HostCount | Rules | ChangeNumber | SecretsAgain | WhichStep


def demanded(
    error: RequestError, request: Mapping[str, Any], secrets: Mapping[str, str]
) -> Demand | None:
    """What to ask a person for, so that the request may be sent again; None: nothing would help.

    `request`: its fields as they were sent; `secrets`: those that were sent with it.
    """
    match error:
        case ConfirmationRequired() if request.get("confirm_hosts") is None:
            return HostCount(error.hosts, error.touched)
        case AcknowledgementRequired():
            known = tuple(request.get("acknowledge") or ())
            new = tuple(rule for rule in error.rules if rule not in known)
            return Rules(new, error.problems, known) if new else None
        case Forbidden() if not request.get("change"):
            return _change(error.problems)
        case Invalid():
            if steps := _steps(error.problems):
                return WhichStep(steps)
            missing = _missing(error.problems, secrets)
            return SecretsAgain(missing) if missing else None
    return None


def _change(problems: Sequence[Problem]) -> ChangeNumber | None:
    """The change number, where nothing else stands against it."""
    hints = [problem.hint for problem in problems]
    if not hints or not all(hint.startswith(_CHANGE) for hint in hints):
        return None
    return ChangeNumber(hints[0].removeprefix(_CHANGE))


def _steps(problems: Sequence[Problem]) -> tuple[str, ...]:
    """The steps that an action can be about, where it names none: the problem's hint."""
    if len(problems) != 1 or problems[0].where != "step" or not problems[0].hint:
        return ()
    return tuple(problems[0].hint.split(", "))


def _missing(problems: Sequence[Problem], secrets: Mapping[str, str]) -> tuple[str, ...]:
    named = (
        problem.where.removeprefix(_SECRET)
        for problem in problems
        if problem.where.startswith(_SECRET)
    )
    return tuple(dict.fromkeys(name for name in named if name not in secrets))

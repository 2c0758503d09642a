"""Everything Jobdeck raises on purpose.

    OpsError
      RequestError       the caller asked for the impossible     NotFound, Invalid
      TargetError        the far side said no                    (executors name the reason with a TargetCode)
      Undelivered        a message to people was not taken
      Conflict           somebody moved first; look and retry    StaleRevision, PlanOutOfDate, InUse
      EnvironmentFault   disk full, database locked, no key      StorageFault, VaultLocked, EngineUnreachable

A failed assertion is none of these: it is our bug. The message says what,
where and what to try; machine-readable details sit in attributes. Exit codes,
HTTP status codes and colours belong to the doors (`console`, `core.api`).

Every class has a stable `code` (kebab-case), which API clients may rely on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, with its place and a way to mend it."""

    where: str
    """Where: a path such as `spec.steps[1].timeout_s`, or `column 7`; "" is the whole input."""
    what: str
    """What is wrong, as a sentence without its full stop."""
    hint: str = ""
    """What to try; "" where there is nothing better than the sentence."""

    def within(self, where: str) -> Problem:
        """The same, of a text that stands at `where`."""
        return replace(self, where=f"{where} {self.where}".strip())

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f" ({self.hint})" if self.hint else "")


class OpsError(Exception):
    """Base of all; never raised itself. `hint` says what to try.

    `problems` holds everything that is wrong, where there may be more than one thing.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.problems = tuple(problems)

    @property
    def brief(self) -> str:
        """The message and the first reason, without hints: for records of what nobody typed."""
        if not self.problems:
            return self.message
        first, *others = self.problems
        place = f"{first.where} " if first.where else ""
        more = f", and {len(others)} more" if others else ""
        return f"{self.message}: {place}{first.what}{more}"

    def __str__(self) -> str:
        text = f"{self.message} ({self.hint})" if self.hint else self.message
        lines = "; ".join(str(problem) for problem in self.problems)
        return f"{text}: {lines}" if lines else text


class RequestError(OpsError):
    """The caller asked for something impossible; nothing was changed."""

    code = "bad-request"


class Invalid(RequestError):
    """Input that breaks a rule; `problems` holds all of them at once."""

    code = "invalid"

    def __init__(self, message: str, problems: Sequence[Problem] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint, problems=problems)


class NotFound(RequestError):
    """A name that nothing has in its place; suggests the nearest one that exists."""

    code = "not-found"

    def __init__(self, what: str, name: str, known: Sequence[str] = (), *, place: str = "") -> None:
        near = nearest(name, known)
        super().__init__(
            f"{what} {name!r} does not exist in {place}"
            if place
            else f"{what} {name!r} does not exist",
            hint=f"did you mean {near!r}?" if near else "",
        )
        self.what, self.name = what, name


class Forbidden(RequestError):
    """The actor may not do this, or a guard rail forbids it."""

    code = "forbidden"


class ConfirmationRequired(RequestError):
    """Dangerous, so it must be asked for in so many words; `hosts` is the number to confirm.

    `touched`: environment -> its hosts, folded; "" stands for hosts that belong to none.
    """

    code = "confirmation-required"

    def __init__(
        self,
        message: str,
        *,
        hosts: int,
        touched: Mapping[str, str] | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.hosts = hosts
        self.touched = dict(touched or {})


class AcknowledgementRequired(RequestError):
    """It meets rules for dangerous commands, and whoever asks must say that they know.

    `rules`: those to acknowledge; `problems` has every hit.
    """

    code = "acknowledgement-required"

    def __init__(
        self,
        message: str,
        *,
        rules: Sequence[str],
        problems: Sequence[Problem] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint, problems=problems)
        self.rules = tuple(rules)


class Conflict(OpsError):
    """Somebody else moved first; look again, then retry."""

    code = "conflict"


class AlreadyExists(Conflict):
    code = "already-exists"


class StaleRevision(Conflict):
    """An update based on a revision that is no longer the current one."""

    code = "stale-revision"


class PlanOutOfDate(Conflict):
    """Since the plan was made something has changed: what would run now is not what was planned."""

    code = "plan-out-of-date"


class InUse(Conflict):
    """A document that others refer to cannot be deleted."""

    code = "in-use"


class IllegalTransition(Conflict):
    """An action or event that the present state does not allow; the state is unchanged."""

    code = "illegal-transition"


class EnvironmentFault(OpsError):
    """The machine under the engine failed: disk, database, permissions, keys."""

    code = "environment-fault"


class StorageFault(EnvironmentFault):
    """The database could not take a write or answer a read; nothing unacknowledged is kept."""

    code = "storage-fault"


class VaultLocked(EnvironmentFault):
    """Secrets cannot be opened or kept until somebody unlocks the vault."""

    code = "vault-locked"


class EngineUnreachable(EnvironmentFault):
    """No engine answers and none could be started."""

    code = "engine-unreachable"


class EngineHalted(EngineUnreachable):
    """An engine takes questions and answers none in time: another cannot take its place."""

    code = "engine-halted"


class EngineStopped(EngineUnreachable):
    """The engine took its leave: somebody stopped it, and may start it again."""

    code = "engine-stopped"


class TargetError(OpsError):
    """The far side said no. `target_code` is a value of `core.domain.run.TargetCode`."""

    code = "target-error"

    def __init__(self, target_code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.target_code = target_code


class Undelivered(OpsError):
    """A message to people was not taken; it says why, without secrets. It may be tried again."""

    code = "undelivered"


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name most like `name`, or None when none is close."""
    matches = get_close_matches(name, known, n=1)
    return matches[0] if matches else None

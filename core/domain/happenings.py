"""What may make a schedule due besides time: runs that end, entries of the journal, calls from
outside, files, and hosts as they are. The values that people write; `core.scheduling.occurrences`
has the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from core.domain import expressions
from core.domain.expressions import UNKNOWN, Kind, Shape, list_of, map_of, one_of
from core.domain.findings import misread
from core.domain.patterns import EVENT_TYPE, FILE
from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.domain.values import FlowName, JobName, Secret, TargetText, Value
from core.errors import Invalid

_DAY_S = 86400

_TEXT, _NUMBER, _MAP = one_of(Kind.STRING), one_of(Kind.NUMBER), map_of({}, is_open=True)
_ENTRY = {"seq": _NUMBER, "actor": _TEXT, "type": _TEXT, "subject": _TEXT, "data": _MAP}

SAYS: Mapping[str, Mapping[str, Shape]] = {
    "after": {"run": _TEXT, "work": _TEXT, "name": _TEXT, "state": _TEXT, "runs": _MAP},
    "journal": {**_ENTRY, "at": _TEXT},
    "webhook": {"body": UNKNOWN},
    "file": {"path": _TEXT, "size": _NUMBER, "changed_at": _TEXT},
    "condition": {"hosts": list_of(_TEXT), "since": _TEXT},
}
"""Kind of trigger -> what its events say, which `given` may name."""


def check_expression(text: str) -> str:
    """`text` when it is an expression; what is wrong with it otherwise, and where."""
    try:
        expressions.parse(text)
    except Invalid as error:
        raise misread(error) from None
    return text


ExpressionText = Annotated[str, Field(max_length=2000), AfterValidator(check_expression)]


def _check_filter(text: str) -> str:
    """ValueError where it is no condition over an entry of the journal."""
    mistakes = expressions.check(text, {**_ENTRY, "at": one_of(Kind.TIME)}, Kind.BOOL)
    if mistakes:
        raise ValueError("; ".join(str(each.problem) for each in mistakes))
    return text


class Need(StrEnum):
    """Which of several things must have happened."""

    ALL = "all"
    ANY = "any"


class AfterSpec(Value):
    """Runs of saved jobs and flows that have ended. Each run counts once."""

    jobs: tuple[JobName, ...] = Field((), max_length=20)
    flows: tuple[FlowName, ...] = Field((), max_length=20)
    need: Need = Field(Need.ALL, description="a run of all of them, or of any")
    states: tuple[RunState, ...] = Field(
        (RunState.SUCCEEDED,), min_length=1, description="how it must have ended"
    )
    within_s: int = Field(
        _DAY_S, ge=1, le=31 * _DAY_S, description="of `all`: from the first end to the last"
    )

    @property
    def works(self) -> tuple[str, ...]:
        """`job/NAME` and `flow/NAME` of each."""
        return (*(f"job/{name}" for name in self.jobs), *(f"flow/{name}" for name in self.flows))

    @model_validator(mode="after")
    def _are_ends(self) -> Self:
        if not self.works:
            raise ValueError("give `jobs` or `flows`")
        if live := [state for state in self.states if state not in TERMINAL_RUN_STATES]:
            ends = ", ".join(sorted(TERMINAL_RUN_STATES))
            raise ValueError(f"no run ends as {live[0]}; try {ends}")
        return self


class JournalSpec(Value):
    """Entries of the journal, apart from those of the schedule's own runs."""

    types: tuple[Annotated[str, StringConstraints(pattern=EVENT_TYPE)], ...] = Field(
        min_length=1, max_length=20, description="such as `host.noted` or `run.state`"
    )
    where: Annotated[ExpressionText, AfterValidator(_check_filter)] | None = Field(
        None, description="expression over `type`, `subject`, `actor`, `at`, `data`; empty: all"
    )


class HookAuth(StrEnum):
    """How a call from outside shows that it may."""

    SIGNATURE = "signature"
    TOKEN = "token"


class WebhookSpec(Value):
    """Calls of `POST /api/v1/hooks/NAME`."""

    secret: Secret = Field(description="what the caller signs with, or sends as its token")
    auth: HookAuth = Field(
        HookAuth.SIGNATURE,
        description="`signature`: HMAC-SHA256 in the headers webhook-id, webhook-timestamp and"
        " webhook-signature; `token`: Authorization: Bearer",
    )
    window_s: int = Field(
        300, ge=10, le=3600, description="how old a signed call may be, and how far ahead"
    )
    per_minute: int = Field(30, ge=1, le=600, description="calls that are taken in a minute")
    max_bytes: int = Field(65536, ge=1, le=1024 * 1024, description="of a call's body")


class FileSpec(Value):
    """A file on the engine's machine that is made or changed."""

    path: str = Field(max_length=4096, pattern=FILE, description="whole path")
    stable_s: int = Field(5, ge=0, le=3600, description="seconds that it must stay as it is")


class ConditionSpec(Value):
    """Hosts that are as a target expression says, such as `role=web,load>8`."""

    hosts: TargetText = Field(
        max_length=2000, description="target expression; facts and loads are the last gathered"
    )
    count: int = Field(1, ge=1, le=100_000, description="hosts that it must choose at least")
    for_s: int = Field(0, ge=0, le=31 * _DAY_S, description="seconds without a break")
    cooldown_s: int = Field(
        3600,
        ge=0,
        le=31 * _DAY_S,
        description="after that a slot again, if it holds still; 0: never",
    )

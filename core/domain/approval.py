"""Approvals: who is asked, what a vote may be, and what the votes mean. Pure.

A `Case` is what is asked, frozen when it was opened; votes are added to it and never
changed. `judge` says how a case stands at a moment, `cast` whether one more vote may be
added. Both are functions of the case, its votes and the time, so an engine that comes back
judges as the one before it did.

Whoever is not named is refused: approvers that are given and do not name a voter never
mean "everybody". Without approvers every person but whoever asked may vote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from core.domain import variables
from core.domain.approvers import ApprovalRules, OnTimeout, Voter
from core.domain.job import Parameter, ParameterType
from core.errors import Conflict, Forbidden, Invalid, Problem

FORM = variables.Inputs(place="form", noun="field", of="the form", option="--form")


MOST_MESSAGE_CHARACTERS = 4000


class ApprovalSpec(ApprovalRules):
    """What a person is asked before work goes on."""

    message: str = Field(
        min_length=1, max_length=MOST_MESSAGE_CHARACTERS, description="what is to be approved"
    )
    form: tuple[Parameter, ...] = Field(
        (), max_length=50, description="what who approves fills in; its values become outputs"
    )

    @model_validator(mode="after")
    def _form_can_be_kept(self) -> Self:
        names = [each.name for each in self.form]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"form fields must differ: {', '.join(twice)} stands twice")
        for each in self.form:
            if each.type is ParameterType.SECRET:
                raise ValueError(f"form field {each.name} is a secret; a form keeps plain values")
        return self


class Choice(StrEnum):
    APPROVE = "approve"
    DENY = "deny"


class ApprovalState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    TIMED_OUT = "timed_out"
    LAPSED = "lapsed"
    """What was to be approved is another by now, or is wanted no more."""


class AlreadyDecided(Conflict):
    """A vote that comes after the decision."""

    code = "already-decided"


class AlreadyVoted(Conflict):
    """A second vote of the same person; votes are never changed."""

    code = "already-voted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One person's word; never changed."""

    voter: Voter
    choice: Choice
    at: datetime
    comment: str = ""
    client: str = ""
    """By which console it came."""
    form: Mapping[str, Any] = field(default_factory=dict)
    """What was filled in; after `cast`, a value for every field that has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is asked, as it was when it was opened."""

    spec: ApprovalSpec
    requester: str
    opened_at: datetime

    @property
    def first_deadline(self) -> datetime | None:
        if self.spec.timeout_s is None:
            return None
        return self.opened_at + timedelta(seconds=self.spec.timeout_s)

    @property
    def last_deadline(self) -> datetime | None:
        """When it is decided at the latest; None: it waits for ever."""
        if self.first_deadline is None or self.spec.on_timeout is not OnTimeout.ESCALATE:
            return self.first_deadline
        return self.first_deadline + (self.first_deadline - self.opened_at)

    def is_escalated(self, now: datetime) -> bool:
        """Whether the first circle did not decide in time and another was asked."""
        first = self.first_deadline
        return self.spec.on_timeout is OnTimeout.ESCALATE and first is not None and now >= first


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a case stands at a moment."""

    state: ApprovalState
    reason: str = ""
    """Why it was decided so; "" while it is open, and where votes alone say it."""
    at: datetime | None = None
    """When it was decided."""
    missing: tuple[str, ...] = ()
    """Who is still waited for, in words; empty once it is decided."""
    due: datetime | None = None
    """When time alone changes something next."""
    escalated: bool = False
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """What the form holds, once it is approved."""


def judge(case: Case, votes: Sequence[Vote], now: datetime) -> Standing:
    """How the case stands; `votes` are those that `cast` let in, in their order."""
    escalated, end = case.is_escalated(now), case.last_deadline
    for vote in votes:
        if vote.choice is Choice.DENY:
            reason = f"{vote.voter.name}: {vote.comment}"
            return Standing(
                state=ApprovalState.DENIED,
                reason=reason,
                at=vote.at,
                escalated=case.is_escalated(vote.at),
            )
    for number in range(1, len(votes) + 1):
        so_far = votes[:number]
        if not _missing(case, so_far, so_far[-1].at):
            return _approved(case, so_far, so_far[-1].at)
    if escalated and not _missing(case, votes, now):
        assert case.first_deadline is not None
        return _approved(case, votes, case.first_deadline)
    if end is not None and now >= end:
        if case.spec.on_timeout is OnTimeout.APPROVE:
            return replace(_approved(case, votes, end), reason=_nobody(case))
        return Standing(
            state=ApprovalState.TIMED_OUT, reason=_nobody(case), at=end, escalated=escalated
        )
    return Standing(
        state=ApprovalState.OPEN,
        missing=_missing(case, votes, now),
        due=end if escalated else case.first_deadline,
        escalated=escalated,
    )


def cast(case: Case, votes: Sequence[Vote], vote: Vote) -> tuple[Vote, ...]:
    """The votes with one more, its form completed.

    Raises AlreadyDecided, AlreadyVoted, Forbidden (no person, whoever asked, not among the
    approvers) or Invalid (no reason, a form that does not fit); then nothing is changed.
    """
    standing = judge(case, votes, vote.at)
    if standing.state is not ApprovalState.OPEN:
        outcome = ": ".join(filter(None, (standing.state.value, standing.reason)))
        raise AlreadyDecided(f"this approval is already decided: {outcome}")
    voter = vote.voter
    check_may_vote(case, votes, voter, vote.at)
    if not vote.comment.strip() and (vote.choice is Choice.DENY or case.spec.reason_required):
        verb = "denies" if vote.choice is Choice.DENY else "approves"
        raise Invalid(
            f"who {verb} this says why",
            [Problem(where="comment", what="is required", hint="--reason TEXT")],
        )
    return (*votes, replace(vote, form=_filled_in(case, votes, vote)))


def impossible(spec: ApprovalRules, requester: str) -> str:
    """Why it could never be approved by votes; "" where it can."""
    users, roles = set(spec.approvers.users), spec.approvers.roles
    if roles or not users or spec.on_timeout is not OnTimeout.DENY:
        return ""
    able = users - {requester} if spec.forbid_requester else users
    if not able:
        return f"{requester} asked for it, and is its only approver"
    if isinstance(spec.required, int) and spec.required > len(able):
        return f"it takes {spec.required} approvals, and {requester} asked for it: {len(able)} may give one"
    return ""


def check_may_vote(case: Case, votes: Sequence[Vote], voter: Voter, now: datetime) -> None:
    """Return when an open case waits for this voter too; the errors are those of `cast`."""
    spec = case.spec
    if any(each.voter.name == voter.name for each in votes):
        raise AlreadyVoted(f"{voter.name} has voted on it already", hint="a vote is never changed")
    if not voter.is_person:
        raise Forbidden(f"{voter.name} is no person; only people approve or deny")
    if spec.forbid_requester and voter.name == case.requester:
        raise Forbidden(
            f"{voter.name} asked for it; whoever asked may not approve or deny it",
            hint="somebody else decides",
        )
    circles = [spec.approvers, *([spec.escalate_to] if case.is_escalated(now) else [])]
    if spec.approvers and not any(circle.include(voter) for circle in circles):
        named = "; ".join(str(circle) for circle in circles)
        raise Forbidden(f"{voter.name} is none of its approvers", hint=f"they are: {named}")


def _filled_in(case: Case, votes: Sequence[Vote], vote: Vote) -> Mapping[str, Any]:
    """Who approves starts from what others have filled in; who denies fills in nothing."""
    if vote.choice is Choice.DENY:
        if vote.form:
            raise Invalid("who denies fills in no form")
        return {}
    earlier = votes[-1].form if votes else {}
    return variables.bind(case.spec.form, {**earlier, **vote.form}, FORM)


def _missing(case: Case, votes: Sequence[Vote], now: datetime) -> tuple[str, ...]:
    """Who is still waited for; nobody: the votes approve it."""
    spec, voters = case.spec, [vote.voter for vote in votes]
    escalated = case.is_escalated(now)
    if escalated and any(spec.escalate_to.include(voter) for voter in voters):
        return ()
    missing = _missing_of(spec, case.requester, voters)
    if missing and escalated:
        return (*missing, f"or one of {spec.escalate_to}")
    return missing


def _missing_of(spec: ApprovalRules, requester: str, voters: Sequence[Voter]) -> tuple[str, ...]:
    circle = spec.approvers
    ours = [voter for voter in voters if not circle or circle.include(voter)]
    if spec.required == "all":
        excluded = {requester} if spec.forbid_requester else set[str]()
        names = {voter.name for voter in ours} | excluded
        users = [user for user in circle.users if user not in names]
        roles = [role for role in circle.roles if not _is_held(role, ours)]
        if not users and not roles and not ours:
            return ("somebody else",)  # whoever asked was the only one: no vote is no approval
        return (*users, *(f"role {role}" for role in roles))
    needed = (1 if spec.required == "any" else spec.required) - len(ours)
    if needed <= 0:
        return ()
    if circle:
        return (f"{needed} more of {circle}" if ours else f"{needed} of {circle}",)
    if needed == 1:
        return ("1 more person" if ours else "1 person",)
    return (f"{needed} more people" if ours else f"{needed} people",)


def _is_held(role: str, voters: Iterable[Voter]) -> bool:
    return any(role in voter.roles for voter in voters)


def _approved(case: Case, votes: Sequence[Vote], at: datetime) -> Standing:
    defaults = {each.name: each.default for each in case.spec.form if each.default is not None}
    return Standing(
        state=ApprovalState.APPROVED,
        at=at,
        escalated=case.is_escalated(at),
        outputs=votes[-1].form if votes else defaults,
    )


def _nobody(case: Case) -> str:
    nobody = f"nobody decided within {case.spec.timeout_s:g} s"
    if case.spec.on_timeout is OnTimeout.ESCALATE:
        return f"{nobody}, nor those it was escalated to"
    return nobody

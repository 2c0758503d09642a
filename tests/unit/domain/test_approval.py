"""Approvals: who may vote, what votes mean, and what time does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from core.domain import approval
from core.domain.approval import (
    AlreadyDecided,
    AlreadyVoted,
    ApprovalSpec,
    ApprovalState,
    Case,
    Choice,
    Standing,
    Vote,
)
from core.domain.approvers import Voter
from core.errors import Forbidden, Invalid, OpsError

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def case(**spec: Any) -> Case:
    given = ApprovalSpec.model_validate({"message": "restart?", **spec})
    return Case(spec=given, requester="req", opened_at=NOON)


def vote(who: str, choice: str = "approve", after_s: float = 1, **more: Any) -> Vote:
    name, _, role = who.partition(":")
    voter = Voter(name, frozenset({role} if role else ()))
    if choice == "deny":
        more.setdefault("comment", "no")
    return Vote(voter=voter, choice=Choice(choice), at=NOON + timedelta(seconds=after_s), **more)


def after(asked: Case, *votes: Vote, seconds: float = 1) -> Standing:
    """How a case stands after votes, each of which was let in."""
    kept: tuple[Vote, ...] = ()
    for each in votes:
        kept = approval.cast(asked, kept, each)
    return approval.judge(asked, kept, NOON + timedelta(seconds=seconds))


TWO = {"approvers": {"users": ["ann", "bob"]}}
MIXED = {"approvers": {"users": ["ann"], "roles": ["dba"]}}


@pytest.mark.parametrize(
    ("spec", "voters", "missing"),
    [
        ({}, [], ("1 person",)),
        ({}, ["ann"], ()),
        ({"required": 2}, [], ("2 people",)),
        ({"required": 2}, ["ann"], ("1 more person",)),
        ({"required": 2}, ["ann", "bob"], ()),
        (TWO, [], ("1 of ann, bob",)),
        (TWO, ["bob"], ()),
        ({**TWO, "required": 2}, ["bob"], ("1 more of ann, bob",)),
        ({**TWO, "required": "all"}, ["bob"], ("ann",)),
        ({**TWO, "required": "all"}, ["bob", "ann"], ()),
        ({**MIXED, "required": "all"}, ["ann"], ("role dba",)),
        ({**MIXED, "required": "all"}, ["cy:dba"], ("ann",)),
        ({**MIXED, "required": "all"}, ["ann:dba"], ()),
        ({**MIXED, "required": 2}, ["cy:dba", "di:dba"], ()),
        ({"approvers": {"users": ["req", "ann"]}, "required": "all"}, ["ann"], ()),
    ],
)
def test_it_is_approved_when_nobody_is_waited_for(
    spec: dict[str, Any], voters: list[str], missing: tuple[str, ...]
) -> None:
    standing = after(case(**spec), *(vote(each) for each in voters))
    assert standing.missing == missing
    assert (standing.state is ApprovalState.APPROVED) == (not missing)


def test_one_deny_ends_it_whoever_had_approved() -> None:
    standing = after(case(required=3), vote("ann"), vote("bob", "deny", comment="freeze"))
    assert (standing.state, standing.reason) == (ApprovalState.DENIED, "bob: freeze")


@pytest.mark.parametrize(
    ("spec", "before", "late", "error", "says"),
    [
        ({}, ["ann"], vote("bob"), AlreadyDecided, "already decided: approved"),
        ({"required": 2}, ["ann"], vote("ann"), AlreadyVoted, "ann has voted on it already"),
        ({"required": 2}, ["ann"], vote("ann", "deny"), AlreadyVoted, "ann has voted"),
        ({}, [], vote("req"), Forbidden, "whoever asked may not approve"),
        ({}, [], vote("req", "deny"), Forbidden, "whoever asked may not approve"),
        (TWO, [], vote("cy"), Forbidden, "cy is none of its approvers (they are: ann, bob)"),
        # The trap of a list of users with an empty list of roles, and the other way round.
        (TWO, [], vote("cy:dba"), Forbidden, "none of its approvers"),
        ({"approvers": {"roles": ["dba"]}}, [], vote("cy"), Forbidden, "they are: role dba"),
        ({}, [], vote("engine"), Forbidden, "engine is no person"),
        ({}, [], vote("schedule/nightly"), Forbidden, "is no person"),
        ({}, [], vote("ann", "deny", comment=" "), Invalid, "who denies this says why"),
        ({"reason_required": True}, [], vote("ann"), Invalid, "who approves this says why"),
    ],
)
def test_a_vote_that_may_not_be_is_refused_and_the_case_stands(
    spec: dict[str, Any], before: list[str], late: Vote, error: type[OpsError], says: str
) -> None:
    asked = case(**spec)
    kept: tuple[Vote, ...] = ()
    for each in before:
        kept = approval.cast(asked, kept, vote(each))
    with pytest.raises(error) as raised:
        approval.cast(asked, kept, late)
    assert says in str(raised.value)


def test_whoever_asked_may_vote_where_that_is_allowed() -> None:
    standing = after(case(forbid_requester=False), vote("req"))
    assert standing.state is ApprovalState.APPROVED


@pytest.mark.parametrize(
    ("on_timeout", "state"),
    [("deny", ApprovalState.TIMED_OUT), ("approve", ApprovalState.APPROVED)],
)
def test_time_decides_where_nobody_does_and_a_late_vote_changes_nothing(
    on_timeout: str, state: ApprovalState
) -> None:
    asked = case(timeout_s=60, on_timeout=on_timeout)
    assert after(asked, seconds=59.9).due == NOON + timedelta(seconds=60)
    standing = after(asked, seconds=3600)
    assert (standing.state, standing.at) == (state, NOON + timedelta(seconds=60))
    assert standing.reason == "nobody decided within 60 s"
    with pytest.raises(AlreadyDecided):
        approval.cast(asked, (), vote("ann", after_s=60))


ESCALATING = {
    **TWO,
    "required": "all",
    "timeout_s": 60,
    "on_timeout": "escalate",
    "escalate_to": {"users": ["boss", "bob"]},
}


def test_who_it_is_escalated_to_decides_alone_and_not_before() -> None:
    asked = case(**ESCALATING)
    with pytest.raises(Forbidden, match="boss is none of its approvers"):
        approval.cast(asked, (), vote("boss", after_s=59))
    waiting = after(asked, seconds=61)
    assert waiting.escalated
    assert waiting.missing == ("ann", "bob", "or one of boss, bob")
    assert waiting.due == NOON + timedelta(seconds=120)
    assert after(asked, vote("boss", after_s=61), seconds=62).state is ApprovalState.APPROVED
    assert after(asked, vote("boss", "deny", 61), seconds=62).state is ApprovalState.DENIED


def test_the_first_circle_may_still_decide_after_an_escalation() -> None:
    asked = case(**{**ESCALATING, "escalate_to": {"users": ["boss"]}})
    both = [vote("ann", after_s=5), vote("bob", after_s=70)]
    assert after(asked, *both, seconds=71).state is ApprovalState.APPROVED


def test_an_approval_of_somebody_in_both_circles_counts_from_the_escalation_on() -> None:
    asked, given = case(**ESCALATING), vote("bob", after_s=5)
    assert after(asked, given, seconds=59).state is ApprovalState.OPEN
    standing = after(asked, given, seconds=3600)
    assert (standing.state, standing.at) == (ApprovalState.APPROVED, NOON + timedelta(seconds=60))


def test_an_escalation_that_nobody_answers_has_timed_out() -> None:
    standing = after(case(**ESCALATING), seconds=121)
    assert standing.state is ApprovalState.TIMED_OUT
    assert standing.reason == "nobody decided within 60 s, nor those it was escalated to"


FORM = {
    "form": [
        {"name": "WINDOW", "required": True},
        {"name": "COUNT", "type": "number", "default": 2, "maximum": 5},
    ]
}


def test_the_form_of_whoever_completes_it_becomes_the_outputs() -> None:
    asked = case(**FORM, required=2)
    first, second = vote("ann", form={"WINDOW": "night"}), vote("bob", form={"COUNT": "4"})
    assert after(asked, first, second).outputs == {"WINDOW": "night", "COUNT": 4}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "form.WINDOW: is required (--form WINDOW=…)"),
        ({"WINDOW": "x", "COUNT": 9}, "form.COUNT: must be at most 5"),
        ({"WINDW": "x"}, "form.WINDW: the form has no such field (did you mean WINDOW?)"),
    ],
)
def test_a_form_that_does_not_fit_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid) as raised:
        approval.cast(case(**FORM), (), vote("ann", form=given))
    assert says in str(raised.value)


def test_who_denies_fills_in_no_form() -> None:
    with pytest.raises(Invalid, match="fills in no form"):
        approval.cast(case(**FORM), (), vote("ann", "deny", form={"WINDOW": "x"}))
    assert after(case(**FORM), vote("ann", "deny")).state is ApprovalState.DENIED


def test_time_that_approves_gives_the_defaults_of_the_form() -> None:
    asked = case(**FORM, timeout_s=1, on_timeout="approve")
    assert after(asked, seconds=2).outputs == {"COUNT": 2}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"required": "all"}, "needs approvers"),
        ({**TWO, "required": 3}, "3 approvals of 2 users cannot be had"),
        ({"required": 0}, "required"),
        ({"required": "some"}, "required"),
        ({"on_timeout": "escalate", "timeout_s": 5}, "escalate_to"),
        ({"escalate_to": {"users": ["x"]}, "timeout_s": 5}, "belong together"),
        ({"on_timeout": "approve"}, "belongs to `timeout_s`"),
        ({"form": [{"name": "P", "type": "secret"}]}, "P is a secret"),
        ({"form": [{"name": "P"}, {"name": "P"}]}, "P stands twice"),
        ({"message": ""}, "message"),
    ],
)
def test_a_spec_that_cannot_be_met_is_refused(spec: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        case(**spec)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"approvers": {"users": ["req"]}}, "req asked for it, and is its only approver"),
        (
            {"approvers": {"users": ["req", "ann"]}, "required": 2},
            "req asked for it: 1 may give one",
        ),
        ({"approvers": {"users": ["req"]}, "forbid_requester": False}, ""),
        ({"approvers": {"users": ["req"], "roles": ["dba"]}}, ""),
        ({}, ""),
    ],
)
def test_what_nobody_could_ever_approve_is_known_before_it_is_asked(
    spec: dict[str, Any], says: str
) -> None:
    assert says in approval.impossible(case(**spec).spec, "req")
    assert bool(says) == bool(approval.impossible(case(**spec).spec, "req"))


def test_the_moment_of_a_decision_is_its_last_votes_and_stays() -> None:
    asked = case(required=2, timeout_s=60)
    kept = approval.cast(asked, (), vote("ann", after_s=5))
    kept = approval.cast(asked, kept, vote("bob", after_s=9))
    early, late = (approval.judge(asked, kept, NOON + timedelta(seconds=s)) for s in (9, 9999))
    assert early == late
    assert early.at == NOON + timedelta(seconds=9)

"""Approvals, whatever is asked of whom and whoever votes when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.domain import approval
from core.domain.approval import ApprovalSpec, ApprovalState, Case, Choice, Vote
from core.domain.approvers import Voter
from core.errors import OpsError

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
PEOPLE = ("ann", "bob", "cy", "req")
ROLES = ("dba", "sre")

circles = st.fixed_dictionaries(
    {
        "users": st.lists(st.sampled_from(PEOPLE), max_size=3, unique=True),
        "roles": st.lists(st.sampled_from(ROLES), max_size=2, unique=True),
    }
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    spec: dict[str, Any] = {"message": "m", "approvers": draw(circles)}
    spec["forbid_requester"] = draw(st.booleans())
    named = any(spec["approvers"].values())
    most = len(spec["approvers"]["users"]) if named and not spec["approvers"]["roles"] else 3
    spec["required"] = draw(
        st.sampled_from(["any", *(["all"] if named else []), *range(1, most + 1)])
    )
    if draw(st.booleans()):
        spec["timeout_s"] = draw(st.integers(1, 50))
        spec["on_timeout"] = draw(st.sampled_from(["deny", "approve", "escalate"]))
        if spec["on_timeout"] == "escalate":
            spec["escalate_to"] = {"users": [draw(st.sampled_from(PEOPLE))]}
    return Case(spec=ApprovalSpec.model_validate(spec), requester="req", opened_at=NOON)


votes = st.lists(
    st.builds(
        lambda name, roles, choice, second: Vote(
            voter=Voter(name, frozenset(roles)),
            choice=choice,
            at=NOON + timedelta(seconds=second),
            comment="because",
        ),
        st.sampled_from((*PEOPLE, "engine", "schedule/s")),
        st.sets(st.sampled_from(ROLES)),
        st.sampled_from(Choice),
        st.integers(0, 120),
    ),
    max_size=8,
)


@given(cases(), votes)
def test_what_is_decided_stays_decided_and_nobody_counts_who_may_not(
    case: Case, tried: list[Vote]
) -> None:
    kept: tuple[Vote, ...] = ()
    decided: tuple[ApprovalState, datetime | None] | None = None
    for vote in sorted(tried, key=lambda each: each.at):
        before = approval.judge(case, kept, vote.at)
        try:
            kept = approval.cast(case, kept, vote)
        except OpsError:
            assert approval.judge(case, kept, vote.at) == before
            continue
        assert before.state is ApprovalState.OPEN
        after = approval.judge(case, kept, vote.at)
        if after.state is not ApprovalState.OPEN:
            decided = after.state, after.at
    names = [vote.voter.name for vote in kept]
    assert len(names) == len(set(names))
    assert not {"engine", "schedule/s"} & set(names)
    if case.spec.forbid_requester:
        assert "req" not in names
    late = approval.judge(case, kept, NOON + timedelta(days=1))
    if decided is not None:
        assert (late.state, late.at) == decided
    elif case.last_deadline is not None:
        assert late.state is not ApprovalState.OPEN
    if late.state is ApprovalState.APPROVED and not late.reason:
        assert kept, "no vote is no approval"
    if any(vote.choice is Choice.DENY for vote in kept):
        assert late.state is ApprovalState.DENIED


@given(cases(), votes)
def test_a_moment_that_is_named_as_the_next_is_the_next(case: Case, tried: list[Vote]) -> None:
    kept: tuple[Vote, ...] = ()
    for vote in sorted(tried, key=lambda each: each.at):
        try:
            kept = approval.cast(case, kept, vote)
        except OpsError:
            continue
    now = kept[-1].at if kept else NOON
    standing = approval.judge(case, kept, now)
    if standing.due is None:
        assert approval.judge(case, kept, now + timedelta(days=9)).state is standing.state
    else:
        just_before = approval.judge(case, kept, standing.due - timedelta(microseconds=1))
        assert (just_before.state, just_before.escalated) == (standing.state, standing.escalated)
        then = approval.judge(case, kept, standing.due)
        assert (then.state, then.escalated) != (standing.state, standing.escalated)

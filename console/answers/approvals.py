"""Approvals and votes."""

from __future__ import annotations

from typing import Any

from console.answers.base import Answer


class ApprovalVote(Answer, frozen=True, kw_only=True):
    """One person's word."""

    voter: str
    choice: str
    at: str = ""
    comment: str = ""
    client: str = ""
    form: dict[str, Any] = {}


class Approval(Answer, frozen=True, kw_only=True):
    """What people are asked before a run goes on."""

    id: str
    run_id: str
    state: str
    title: str = ""
    step: str = ""
    attempt: int = 1
    requester: str = ""
    message: str = ""
    reason: str = ""
    opened_at: str = ""
    due_at: str | None = None
    decided_at: str | None = None
    escalated: bool = False
    approvers: str = ""
    forbid_requester: bool = True
    required: str = ""
    on_timeout: str = ""
    reason_required: bool = False
    missing: list[str] = []
    votes: list[ApprovalVote] = []
    form: list[dict[str, Any]] = []
    outputs: dict[str, Any] = {}
    digest: str = ""
    refusal: str = ""

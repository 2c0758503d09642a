"""Flows, beside their documents."""

from __future__ import annotations

from console.answers.base import Answer
from console.answers.runs import Remark


class FlowProblems(Answer, frozen=True, kw_only=True):
    """Everything that stands against a flow."""

    problems: list[Remark] = []

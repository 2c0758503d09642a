"""Approvals."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from console import answers
from console.client import paths
from console.client.calls import MOST_ITEMS, Calls, Query


class ApprovalCalls(Calls):
    """What waits for a person, and votes on it."""

    def approvals(self, query: Query, *, limit: int) -> list[answers.Approval]:
        """The newest `limit` approvals that fit, newest first."""
        asked = {**query, "limit": min(limit, MOST_ITEMS)}
        return list(islice(self._all(answers.Approval, "/approvals", asked), limit))

    def approval(self, id_: str) -> answers.Approval:
        return self._get(answers.Approval, f"/approvals/{paths.part(id_)}")

    def vote(self, id_: str, ballot: Mapping[str, Any], key: str) -> answers.Approval:
        """Vote once: the same `key` never counts a second time."""
        path = f"/approvals/{paths.part(id_)}/votes"
        done = self._call("POST", path, body=ballot, headers={"Idempotency-Key": key})
        return self._decode(answers.Approval, done)

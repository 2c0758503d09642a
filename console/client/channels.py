"""Channels."""

from __future__ import annotations

from itertools import islice

from console import answers
from console.client import paths
from console.client.calls import MOST_ITEMS, Calls, Query


class ChannelCalls(Calls):
    """Where people are told."""

    def channels(self) -> list[answers.Channel]:
        """Every channel."""
        return self._get(list[answers.Channel], "/channels")

    def outbox(self, query: Query, *, limit: int) -> list[answers.Notice]:
        """The newest `limit` notices that fit, newest first."""
        asked = {**query, "limit": min(limit, MOST_ITEMS)}
        return list(islice(self._all(answers.Notice, "/channels/outbox", asked), limit))

    def test_channel(self, name: str) -> answers.ChannelTested:
        """Send a message there now; sent once."""
        path = f"/channels/{paths.part(name)}/test"
        return self._post(answers.ChannelTested, path, {})

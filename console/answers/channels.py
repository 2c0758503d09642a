"""Channels and the outbox."""

from __future__ import annotations

from console.answers.base import Answer


class Channel(Answer, frozen=True, kw_only=True):
    """A channel, and how it is."""

    name: str
    way: str = ""
    enabled: bool = True
    wants: list[str] = []
    waiting: int = 0
    sending: int = 0
    given_up: int = 0
    last_sent_at: str | None = None
    error: str = ""


class Notice(Answer, frozen=True, kw_only=True):
    """Something that was told, or waits to be."""

    id: str
    channel: str
    state: str
    topic: str = ""
    subject: str = ""
    body: str = ""
    urgent: bool = False
    at: str = ""
    delivery_id: str | None = None
    tries: int = 0
    next_at: str | None = None
    sent_at: str | None = None
    error: str = ""


class ChannelTested(Answer, frozen=True, kw_only=True):
    """A message that was taken."""

    channel: str
    message: str = ""

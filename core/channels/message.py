"""What goes to people."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from core.domain.channel import ChannelSpec


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One notice inside a message."""

    topic: str
    subject: str
    body: str
    at: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent; its `id` is the same at every try, so a receiver can tell a repetition."""

    id: str
    channel: str
    subject: str
    body: str
    notices: tuple[Told, ...] = ()


class Way(Protocol):
    """One way of sending; `secrets` holds the texts of the channel's secrets, by field."""

    async def send(self, spec: ChannelSpec, secrets: dict[str, str], message: Message) -> None:
        """Return when the far side has taken it; raise Undelivered otherwise."""


def json_of(message: Message) -> dict[str, Any]:
    """The message as JSON values; the same at every try."""
    made: dict[str, Any] = msgspec.to_builtins(message)
    return made

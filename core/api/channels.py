"""Channels: how each is, what waits and what was told, and a test message."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from core.api import cursors
from core.api.openapi import fails
from core.api.routes import TheEngine, asks, router
from core.api.values import Answer, Cursor, Limit, Page
from core.domain.authorization import ObjectKind, Verb
from core.storage import documents, outbox
from core.storage.documents import snapshot
from core.storage.outbox import ChannelState
from core.storage.reading import Connection

routes = router("channels")


class ChannelOut(Answer):
    """A channel, and how it is."""

    name: str
    way: Literal["webhook", "email", "service"]
    enabled: bool
    wants: list[str] = Field(description="topics that are told here")
    waiting: int = Field(description="notices that wait for their time")
    sending: int = Field(description="notices that are being sent, or tried again")
    given_up: int = Field(description="notices that could not be delivered, of the last 30 days")
    last_sent_at: str | None
    error: str = Field(description="why the newest message that was tried did not go; or empty")


class NoticeOut(Answer):
    """Something that was told, or waits to be."""

    id: str
    channel: str
    topic: str
    subject: str
    body: str
    urgent: bool
    at: str
    state: Literal["waiting", "sending", "sent", "given_up"]
    delivery_id: str | None = Field(description="the message that carries it; its webhook-id")
    tries: int
    next_at: str | None = Field(description="when it is tried next")
    sent_at: str | None
    error: str = Field(description="of the last try")


class NoticePage(Page[NoticeOut]):
    """A part of the outbox."""


class TestedOut(Answer):
    """A message that was taken."""

    channel: str
    message: str = Field(description="its id")


@routes.get("/channels", operation_id="listChannels")
@asks(Verb.READ, ObjectKind.CHANNEL)
async def list_channels(engine: TheEngine) -> list[ChannelOut]:
    """Every channel."""

    def read(c: Connection) -> list[ChannelOut]:
        states = outbox.states(c)
        found = []
        for name, stored in sorted(snapshot(c).stored["channel"].items()):
            spec, state = stored.document.spec, states.get(name, ChannelState())
            found.append(
                ChannelOut(
                    name=name,
                    way="webhook" if spec.webhook else "email" if spec.email else "service",
                    enabled=spec.enabled,
                    wants=[want.topic.value for want in spec.wants],
                    waiting=state.waiting,
                    sending=state.sending,
                    given_up=state.given_up,
                    last_sent_at=state.last_sent_at,
                    error=state.error,
                )
            )
        return found

    return await engine.store.reader.read(read)


@routes.get("/channels/outbox", operation_id="listNotices", responses=fails(404))
@asks(Verb.READ, ObjectKind.CHANNEL)
async def list_notices(
    engine: TheEngine,
    channel: Annotated[str | None, Query(description="only of this channel")] = None,
    state: Annotated[
        Literal["waiting", "sending", "sent", "given_up"] | None, Query(description="only these")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> NoticePage:
    """What was told and what waits, newest first; kept for 30 days."""
    scope = f"outbox {channel} {state}"
    before = cursors.text_position(scope, cursor)

    def read(c: Connection) -> list[outbox.NoticeRow]:
        if channel is not None:
            documents.get(c, "channel", channel)
        return outbox.list_notices(c, channel=channel, state=state, before=before, limit=limit + 1)

    rows = await engine.store.reader.read(read)
    return NoticePage(
        items=[NoticeOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursors.encode(scope, rows[limit - 1].id) if len(rows) > limit else None,
    )


@routes.post("/channels/{channel}/test", operation_id="testChannel", responses=fails(404, 502))
@asks(Verb.ACT, ObjectKind.CHANNEL, "{channel}")
async def test(channel: str, engine: TheEngine) -> TestedOut:
    """Send a message there now, whatever it wants; answers when it was taken, or says why not."""
    return TestedOut(channel=channel, message=await engine.notices.sending.test(channel))

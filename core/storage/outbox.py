"""The outbox: notices that are to be told, and the messages that carry them.

A notice is told once on a channel, by its key. A message keeps its id from before the first
try until it is sent or given up, so a receiver that knows ids can tell a repetition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or_ignore

from core.domain.pacing import Waiting
from core.storage.tables import delivery, notice, setting
from core.storage.writer import Transaction, timestamp

KEPT = timedelta(days=30)
"""Messages that were sent or given up are forgotten after this."""

_CURSOR = "notices.cursor"
_MOST_CHARACTERS = 20_000


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be told on a channel."""

    channel: str
    key: str
    """What it is about: the same key is told once on a channel."""
    topic: str
    subject: str
    """One line."""
    body: str
    """Masked."""
    urgent: bool = False


class NoticeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A notice, and how far it is."""

    id: str
    channel: str
    topic: str
    subject: str
    body: str
    urgent: bool
    at: str
    delivery_id: str | None
    state: str
    """waiting, sending, sent, given_up."""
    tries: int
    next_at: str | None
    sent_at: str | None
    error: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is to be tried."""

    id: str
    channel: str
    made_at: str
    tries: int
    next_at: str | None
    escalated: bool


class ChannelState(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel is."""

    waiting: int = 0
    sending: int = 0
    given_up: int = 0
    last_sent_at: str | None = None
    error: str = ""
    """Of the newest message that was tried; "" where it went."""


_DELIVERY = [delivery.c[name] for name in Delivery.__struct_fields__]


def put(tx: Transaction, id_: str, told: Notice) -> bool:
    """Add a notice; False where its channel has one of this key already."""
    row = {
        "id": id_,
        "channel": told.channel,
        "key": told.key,
        "topic": told.topic,
        "subject": told.subject[:_MOST_CHARACTERS],
        "body": told.body[:_MOST_CHARACTERS],
        "urgent": int(told.urgent),
        "at": tx.at,
        "delivery_id": None,
    }
    statement = insert_or_ignore(notice).values(row).on_conflict_do_nothing()
    return bool(tx.connection.execute(statement).rowcount)


def cursor(connection: Connection) -> int | None:
    """The last journal entry that was told; None where nobody has looked yet."""
    value = connection.execute(select(setting.c.value).where(setting.c.name == _CURSOR)).scalar()
    return None if value is None else int(value)


def move_cursor(tx: Transaction, seq: int) -> None:
    """Everything up to this entry is told."""
    its_own = setting.c.name == _CURSOR
    changed = tx.connection.execute(update(setting).where(its_own).values(value=str(seq)))
    if not changed.rowcount:
        tx.connection.execute(insert(setting), {"name": _CURSOR, "value": str(seq)})


def waiting(connection: Connection) -> dict[str, list[Waiting]]:
    """Notices without a message, by channel, oldest first."""
    query = select(notice.c.channel, notice.c.id, notice.c.urgent).where(
        notice.c.delivery_id.is_(None)
    )
    found: dict[str, list[Waiting]] = {}
    for channel, id_, urgent in connection.execute(query.order_by(notice.c.id)):
        found.setdefault(channel, []).append(Waiting(id_, bool(urgent)))
    return found


def sent_since(connection: Connection, channel: str, since: datetime) -> list[datetime]:
    """When the channel's messages went, and when those were made that are still tried."""
    at = func.coalesce(delivery.c.sent_at, delivery.c.made_at)
    query = select(at).where(delivery.c.channel == channel, at > timestamp(since))
    return [datetime.fromisoformat(text) for text in connection.execute(query).scalars()]


def make(tx: Transaction, channel: str, messages: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Messages (id, its notices) that are to be tried at once; nothing has left the machine."""
    for id_, notices in messages:
        tx.connection.execute(
            insert(delivery),
            {
                "id": id_,
                "channel": channel,
                "state": "sending",
                "made_at": tx.at,
                "tries": 0,
                "next_at": tx.at,
                "sent_at": None,
                "error": "",
                "escalated": 0,
            },
        )
        its_own = notice.c.id.in_(list(notices))
        tx.connection.execute(update(notice).where(its_own).values(delivery_id=id_))


def due(connection: Connection, now: datetime) -> dict[str, list[Delivery]]:
    """Messages that are to be tried, by channel, oldest first."""
    query = select(*_DELIVERY).where(
        delivery.c.state == "sending", delivery.c.next_at <= timestamp(now)
    )
    found: dict[str, list[Delivery]] = {}
    for row in connection.execute(query.order_by(delivery.c.id)):
        fields = dict(zip(Delivery.__struct_fields__, row, strict=True))
        made = Delivery(**{**fields, "escalated": bool(row.escalated)})
        found.setdefault(made.channel, []).append(made)
    return found


def carried(connection: Connection, delivery_id: str) -> list[NoticeRow]:
    """The notices that a message carries, oldest first."""
    return _rows(connection, notice.c.delivery_id == delivery_id, limit=1000, newest=False)


def sent(tx: Transaction, tried: Delivery) -> None:
    """The far side has taken it."""
    values = {"state": "sent", "sent_at": tx.at, "next_at": None, "error": ""}
    _set(tx, tried, tries=tried.tries + 1, **values)
    tx.journal("engine", "channel.sent", f"channel/{tried.channel}", {"message": tried.id})


def failed(tx: Transaction, tried: Delivery, error: str, next_at: datetime | None) -> None:
    """It was not taken; it is tried again at `next_at`, or given up."""
    _set(
        tx,
        tried,
        tries=tried.tries + 1,
        error=error[:_MOST_CHARACTERS],
        next_at=None if next_at is None else timestamp(next_at),
        state="sending" if next_at else "given_up",
    )
    if tried.tries == 0 or next_at is None:
        what = "failed" if next_at else "given_up"
        told = {"message": tried.id, "reason": error[:_MOST_CHARACTERS]}
        tx.journal("engine", f"channel.{what}", f"channel/{tried.channel}", told)


def escalated(tx: Transaction, tried: Delivery) -> None:
    """Its notices are told on another channel too."""
    _set(tx, tried, escalated=1)


def list_notices(
    connection: Connection,
    *,
    channel: str | None = None,
    state: str | None = None,
    before: str | None = None,
    limit: int,
) -> list[NoticeRow]:
    """Newest first; `before` is the id of the last one of the page before."""
    wheres: list[Any] = []
    if channel is not None:
        wheres.append(notice.c.channel == channel)
    if state is not None:
        wheres.append(state == _STATE)
    if before is not None:
        wheres.append(notice.c.id < before)
    return _rows(connection, *wheres, limit=limit, newest=True)


def states(connection: Connection) -> dict[str, ChannelState]:
    """How every channel is of which anything is on record."""
    counts: dict[str, dict[str, int]] = {}
    query = select(notice.c.channel, _STATE, func.count()).select_from(_JOINED)
    for channel, state, count in connection.execute(query.group_by(notice.c.channel, _STATE)):
        counts.setdefault(channel, {})[state] = count
    last = select(delivery.c.channel, func.max(delivery.c.sent_at)).group_by(delivery.c.channel)
    sent_at = {row[0]: row[1] for row in connection.execute(last)}
    errors = failing(connection)
    return {
        channel: ChannelState(
            waiting=own.get("waiting", 0),
            sending=own.get("sending", 0),
            given_up=own.get("given_up", 0),
            last_sent_at=sent_at.get(channel),
            error=errors.get(channel, ""),
        )
        for channel, own in counts.items()
    }


def failing(connection: Connection) -> dict[str, str]:
    """Channels whose newest message that was tried did not go, and why."""
    tried = delivery.c.tries > 0
    newest = select(func.max(delivery.c.id)).where(tried).group_by(delivery.c.channel)
    query = select(delivery.c.channel, delivery.c.error).where(
        delivery.c.id.in_(newest), delivery.c.error != ""
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def forget(tx: Transaction, known: Iterable[str]) -> None:
    """What is old goes, and what waits for a channel that is no more."""
    old = timestamp(tx.now - KEPT)
    ended = delivery.c.state != "sending"
    tx.connection.execute(delete(delivery).where(ended, delivery.c.made_at < old))
    gone = notice.c.channel.not_in(list(known))
    tx.connection.execute(delete(notice).where(notice.c.delivery_id.is_(None), gone))
    tx.connection.execute(delete(delivery).where(~ended, delivery.c.channel.not_in(list(known))))


_STATE: Any = func.coalesce(delivery.c.state, "waiting")
_JOINED: Any = notice.outerjoin(delivery, delivery.c.id == notice.c.delivery_id)


def _rows(connection: Connection, *wheres: Any, limit: int, newest: bool) -> list[NoticeRow]:
    of_notice = [notice.c[name] for name in NoticeRow.__struct_fields__[:8]]
    of_delivery = [delivery.c[name] for name in ("tries", "next_at", "sent_at", "error")]
    query = select(*of_notice, _STATE, *of_delivery).select_from(_JOINED).where(*wheres)
    order = notice.c.id.desc() if newest else notice.c.id
    found = []
    for row in connection.execute(query.order_by(order).limit(limit)):
        fields = dict(zip(NoticeRow.__struct_fields__, row, strict=True))
        fields |= {"urgent": bool(fields["urgent"]), "tries": fields["tries"] or 0}
        found.append(NoticeRow(**{**fields, "error": fields["error"] or ""}))
    return found


def _set(tx: Transaction, tried: Delivery, **values: Any) -> None:
    tx.connection.execute(update(delivery).where(delivery.c.id == tried.id).values(**values))

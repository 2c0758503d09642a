"""Sending what the outbox holds: each channel for itself, as much as it bears, until it is taken.

A message is on disk before it leaves, under an id that it keeps: an engine that comes back tries
it again, and a receiver that knows ids tells a repetition.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from core import failpoints
from core.channels.message import Message, Told, Way
from core.clock import Clock
from core.domain import pacing
from core.domain.channel import ChannelSpec
from core.domain.values import SecretRef, SecretSource
from core.errors import OpsError, StorageFault, Undelivered
from core.ids import Ids
from core.storage import documents, outbox
from core.storage.documents import snapshot
from core.storage.outbox import Delivery, Notice
from core.storage.reading import Connection
from core.storage.store import Store
from core.storage.writer import Transaction
from core.vault.vault import Vault

log = structlog.get_logger(__name__)

_FORGET_EVERY = timedelta(hours=1)
_SHORTEST_SLEEP_S = 0.05


class Sending:
    """Empties the outbox."""

    def __init__(
        self, store: Store, vault: Vault, clock: Clock, ids: Ids, ways: Mapping[str, Way]
    ) -> None:
        """`ways`: field of a channel's spec -> what sends there."""
        self._store = store
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._ways = ways
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        """Channels for which something came while they were being served."""
        self._forgot_at: datetime | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._ticks: set[asyncio.Task[None]] = set()

    def kick(self) -> None:
        """Look at the outbox now."""
        task = asyncio.get_running_loop().create_task(self._safely())
        self._ticks.add(task)
        task.add_done_callback(self._ticks.discard)

    async def _safely(self) -> None:
        with suppress(StorageFault):  # the next beat looks again
            await self.tick()

    async def stop(self) -> None:
        """End; what is being sent is tried again by the next engine, under the same id."""
        if self._alarm is not None:
            self._alarm.cancel()
        tasks = [*self._ticks, *self._serving.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def tick(self) -> None:
        """Send what is due, each channel for itself: a slow one holds up no other."""
        channels, now = await self._store.reader.read(channels_of), self._clock.now()
        if not channels:
            return
        if self._forgot_at is None or now - self._forgot_at > _FORGET_EVERY:
            self._forgot_at = now
            await self._store.writer.write(lambda tx: outbox.forget(tx, channels))
        waiting, due = await self._store.reader.read(
            lambda c: (outbox.waiting(c), outbox.due(c, now))
        )
        for name in {*waiting, *due} & channels.keys():
            self._again.add(name)
            if name not in self._serving or self._serving[name].done():
                work = self._serve(name, channels[name])
                self._serving[name] = asyncio.get_running_loop().create_task(work)

    async def settled(self) -> None:
        """Wait until nothing is being sent; what waits for its time waits still."""
        while tasks := [*self._ticks, *(t for t in self._serving.values() if not t.done())]:
            await asyncio.gather(*tasks)

    async def test(self, name: str) -> str:
        """Send a message to a channel now, whatever it wants; its id. Undelivered says why not."""
        stored = await self._store.reader.read(lambda c: documents.get(c, "channel", name))
        message = Message(
            id=self._ids.new(),
            channel=name,
            subject="Jobdeck: a test",
            body=f"Channel {name} works. Somebody asked for this message.",
        )
        await self._deliver(stored.document.spec, message)
        return message.id

    async def _serve(self, name: str, spec: ChannelSpec) -> None:
        """Send what a channel bears now, until nothing is due."""
        try:
            while name in self._again:
                self._again.discard(name)
                while await self._serve_once(name, spec):
                    pass
        except StorageFault as fault:
            log.error("notices.not-kept", channel=name, reason=str(fault))
        except Exception:
            log.exception("notices.bug", channel=name)

    async def _serve_once(self, name: str, spec: ChannelSpec) -> bool:
        now = self._clock.now()
        since = now - timedelta(seconds=spec.rate.per_s)
        waiting, sent = await self._store.reader.read(
            lambda c: (outbox.waiting(c).get(name, []), outbox.sent_since(c, name, since))
        )
        plan = pacing.plan(spec, waiting, sent, now)
        if plan.again_at is not None:
            self._wake_at(plan.again_at)
        if plan.messages:
            made = [(self._ids.new(), notices_) for notices_ in plan.messages]
            await self._store.writer.write(lambda tx: outbox.make(tx, name, made))
            failpoints.reach("notice.kept")
        # By now: what was just made is due since after `now`.
        by = self._clock.now()
        due = await self._store.reader.read(lambda c: outbox.due(c, by).get(name, []))
        for tried in due:
            await self._try(tried, spec)
        return bool(due)

    async def _try(self, tried: Delivery, spec: ChannelSpec) -> None:
        rows = await self._store.reader.read(lambda c: outbox.carried(c, tried.id))
        subject, body = pacing.together([r.subject for r in rows], [r.body for r in rows])
        told = tuple(Told(topic=r.topic, subject=r.subject, body=r.body, at=r.at) for r in rows)
        message = Message(
            id=tried.id, channel=tried.channel, subject=subject, body=body, notices=told
        )
        try:
            await self._deliver(spec, message)
        except OpsError as error:
            why = str(error)
            again_at = await self._store.writer.write(lambda tx: self._failed(tx, tried, spec, why))
            if again_at is not None:
                self._wake_at(again_at)
            if spec.escalate is not None:
                self.kick()
        else:
            failpoints.reach("notice.taken")
            await self._store.writer.write(lambda tx: outbox.sent(tx, tried))

    def _failed(
        self, tx: Transaction, tried: Delivery, spec: ChannelSpec, error: str
    ) -> datetime | None:
        """Try again later, tell another channel too, or give up; when it is tried again."""
        age = tx.now - datetime.fromisoformat(tried.made_at)
        pause = timedelta(seconds=pacing.pause_s(tried.tries + 1))
        gives_up = age + pause > timedelta(seconds=spec.give_up_s)
        again_at = None if gives_up else tx.now + pause
        outbox.failed(tx, tried, error, again_at)
        other = spec.escalate
        if other is None or tried.escalated:
            return again_at
        if gives_up or age >= timedelta(seconds=other.after_s):
            for row in outbox.carried(tx.connection, tried.id):
                outbox.put(
                    tx,
                    self._ids.new(),
                    Notice(
                        channel=other.to,
                        key=f"escalated/{row.id}",
                        topic=row.topic,
                        subject=row.subject,
                        body=f"{row.body}\n(channel {tried.channel} does not deliver: {error})",
                        urgent=row.urgent,
                    ),
                )
            outbox.escalated(tx, tried)
        return again_at

    async def _deliver(self, spec: ChannelSpec, message: Message) -> None:
        if not spec.enabled:
            raise Undelivered(f"channel {message.channel} is not enabled")
        way = self._ways["webhook" if spec.webhook is not None else "service"]
        await way.send(spec, await self._texts(spec), message)

    async def _texts(self, spec: ChannelSpec) -> dict[str, str]:
        """The texts of the channel's secrets, by field."""
        fields = {
            "webhook.secret": spec.webhook.secret if spec.webhook else None,
            "email.password": spec.email.password if spec.email else None,
            "service": spec.service,
        }
        texts = {}
        for field, secret in fields.items():
            match secret:
                case SecretRef():
                    ref = secret
                    texts[field] = await self._store.reader.read(
                        lambda c, ref=ref: self._vault.open_secret(c, ref)  # type: ignore[misc]
                    )
                case SecretSource():
                    texts[field] = (await self._vault.sources.read([secret]))[secret]
        return texts

    def _wake_at(self, moment: datetime) -> None:
        """Look at the outbox then; the beat looks too, for a clock that was set."""
        loop = asyncio.get_running_loop()
        at = loop.time() + max((moment - self._clock.now()).total_seconds(), _SHORTEST_SLEEP_S)
        alarm = self._alarm
        if alarm is None or alarm.cancelled() or not loop.time() < alarm.when() <= at:
            if alarm is not None:
                alarm.cancel()
            self._alarm = loop.call_at(at, self.kick)


def channels_of(c: Connection) -> dict[str, ChannelSpec]:
    """Every channel."""
    return {name: stored.document.spec for name, stored in snapshot(c).stored["channel"].items()}

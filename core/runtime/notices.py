"""Notices at work: reads the journal, fills the outbox, sends what it holds.

The journal is read with a cursor; notices and the cursor behind them are one write, so an entry
is told once, whatever dies. A message is on disk before it leaves, under an id that it keeps:
an engine that comes back tries it again, and a receiver that knows ids tells a repetition.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
import structlog

from core import failpoints
from core.channels.message import Message, Told, Way
from core.clock import Clock
from core.domain import notices, pacing
from core.domain.channel import ChannelSpec
from core.domain.notices import Happening, RunFacts
from core.domain.values import SecretRef, SecretSource
from core.errors import NotFound, OpsError, StorageFault, Undelivered
from core.ids import Ids
from core.storage import approvals, documents, outbox, runs
from core.storage.documents import Snapshot, snapshot
from core.storage.journal import Entry
from core.storage.outbox import Delivery, Notice
from core.storage.reading import Connection
from core.storage.store import Store
from core.storage.writer import Transaction
from core.vault.masking import LEAST_OF_OTHERS, Masker
from core.vault.vault import Vault

log = structlog.get_logger(__name__)

_MOST_MASKED = 200
"""Secrets that are kept out of a notice: the newest."""
_FORGET_EVERY = timedelta(hours=1)


class Notices:
    """Tells people."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        clock: Clock,
        ids: Ids,
        ways: Mapping[str, Way],
    ) -> None:
        """`ways`: field of a channel's spec -> what sends there."""
        self._store = store
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._ways = ways
        self._reading: asyncio.Task[None] | None = None
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        """Channels for which something came while they were being served."""
        self._seen = 0
        """The last journal entry that was read."""
        self._kept = 0
        """The last one of which the record says so."""
        self._forgot_at: datetime | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._ticks: set[asyncio.Task[None]] = set()

    # --- putting into the outbox ----------------------------------------------------------------

    async def tell(
        self, channels: Collection[str], subject: str, body: str, key: str, topic: str = "flow"
    ) -> None:
        """Put a notice into the outbox for each of these channels; the same `key` is told once.

        It is masked here. When this returns it is on disk; NotFound where there is no such channel.
        """

        def read(c: Connection) -> list[Notice]:
            for channel in channels:
                documents.get(c, "channel", channel)
            masker = self._masker(c)
            told = [
                Notice(channel=channel, key=key, topic=topic, subject=subject, body=body)
                for channel in channels
            ]
            return [_masked(each, masker) for each in told]

        found = await self._store.reader.read(read)
        await self._store.writer.write(lambda tx: self._put(tx, found))
        self.kick()

    def _put(self, tx: Transaction, found: Iterable[Notice]) -> None:
        for told in found:
            outbox.put(tx, self._ids.new(), told)

    def kick(self) -> None:
        """Look at the outbox now."""
        task = asyncio.get_running_loop().create_task(self._safely())
        self._ticks.add(task)
        task.add_done_callback(self._ticks.discard)

    async def _safely(self) -> None:
        with suppress(StorageFault):  # the next beat looks again
            await self.tick()

    # --- reading the journal --------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to read where the last engine has stopped; a new home begins with what comes."""
        cursor = await self._store.reader.read(outbox.cursor)
        if cursor is None:
            cursor = latest = self._store.feed.latest()
            await self._store.writer.write(lambda tx: outbox.move_cursor(tx, latest))
        self._seen = self._kept = cursor
        self._reading = asyncio.get_running_loop().create_task(self._read(cursor))
        self.kick()

    async def stop(self) -> None:
        """End; what is being sent is tried again by the next engine, under the same id."""
        if self._alarm is not None:
            self._alarm.cancel()
        tasks = [*self._ticks, *self._sending.values(), *([self._reading] if self._reading else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, cursor: int) -> None:
        types = (*notices.TELLERS,)
        async for entry in self._store.feed.follow(cursor, types=types):
            try:
                await self._take(entry)
            except StorageFault as fault:
                log.error("notices.not-kept", reason=str(fault))
            except Exception:
                # One entry that we cannot tell must not keep people from all the others.
                log.exception("notices.bug", seq=entry.seq)
            self._seen = entry.seq

    async def _take(self, entry: Entry) -> None:
        found = await self._store.reader.read(lambda c: self._told(c, entry))
        if not found:
            return

        def write(tx: Transaction) -> None:
            self._put(tx, found)
            outbox.move_cursor(tx, entry.seq)

        await self._store.writer.write(write)
        failpoints.reach("notice.put")
        self.kick()

    def _told(self, c: Connection, entry: Entry) -> list[Notice]:
        """A notice for every channel that wants to be told of the entry."""
        # What was before a channel is no news to it, nor what comes while it is switched off.
        channels = {
            name: stored.document.spec
            for name, stored in snapshot(c).stored["channel"].items()
            if stored.created_at <= entry.at and stored.document.spec.enabled
        }
        if not channels:
            return []
        happening = _happening(c, entry)
        if happening is None:
            return []
        named = _named(c, entry)
        found = []
        for name, spec in channels.items():
            want = notices.wanted(spec, happening)
            if want is not None or name in named:
                found.append(
                    Notice(
                        channel=name,
                        key=f"journal/{entry.seq}",
                        topic=happening.topic.value,
                        subject=happening.subject,
                        body=happening.body,
                        urgent=want is not None and want.urgent,
                    )
                )
        masker = self._masker(c) if found else Masker()
        return [_masked(told, masker) for told in found]

    # --- sending --------------------------------------------------------------------------------

    async def tick(self) -> None:
        """Send what is due, each channel for itself: a slow one holds up no other."""
        documents_ = await self._store.reader.read(snapshot)
        channels, now = _channels(documents_), self._clock.now()
        if not channels:
            return
        if self._seen > self._kept:
            seen = self._seen
            await self._store.writer.write(lambda tx: outbox.move_cursor(tx, seen))
            self._kept = seen
        if self._forgot_at is None or now - self._forgot_at > _FORGET_EVERY:
            self._forgot_at = now
            await self._store.writer.write(lambda tx: outbox.forget(tx, channels))
        waiting, due = await self._store.reader.read(
            lambda c: (outbox.waiting(c), outbox.due(c, now))
        )
        for name in {*waiting, *due} & channels.keys():
            self._again.add(name)
            if name not in self._sending or self._sending[name].done():
                work = self._serve(name, channels[name])
                self._sending[name] = asyncio.get_running_loop().create_task(work)

    async def settled(self) -> None:
        """Wait until nothing is being sent; what waits for its time waits still."""
        while tasks := [*self._ticks, *(t for t in self._sending.values() if not t.done())]:
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

    def _masker(self, connection: Connection) -> Masker:
        return Masker((), self._vault.texts(connection, LEAST_OF_OTHERS, _MOST_MASKED))

    def _wake_at(self, moment: datetime) -> None:
        """Look at the outbox then; the beat looks too, for a clock that was set."""
        loop = asyncio.get_running_loop()
        at = loop.time() + max((moment - self._clock.now()).total_seconds(), 0.05)
        alarm = self._alarm
        if alarm is None or alarm.cancelled() or not loop.time() < alarm.when() <= at:
            if alarm is not None:
                alarm.cancel()
            self._alarm = loop.call_at(at, self.kick)


def _channels(found: Snapshot) -> dict[str, ChannelSpec]:
    return {name: stored.document.spec for name, stored in found.stored["channel"].items()}


def _happening(c: Connection, entry: Entry) -> Happening | None:
    run: RunFacts | None = None
    if entry.type.startswith(notices.ABOUT_RUNS):
        with suppress(NotFound):  # removed since, as too old to keep
            row = runs.get(c, entry.subject)
            if row.parent is not None:
                return None  # a part of another run, whose end is told
            run = RunFacts(
                title=row.title,
                job=runs.job_of(row.origin) or "",
                actor=row.actor,
                counts=row.counts,
            )
    return notices.TELLERS[entry.type](entry.subject, entry.data, run)


def _named(c: Connection, entry: Entry) -> tuple[str, ...]:
    """Channels that the approval itself names."""
    if not entry.type.startswith("approval."):
        return ()
    with suppress(NotFound):
        return approvals.get(c, entry.data["approval"]).case.spec.channels
    return ()


def _masked(told: Notice, masker: Masker) -> Notice:
    return msgspec.structs.replace(
        told, subject=masker.mask_text(told.subject), body=masker.mask_text(told.body)
    )

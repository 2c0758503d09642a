"""Notices at work: what happens, and what flows say, goes into the outbox.

The journal is read with a cursor; notices and the cursor behind them are one write, so an entry
is told once, whatever dies. `sending` takes them from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress

import msgspec
import structlog

from core import failpoints
from core.domain import notices
from core.domain.notices import Happening, RunFacts
from core.errors import NotFound, StorageFault
from core.ids import Ids
from core.runtime.sending import Sending, channels_of
from core.storage import approvals, documents, outbox, runs
from core.storage.documents import snapshot
from core.storage.journal import Entry
from core.storage.outbox import Notice
from core.storage.reading import Connection
from core.storage.store import Store
from core.storage.writer import Transaction
from core.vault.masking import LEAST_OF_OTHERS, Masker
from core.vault.vault import Vault

log = structlog.get_logger(__name__)

_MOST_MASKED = 200
"""Secrets that are kept out of a notice: the newest."""
_PATIENCE_S = 1.0
"""Between two tries to keep a notice on a disk that takes nothing."""
_OF_DOCUMENTS = ("document.created", "document.replaced", "document.deleted")


class Notices:
    """Tells people."""

    def __init__(self, store: Store, vault: Vault, ids: Ids, sending: Sending) -> None:
        self._store = store
        self._vault = vault
        self._ids = ids
        self.sending = sending
        self._reading: asyncio.Task[None] | None = None
        self._has_channels = False
        """Where there is none, what happens is not looked at: most engines tell nobody."""
        self._seen = 0
        """The last journal entry that was read."""
        self._kept = 0
        """The last one of which the record says so."""

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
        self.sending.kick()

    def _put(self, tx: Transaction, found: Iterable[Notice]) -> None:
        for told in found:
            outbox.put(tx, self._ids.new(), told)

    # --- reading the journal --------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to read where the last engine has stopped; a new home begins with what comes."""
        cursor = await self._store.reader.read(outbox.cursor)
        if cursor is None:
            cursor = latest = self._store.feed.latest()
            await self._store.writer.write(lambda tx: outbox.move_cursor(tx, latest))
        self._seen = self._kept = cursor
        self._has_channels = await self._store.reader.read(_any_channel)
        self._reading = asyncio.get_running_loop().create_task(self._read(cursor))
        self.sending.kick()

    async def stop(self) -> None:
        """End; the next engine reads on where this one has stopped."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self.sending.stop()

    async def _read(self, cursor: int) -> None:
        types = (*notices.TELLERS, *_OF_DOCUMENTS)
        async for entry in self._store.feed.follow(cursor, types=types):
            while not await self._is_taken(entry):  # noqa: ASYNC110 - a disk tells nobody
                await asyncio.sleep(_PATIENCE_S)
            self._seen = entry.seq

    async def _is_taken(self, entry: Entry) -> bool:
        """Tell of an entry; False where that could not be kept, and is to be tried again."""
        try:
            if entry.type in _OF_DOCUMENTS:
                if entry.subject.startswith("channel/"):
                    self._has_channels = await self._store.reader.read(_any_channel)
            elif self._has_channels:
                await self._take(entry)
        except StorageFault as fault:
            log.error("notices.not-kept", reason=str(fault))
            return False
        except Exception:
            # One entry that we cannot tell must not keep people from all the others.
            log.exception("notices.bug", seq=entry.seq)
        return True

    async def _take(self, entry: Entry) -> None:
        found = await self._store.reader.read(lambda c: self._told(c, entry))
        if not found:
            return

        def write(tx: Transaction) -> None:
            self._put(tx, found)
            outbox.move_cursor(tx, entry.seq)

        await self._store.writer.write(write)
        failpoints.reach("notice.put")
        self.sending.kick()

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

    async def tick(self) -> None:
        """Keep how far the journal is read, and send what is due."""
        if self._seen > self._kept:
            seen = self._seen
            await self._store.writer.write(lambda tx: outbox.move_cursor(tx, seen))
            self._kept = seen
        await self.sending.tick()

    def _masker(self, connection: Connection) -> Masker:
        return Masker((), self._vault.texts(connection, LEAST_OF_OTHERS, _MOST_MASKED))


def _any_channel(c: Connection) -> bool:
    return bool(channels_of(c))


def _happening(c: Connection, entry: Entry) -> Happening | None:
    if _is_quiet(c, entry):
        return None
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


def _is_quiet(c: Connection, entry: Entry) -> bool:
    """Whether it is about a schedule that calls for no attention."""
    if not entry.type.startswith("schedule."):
        return False
    its = ("schedule", entry.subject.partition("/")[2])
    found = documents.find_all(c, [its]).get(its)
    return found is not None and found.document.spec.quiet


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

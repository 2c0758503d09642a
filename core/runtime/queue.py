"""The queue at work: keeps `core.dispatch` fed, and lets runs begin in their turn.

A run that can begin at once does so in the transaction that creates it and is never seen to wait.
One that waits is on disk, in state `queued`; here are only its name and what it uses. An engine
that comes back reads the queue from the runs that are queued, each since it was accepted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from core.clock import Clock
from core.config import Settings
from core.dispatch import asking, reasons
from core.dispatch.claims import Order
from core.dispatch.items import Item, Load, Rules, Use
from core.dispatch.lines import Waiting
from core.dispatch.queue import Queue
from core.dispatch.reasons import Reason
from core.domain.priorities import Priority
from core.errors import Conflict, NotFound
from core.flow.definition import RunDefinition
from core.storage import admission, facts
from core.storage.admission import Admission, Mode
from core.storage.documents import Snapshot, snapshot
from core.storage.reading import Connection
from core.storage.runs import RunRow
from core.storage.store import Store
from core.storage.writer import timestamp

log = structlog.get_logger(__name__)

_STEPS_AT_START = 8
"""Steps of a decision that a start waits for; what takes longer finds it in the queue."""
_SAMPLE_KEPT = timedelta(minutes=15)
"""An older sample says nothing about how busy a host is."""
_BEGIN_TOGETHER = 16

Begin = Callable[[str], Awaitable[None]]
"""Let a run that waited begin; it holds what it uses by then."""
Say = Callable[[Order], Awaitable[None]]
"""Ask a run that goes on to give way to another one, or not to any more."""


class QueueFull(Conflict):
    """As many runs wait as may."""

    code = "queue-full"


class EngineDraining(Conflict):
    """Somebody said that the engine takes no new runs."""

    code = "engine-draining"


class QueueStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the queue is, in one look."""

    waiting: int = 0
    begun: int = 0
    oldest_at: str | None = None
    """Since when the one waits that has waited longest."""
    admission: Admission = Admission()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A run that waits, and why."""

    run_id: str
    owner: str
    position: int
    """1 stands first; who is in nobody's way may begin before those in front of it."""
    since: str
    aged_at: str
    """From then on, nobody overtakes it."""
    priority: Priority
    level: Priority | None
    """The class into which it has risen; None: above all."""
    reasons: tuple[Reason, ...]
    """Empty: it begins at the next decision."""
    unknown_loads: str
    """Hosts whose load is asked and not known, folded: they keep it from nothing."""
    gave_way_to: str
    """The run for which it was suspended; "" where it has not begun yet."""


class RunQueue:
    """The engine's queue."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._queue = Queue(Rules(ageing_s=settings.ageing_s))
        self._admission = Admission()
        self._documents: Snapshot | None = None
        self._turns: deque[str] = deque()
        """Runs whose turn has come, and that have not begun yet; they hold what they use."""
        self._news = asyncio.Event()
        self._pumping: asyncio.Task[None] | None = None
        self._is_shut = False

    # --- its life -----------------------------------------------------------------------------

    async def load(self) -> None:
        """Learn the limits, and whether the engine is frozen; runs can enter from here on."""
        self._admission = await self._store.reader.read(admission.get)
        await self.renew()

    def start(self, begin: Begin, say: Say) -> None:
        """From here on, runs that wait begin by `begin` in their turn, and others give way."""
        self._pumping = asyncio.get_running_loop().create_task(self._pump(begin, say))

    def shut(self) -> None:
        """Let nothing begin any more: what waits stays for the next engine."""
        self._is_shut = True
        self._news.set()

    async def stop(self) -> None:
        """Shut, and wait for those that are in the middle of beginning."""
        self.shut()
        if self._pumping is not None:
            await self._pumping

    async def tick(self) -> None:
        """Look again at limits, at how busy hosts are, and at who has waited long enough to be aged."""
        await self.renew()
        if self._queue.asks_loads:
            await self.look_at_loads()
        self._queue.renew_keeper(self._now)
        self._news.set()

    async def renew(self) -> None:
        """Take over the limits of the documents of this moment."""
        self.use(await self._store.reader.read(snapshot))

    async def look_at_loads(self) -> None:
        """Take over the newest samples of all hosts."""
        since = timestamp(self._clock.now() - _SAMPLE_KEPT)

        def read(c: Connection) -> dict[str, Load]:
            return {
                host: asking.load_of(seen.values)
                for host, seen in facts.current(c).items()
                if seen.at >= since
            }

        self._queue.set_loads(await self._store.reader.read(read))
        self._news.set()

    # --- what happens -------------------------------------------------------------------------

    def item(
        self,
        run_id: str,
        definition: RunDefinition,
        owner: str,
        priority: Priority,
        since: datetime,
    ) -> Item:
        """A run as the queue sees it."""
        assert self._documents is not None, "the queue has started"
        return asking.item_of(
            run_id,
            definition,
            self._documents.environments,
            owner=owner,
            priority=priority,
            since=since.timestamp(),
        )

    def stored(self, row: RunRow, definition: RunDefinition) -> Item:
        """As `item`, of a run on record."""
        since = datetime.fromisoformat(row.created_at)
        return self.item(row.id, definition, row.actor, row.priority, since)

    def use(self, documents: Snapshot) -> None:
        """Take over the limits of these documents."""
        if documents is not self._documents:
            self._documents = documents
            self._set_rules()

    async def admit(self, item: Item) -> bool:
        """Whether the run begins at once, and holds what it uses; else the caller lets it `wait`.

        EngineDraining or QueueFull where it may do neither.
        """
        if self._admission.mode is Mode.DRAINING and not item.override:
            raise EngineDraining(
                f"the engine drains and takes no new runs, says {self._admission.said}",
                hint="`jobdeck engine unfreeze` takes new runs again; --override REASON begins this one",
            )
        if await self._begins(item):
            return True
        if len(self._queue) >= self._settings.max_waiting_runs:
            raise QueueFull(
                f"the queue is full: {len(self._queue)} runs wait (max_waiting_runs in settings.toml)",
                hint="`jobdeck queue list` shows them; start it again when fewer wait",
            )
        return False

    async def claim(self, item: Item) -> None:
        """Take what a run uses that goes on after its end; Conflict says who has it."""
        if self._admission.mode is Mode.DRAINING:
            raise EngineDraining(
                f"the engine drains and lets no ended run go on, says {self._admission.said}",
                hint="`jobdeck engine unfreeze` lets it",
            )
        self._queue.enter(item)
        if self._step(item.run_id):
            self.seat(item)  # it has waited for nothing since it ended
            return
        waiting = self._queue.get(item.run_id)
        assert waiting is not None, "it has not begun"
        why = reasons.why(self._queue, waiting, self._now)
        self.leave(item.run_id)
        raise Conflict(
            f"run {item.run_id} cannot go on now: {why.reasons[0].text}"
            if why.reasons
            else f"run {item.run_id} cannot go on now: others are before it",
            hint="ask again later; `jobdeck queue list` shows who waits",
        )

    def wait(self, item: Item) -> None:
        """A run that is on disk waits for its turn."""
        self._queue.enter(item)
        self._news.set()

    def seat(self, item: Item, waited_s: float = 0.0) -> None:
        """A run goes on that has begun already, after it had waited that long."""
        self._queue.leave(item.run_id)
        self._queue.seat(item, waited_s)

    def suspend(self, run_id: str, to: str) -> None:
        """A run has given way to another one, and waits for its turn."""
        self._queue.suspend(run_id, to, self._now)
        self._news.set()

    def set_bears(self, run_id: str, bears: int) -> None:
        """A run that goes on gives way to runs of so many classes, the most urgent first."""
        self._queue.set_bears(run_id, bears)
        if not self._queue.is_settled:
            self._news.set()

    def recall(self, run_id: str, to: str) -> bool:
        """Whether a run that was asked to give way by an earlier engine is still to do so."""
        return self._queue.recall(run_id, to)

    def still_wants(self, order: Order) -> bool:
        """Whether what is to be said is still so."""
        to = "" if order.to is None else order.to.run_id
        return self._queue.claims.asked_for(order.run_id) == to

    def leave(self, run_id: str) -> None:
        """A run has ended, or waits no more."""
        self._queue.leave(run_id)
        self._news.set()

    async def move(self, row: RunRow, priority: Priority, actor: str) -> None:
        """Give a run that waits or goes on another priority; Conflict where it has ended."""
        if row.id not in self._queue and row.id not in self._queue.held:
            raise Conflict(
                f"run {row.id} is {row.state}; its priority decides nothing any more"
                if row.parent is None
                else f"run {row.id} belongs to run {row.parent}, and never waits"
            )
        await self._store.writer.write(lambda tx: admission.move(tx, row.id, priority, actor))
        if row.id in self._queue or row.id in self._queue.held:
            self._queue.move(row.id, priority)
            self._news.set()

    async def set_mode(self, mode: Mode, reason: str, actor: str) -> Admission:
        """Freeze, drain or open the engine."""
        put = self._store.writer.write
        self._admission = await put(lambda tx: admission.put(tx, mode, reason, actor))
        self._set_rules()
        return self._admission

    # --- what is so ---------------------------------------------------------------------------

    @property
    def admission(self) -> Admission:
        return self._admission

    def __contains__(self, run_id: str) -> bool:
        """Whether the run waits."""
        return run_id in self._queue

    def places(self, limit: int) -> list[Place]:
        """Who waits, the first one first, at most `limit` of them."""
        now = self._now
        order = self._queue.in_order(now)[:limit]
        return [self._place(each, position, now) for position, each in enumerate(order)]

    def place(self, run_id: str) -> Place:
        """Where a run stands that waits; NotFound where it does not."""
        waiting = self._queue.get(run_id)
        if waiting is None:
            raise NotFound("waiting run", run_id)
        now = self._now
        return self._place(waiting, self._queue.ahead_of(run_id, now), now)

    def yields_to(self, run_id: str) -> str:
        """The run to which one that goes on is to give way; "" where to none."""
        return self._queue.claims.asked_for(run_id)

    def share_of(self, run_id: str) -> int:
        """Turns of a run at the engine's room, for one of a run in the background."""
        begun = self._queue.held.get(run_id)
        return (Priority.NORMAL if begun is None else begun.item.priority).share

    def holds(self, run_id: str) -> list[Use]:
        """The locks of a run that has begun."""
        return reasons.holds(self._queue, run_id)

    def status(self) -> QueueStatus:
        """Numbers, and whether it is frozen."""
        oldest = self._queue.oldest_since()
        return QueueStatus(
            waiting=len(self._queue),
            begun=len(self._queue.held),
            oldest_at=None if oldest is None else _timestamp(oldest),
            admission=self._admission,
        )

    def _place(self, waiting: Waiting, ahead: int, now: float) -> Place:
        why = reasons.why(self._queue, waiting, now)
        return Place(
            run_id=waiting.item.run_id,
            owner=waiting.item.owner,
            position=ahead + 1,
            since=_timestamp(waiting.item.since),
            aged_at=_timestamp(why.aged_at),
            priority=why.priority,
            level=why.level,
            reasons=why.reasons,
            unknown_loads=why.unknown_loads,
            gave_way_to=waiting.item.gave_way_to,
        )

    # --- inside -------------------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _set_rules(self) -> None:
        assert self._documents is not None, "the queue has started"
        frozen = self._admission.said if self._admission.mode is Mode.FROZEN else ""
        limits = asking.limits_of(self._documents, self._settings.max_runs)
        self._queue.set_rules(Rules(ageing_s=self._settings.ageing_s, limits=limits, frozen=frozen))
        self._news.set()

    async def _begins(self, item: Item) -> bool:
        """Whether it begins at once; it is in the queue no more where it does not."""
        if item.hosts:
            await self.look_at_loads()
        self._queue.enter(item)
        if self._step(item.run_id):
            return True
        self.leave(item.run_id)
        return False

    def _step(self, run_id: str) -> bool:
        """Decide a little, and say whether this run begins; others that do are left to the pump."""
        for _ in range(_STEPS_AT_START):
            if self._queue.is_settled:
                break
            begun = self._queue.next(self._now)
            if begun is None:
                continue
            if begun.run_id == run_id:
                return True
            self._turns.append(begun.run_id)
            self._news.set()
        return False

    async def _pump(self, begin: Begin, say: Say) -> None:
        """Decide whenever something has changed, a bounded step at a time."""
        while not self._is_shut:
            await self._news.wait()
            self._news.clear()
            try:
                await self._let_begin(begin, say)
            except Exception:
                # A bug must not stop the queue: it decides anew when something else changes.
                log.exception("queue.bug")

    async def _let_begin(self, begin: Begin, say: Say) -> None:
        """All whose turn has come, some of them at the same time; and what is to be said meanwhile."""
        while not self._is_shut and (
            self._turns or self._queue.has_orders or not self._queue.is_settled
        ):
            while len(self._turns) < _BEGIN_TOGETHER and not self._queue.is_settled:
                if item := self._queue.next(self._now):
                    self._turns.append(item.run_id)
                await asyncio.sleep(0)
            together = [self._turns.popleft() for _ in range(len(self._turns))]
            orders = self._queue.take_orders()
            await asyncio.gather(*map(begin, together), *map(say, orders))


def _timestamp(moment_s: float) -> str:
    return timestamp(datetime.fromtimestamp(moment_s, UTC))

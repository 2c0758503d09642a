"""How long the queue takes to decide who begins next, among very many that wait. CPU time."""

from __future__ import annotations

import random
import statistics
import time

from core.dispatch.items import Item, Kind, Mode, Rules, use
from core.dispatch.queue import Queue
from core.dispatch.reasons import why
from core.domain.priorities import Priority
from tests.bench.table import Row

_OWNERS = 1000
_HOSTS = 5000
_BEGUN = 500
_GOAL = "1 ms"


def rows(*, items: int, decisions: int) -> list[Row]:
    """The rows of the table."""
    found = []
    for name, locked in (("limits", False), ("limits and host locks", True)):
        queue, now = _filled(items, locked=locked)
        taken_ms, steps_ms = [], []
        for number in range(decisions):
            ended = next(iter(queue.held.items())).run_id
            at = now + number
            began_s = time.thread_time()
            queue.leave(ended)
            while not queue.is_settled:
                step_s = time.thread_time()
                queue.next(at)
                steps_ms.append(1000 * (time.thread_time() - step_s))
            taken_ms.append(1000 * (time.thread_time() - began_s))
        what = f"a decision among {items:,} that wait, {name}"
        found += [
            Row(f"{what}, median", statistics.median(taken_ms), "ms", None, _GOAL),
            Row("  the slowest of a hundred", _slowest_of_hundred(taken_ms), "ms"),
            Row("  the longest that it holds others up", _slowest_of_hundred(steps_ms), "ms"),
        ]
        last = queue.in_order(now)[-1]
        began_s = time.thread_time()
        queue.ahead_of(last.item.run_id, now)
        why(queue, last, now)
        found.append(Row("  why the last one waits", 1000 * (time.thread_time() - began_s), "ms"))
    return found


def _filled(items: int, *, locked: bool) -> tuple[Queue, float]:
    chance = random.Random(1)
    engine = use(Kind.ENGINE)
    environments = [use(Kind.ENVIRONMENT, name) for name in ("prod", "stage", "lab")]
    limits = {engine.resource: _BEGUN, environments[0].resource: _BEGUN // 3}
    queue = Queue(Rules(limits=limits))
    for number in range(items + _BEGUN):
        hosts = sorted(chance.sample(range(_HOSTS), 5)) if locked else ()
        locks = tuple(use(Kind.HOST_LOCK, f"h{host}", Mode.EXCLUSIVE) for host in hosts)
        queue.enter(
            Item(
                run_id=f"{number:026}",
                owner=f"u{chance.randrange(_OWNERS)}",
                priority=chance.choice(list(Priority)),
                since=number / 100,
                uses=(engine, chance.choice(environments), *locks),
            )
        )
    now = (items + _BEGUN) / 100
    while not queue.is_settled:
        queue.next(now)
    return queue, now


def _slowest_of_hundred(taken_ms: list[float]) -> float:
    return sorted(taken_ms)[max(0, len(taken_ms) * 99 // 100 - 1)]

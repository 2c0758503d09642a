"""Runs that come to a queue, and what must hold of it whatever else it decides."""

from __future__ import annotations

from hypothesis import strategies as st

from core.dispatch.items import LOCKS, Item, Kind, Mode, use
from core.dispatch.queue import Queue
from core.domain.priorities import Priority

PLACES = [use(Kind.ENGINE), use(Kind.ENVIRONMENT, "prod"), use(Kind.HOST, "web1")]
HOSTS = ["web1", "web2", "web3"]
LIMITS = {place.resource: limit for place, limit in zip(PLACES, (3, 2, 1), strict=True)}
_LOCK_USES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([Mode.SHARED, Mode.EXCLUSIVE])),
    unique_by=lambda pair: pair[0],
    max_size=3,
).map(lambda pairs: tuple(use(Kind.LOCK, name, mode) for name, mode in sorted(pairs)))
_USES = st.tuples(st.lists(st.sampled_from(PLACES), unique=True).map(tuple), _LOCK_USES).map(
    lambda both: both[0] + both[1]
)


@st.composite
def items(draw: st.DrawFn, *, most: int, apart_s: int) -> list[Item]:
    """Up to `most` runs in the order in which they come, each up to `apart_s` after the last."""
    found, at = list[Item](), 0
    all_take_a_place = draw(st.booleans())  # as runs of definitions do
    for number in range(draw(st.integers(1, most))):
        at += draw(st.integers(0, apart_s))
        uses = draw(_USES)
        if all_take_a_place and PLACES[0] not in uses:
            uses = (PLACES[0], *uses)
        found.append(
            Item(
                run_id=f"r{number:02}",
                owner=draw(st.sampled_from(["ann", "bob"])),
                priority=draw(st.sampled_from(Priority)),
                since=float(at),
                uses=uses,
            )
        )
    return found


def check_holdings(queue: Queue) -> None:
    """No limit is exceeded, and who holds a lock alone holds it alone."""
    for item in queue.held.items():
        for resource, mode in item.uses:
            holders = queue.held.holders(resource)
            if resource.kind in LOCKS:
                assert mode is Mode.SHARED or len(holders) == 1
                assert mode is not Mode.SHARED or Mode.EXCLUSIVE not in holders.values()
            else:
                assert len(holders) <= LIMITS[resource]


def note_aged(queue: Queue, now: float, older: dict[str, int]) -> None:
    """Write down how many stand over each run at the moment at which it is aged."""
    waiting = queue.in_order(now)
    for each in waiting:
        if each.due <= now:
            over = sum((o.due, o.number) < (each.due, each.number) for o in waiting)
            older.setdefault(each.item.run_id, over)

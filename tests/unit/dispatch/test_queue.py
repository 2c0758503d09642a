"""Who begins next: classes, ageing, turns between owners, limits, locks, and why somebody waits."""

from __future__ import annotations

import pytest

from core.dispatch import reasons
from core.dispatch.items import Item, Kind, Load, Mode, Resource, Rules, use
from core.dispatch.queue import Queue
from core.domain.priorities import Priority
from core.domain.queueing import LoadLimits

ENGINE = use(Kind.ENGINE)
STEP_S = 100.0


def one_at_a_time(**limits: int) -> Rules:
    return Rules(
        ageing_s=STEP_S,
        limits={ENGINE.resource: 1} | {Resource(Kind(k), n): 1 for k, n in limits.items()},
    )


def item(run_id: str, priority: str = "normal", since: float = 0.0, **more: object) -> Item:
    given: dict[str, object] = {"owner": "ann", "uses": (ENGINE,), **more}
    return Item(run_id=run_id, priority=Priority(priority), since=since, **given)  # type: ignore[arg-type]


def settle(queue: Queue, now: float) -> list[str]:
    """The runs that begin now, in order."""
    begun = []
    while not queue.is_settled:
        if found := queue.next(now):
            begun.append(found.run_id)
    return begun


def why(queue: Queue, run_id: str, now: float) -> reasons.Why:
    waiting = queue.get(run_id)
    assert waiting is not None
    return reasons.why(queue, waiting, now)


def one_by_one(queue: Queue, now: float) -> list[str]:
    """All that wait, each begun when the one before it has ended."""
    order = []
    while begun := settle(queue, now):
        order += begun
        for run_id in begun:
            queue.leave(run_id)
    return order


def test_without_limits_everything_begins_at_once() -> None:
    queue = Queue()
    for name in "abc":
        queue.enter(item(name))
    assert settle(queue, 0) == ["a", "b", "c"]
    assert len(queue) == 0


def test_a_more_urgent_run_goes_first() -> None:
    queue = Queue(one_at_a_time())
    for priority in ("background", "low", "normal", "high", "urgent"):
        queue.enter(item(priority, priority))
    assert one_by_one(queue, 1) == ["urgent", "high", "normal", "low", "background"]


def test_who_waits_long_enough_rises_a_class_and_stands_before_those_that_were_there() -> None:
    queue = Queue(one_at_a_time())
    queue.enter(item("high", "high", since=150))
    queue.enter(item("normal", "normal", since=0))
    assert [w.item.run_id for w in queue.in_order(199)] == ["normal", "high"]
    fresh = Queue(one_at_a_time())
    fresh.enter(item("high", "high", since=50))
    fresh.enter(item("normal", "normal", since=0))
    assert one_by_one(fresh, 99) == ["high", "normal"]


def test_an_aged_run_stands_over_every_class() -> None:
    queue = Queue(one_at_a_time())
    queue.enter(item("old", "background", since=0))
    queue.enter(item("new", "urgent", since=499))
    assert one_by_one(queue, 500) == ["old", "new"]


def test_owners_take_turns_within_a_class() -> None:
    queue = Queue(one_at_a_time())
    for number in range(4):
        queue.enter(item(f"ann{number}"))
    queue.enter(item("bob0", owner="bob"))
    queue.enter(item("bob1", owner="bob"))
    assert one_by_one(queue, 1) == ["ann0", "bob0", "ann1", "bob1", "ann2", "ann3"]


def test_an_owner_who_was_away_saves_up_no_turns() -> None:
    queue = Queue(one_at_a_time())
    for number in range(3):
        queue.enter(item(f"ann{number}"))
    assert one_by_one(queue, 1) == ["ann0", "ann1", "ann2"]
    for name in ("bob0", "bob1"):
        queue.enter(item(name, owner="bob"))
    queue.enter(item("ann3"))
    assert one_by_one(queue, 1) == ["bob0", "ann3", "bob1"]


def test_who_is_held_up_elsewhere_is_passed() -> None:
    prod, lab = use(Kind.ENVIRONMENT, "prod"), use(Kind.ENVIRONMENT, "lab")
    queue = Queue(Rules(limits={prod.resource: 1}))
    queue.enter(item("a", uses=(prod,)))
    queue.enter(item("b", uses=(prod,)))
    queue.enter(item("c", uses=(lab,)))
    assert settle(queue, 0) == ["a", "c"]


def test_an_exclusive_lock_is_one_runs_alone_and_a_shared_one_is_all_theirs_who_share() -> None:
    shared, exclusive = (use(Kind.LOCK, "schema", mode) for mode in (Mode.SHARED, Mode.EXCLUSIVE))
    queue = Queue()
    for name, wanted in (("r1", shared), ("r2", shared), ("w", exclusive)):
        queue.enter(item(name, uses=(wanted,)))
    assert settle(queue, 0) == ["r1", "r2"]
    queue.leave("r1")
    assert settle(queue, 0) == []
    queue.leave("r2")
    assert settle(queue, 0) == ["w"]


def test_readers_do_not_pass_a_writer_that_waits() -> None:
    shared, exclusive = (use(Kind.LOCK, "schema", mode) for mode in (Mode.SHARED, Mode.EXCLUSIVE))
    queue = Queue()
    queue.enter(item("r1", uses=(shared,)))
    queue.enter(item("w", since=1, uses=(exclusive,)))
    assert settle(queue, 1) == ["r1"]
    queue.enter(item("r2", since=2, uses=(shared,)))
    assert settle(queue, 2) == []
    assert [reason.text for reason in why(queue, "r2", 2).reasons] == [
        "run w waits for lock schema too, and has waited longer"
    ]
    queue.leave("w")
    assert settle(queue, 2) == ["r2"]


def test_runs_that_lock_the_same_things_in_any_order_never_wait_for_each_other() -> None:
    a, b = use(Kind.LOCK, "a", Mode.EXCLUSIVE), use(Kind.LOCK, "b", Mode.EXCLUSIVE)
    queue = Queue()
    queue.enter(item("one", uses=(a, b)))
    queue.enter(item("two", since=1, uses=(b, a)))
    assert one_by_one(queue, 1) == ["one", "two"]


def test_nobody_takes_what_an_aged_run_needs_while_it_waits_for_the_rest() -> None:
    a, b = use(Kind.LOCK, "a", Mode.EXCLUSIVE), use(Kind.LOCK, "b", Mode.EXCLUSIVE)
    queue = Queue(Rules(ageing_s=STEP_S))
    queue.enter(item("holder", uses=(a,)))
    assert settle(queue, 0) == ["holder"]
    queue.enter(item("both", uses=(a, b)))
    assert settle(queue, 1) == []
    queue.enter(item("early", since=2, uses=(b,)))
    assert settle(queue, 2) == ["early"], "it has not waited long enough to keep anything"
    queue.leave("early")
    queue.enter(item("late", since=301, uses=(b,)))
    assert settle(queue, 301) == []
    assert why(queue, "late", 301).reasons[0].older == "both"
    queue.leave("holder")
    assert settle(queue, 301) == ["both"]


def test_the_last_free_place_is_kept_for_an_aged_run_and_no_more() -> None:
    lock = use(Kind.LOCK, "a", Mode.EXCLUSIVE)
    queue = Queue(Rules(ageing_s=STEP_S, limits={ENGINE.resource: 3}))
    queue.enter(item("holder", uses=(ENGINE, lock)))
    assert settle(queue, 0) == ["holder"]
    queue.enter(item("aged", uses=(ENGINE, lock)))
    assert settle(queue, 0) == []
    queue.enter(item("x", since=400))
    queue.enter(item("y", since=400))
    assert settle(queue, 400) == ["x"]
    assert why(queue, "y", 400).reasons[0].text == (
        "what engine has left is kept for run aged, which has waited longer"
    )
    queue.leave("x")
    assert settle(queue, 400) == ["y"]


def test_a_run_that_is_moved_goes_by_its_new_class() -> None:
    queue = Queue(one_at_a_time())
    for name in "abc":
        queue.enter(item(name))
    queue.move("c", Priority.HIGH)
    queue.move("a", Priority.LOW)
    assert one_by_one(queue, 1) == ["c", "b", "a"]


def test_a_run_that_leaves_makes_room_for_who_stood_behind_it() -> None:
    queue = Queue(one_at_a_time())
    for name in "abc":
        queue.enter(item(name))
    assert settle(queue, 0) == ["a"]
    queue.leave("b")
    assert settle(queue, 0) == []
    queue.leave("a")
    assert settle(queue, 0) == ["c"]
    queue.leave("nobody")
    assert queue.is_settled


def test_a_higher_limit_lets_more_begin() -> None:
    queue = Queue(one_at_a_time())
    for name in "abc":
        queue.enter(item(name))
    assert settle(queue, 0) == ["a"]
    queue.set_rules(Rules(ageing_s=STEP_S, limits={ENGINE.resource: 2}))
    assert settle(queue, 0) == ["b"]


def test_what_has_begun_holds_even_over_a_limit() -> None:
    queue = Queue(one_at_a_time())
    for name in "ab":
        queue.seat(item(name))
    queue.enter(item("c"))
    assert settle(queue, 0) == []
    queue.leave("a")
    assert settle(queue, 0) == []
    queue.leave("b")
    assert settle(queue, 0) == ["c"]


def test_in_a_frozen_engine_only_who_overrides_begins() -> None:
    queue = Queue(Rules(frozen="ann: an audit"))
    queue.enter(item("a"))
    queue.enter(item("b", override=True))
    assert settle(queue, 0) == ["b"]
    assert (
        why(queue, "a", 0).reasons[0].text
        == "nothing begins: the engine is frozen by ann: an audit"
    )
    queue.set_rules(Rules())
    assert settle(queue, 0) == ["a"]


def test_a_busy_host_delays_a_run_and_an_unknown_one_does_not() -> None:
    limits = LoadLimits(max_load_per_cpu=2, min_free_mem_mb=100)
    queue = Queue()
    queue.set_loads({"web1": Load(per_cpu=3.5, free_mem_mb=50), "web2": Load(per_cpu=1)})
    for host in ("web1", "web2", "web3"):
        queue.enter(item(host, hosts=(host,), load={host: limits}))
    assert settle(queue, 0) == ["web2", "web3"]
    found = why(queue, "web1", 0)
    assert [reason.text for reason in found.reasons] == [
        "host web1 is busy: load/CPU 3.50 > 2; 50 < 100 MB free"
    ]
    queue.set_loads({"web1": Load(per_cpu=1)})
    assert settle(queue, 0) == ["web1"]


def test_a_host_that_stays_busy_holds_up_only_those_that_wait_for_it() -> None:
    limits = LoadLimits(max_load_per_cpu=2)
    queue = Queue()
    queue.set_loads({"web1": Load(per_cpu=9), "web2": Load(per_cpu=9)})
    for host in ("web1", "web2"):
        queue.enter(item(host, hosts=(host,), load={host: limits}))
    tolerant = {"web1": LoadLimits(max_load_per_cpu=5)}
    queue.enter(item("tolerant", hosts=("web1",), load=tolerant))
    assert settle(queue, 0) == []
    queue.set_loads({"web1": Load(per_cpu=9), "web2": Load(per_cpu=1)})
    assert settle(queue, 1) == ["web2"]
    queue.set_loads({"web1": Load(per_cpu=4)})
    assert settle(queue, 2) == ["tolerant"]


def test_what_is_not_known_of_a_host_is_said() -> None:
    queue = Queue(one_at_a_time())
    queue.enter(item("first"))
    limits = {"web1": LoadLimits(max_load_per_cpu=2)}
    queue.enter(item("second", hosts=("web1",), load=limits))
    assert settle(queue, 0) == ["first"]
    assert why(queue, "second", 0).unknown_loads == "web1"


def test_who_waits_for_a_busy_host_keeps_nothing_from_others() -> None:
    queue = Queue(one_at_a_time())
    queue.set_loads({"web1": Load(per_cpu=9)})
    limits = {"web1": LoadLimits(max_load_per_cpu=2)}
    queue.enter(item("busy", hosts=("web1",), load=limits))
    assert settle(queue, 0) == []
    queue.enter(item("other", since=1000))
    assert settle(queue, 1000) == ["other"]


def test_hosts_that_one_run_holds_are_one_reason() -> None:
    hosts = [use(Kind.HOST_LOCK, f"web{n}", Mode.EXCLUSIVE) for n in range(1, 5)]
    queue = Queue()
    queue.enter(item("x", uses=tuple(hosts[:3])))
    queue.enter(item("y", uses=tuple(hosts[3:])))
    queue.enter(item("z", since=1, uses=tuple(hosts)))
    assert settle(queue, 1) == ["x", "y"]
    found = why(queue, "z", 1)
    assert [reason.text for reason in found.reasons] == [
        "waits for run x on host web[1-3]",
        "waits for run y on host web4",
    ]
    assert (queue.ahead_of("z", 1), found.level) == (0, Priority.NORMAL)


@pytest.mark.parametrize(
    ("now", "level"),
    [(0, Priority.LOW), (101, Priority.NORMAL), (301, Priority.URGENT), (400, None)],
)
def test_the_class_into_which_a_run_has_risen_is_told(now: float, level: Priority | None) -> None:
    queue = Queue(one_at_a_time())
    queue.seat(item("first"))
    queue.enter(item("low", "low"))
    settle(queue, 0)
    found = why(queue, "low", now)
    assert (found.level, found.aged_at) == (level, 400)
    assert found.reasons[0].text == "engine has 1 of at most 1 runs: run first"


def test_of_a_run_that_does_not_wait_nothing_is_known() -> None:
    assert Queue().get("nobody") is None
    with pytest.raises(KeyError):
        Queue().move("nobody", Priority.HIGH)

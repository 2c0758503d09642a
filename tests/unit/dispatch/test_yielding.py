"""Giving way: who is asked, what is kept meanwhile, and who goes on when."""

from __future__ import annotations

from core.dispatch import reasons
from core.dispatch.items import Item, Kind, Mode, Resource, Rules, use
from core.dispatch.queue import Queue
from core.domain.priorities import Priority

ENGINE = use(Kind.ENGINE)
STEP_S = 100.0
ALL = len(Priority)


def rules(limit: int = 1, **hosts: int) -> Rules:
    of_hosts = {Resource(Kind.HOST, name): number for name, number in hosts.items()}
    return Rules(ageing_s=STEP_S, limits={ENGINE.resource: limit} | of_hosts)


def item(run_id: str, priority: str = "normal", since: float = 0.0, **more: object) -> Item:
    given: dict[str, object] = {"owner": "ann", "uses": (ENGINE,), **more}
    return Item(run_id=run_id, priority=Priority(priority), since=since, **given)  # type: ignore[arg-type]


def settle(queue: Queue, now: float = 0.0) -> list[str]:
    begun = []
    while not queue.is_settled:
        if found := queue.next(now):
            begun.append(found.run_id)
    return begun


def orders(queue: Queue) -> dict[str, str | None]:
    return {each.run_id: each.to and each.to.run_id for each in queue.take_orders()}


def going(queue: Queue, *items: Item, now: float = 0.0, bears: int = ALL) -> None:
    """These runs go on, and bear to be asked."""
    for each in items:
        queue.enter(each)
        assert settle(queue, now) == [each.run_id]
        queue.set_bears(each.run_id, bears)


def test_a_more_urgent_run_asks_a_less_urgent_one_and_begins_when_that_gave_way() -> None:
    queue = Queue(rules())
    going(queue, item("low", "low"))
    queue.enter(item("high", "high"))
    assert settle(queue) == []
    assert orders(queue) == {"low": "high"}
    queue.suspend("low", "high", 5)
    assert settle(queue, 5) == ["high"]
    waiting = queue.get("low")
    assert waiting is not None
    assert waiting.item.gave_way_to == "high"
    queue.leave("high")
    assert settle(queue, 6) == ["low"]
    assert orders(queue) == {}


def test_nobody_asks_a_run_of_its_own_class_or_one_that_does_not_bear_it() -> None:
    for of_victim, bears in (("high", ALL), ("urgent", ALL), ("low", 0), ("low", 1)):
        queue = Queue(rules())
        going(queue, item("v", of_victim), bears=bears)
        queue.enter(item("w", "high"))
        assert settle(queue) == []
        assert orders(queue) == {}, (of_victim, bears)


def test_a_run_that_bears_it_later_is_asked_then() -> None:
    queue = Queue(rules())
    going(queue, item("v", "low"), bears=0)
    for number in range(3):
        queue.enter(item(f"w{number}", "high"))
        settle(queue)
    queue.set_bears("v", ALL)
    assert settle(queue) == []
    assert orders(queue) == {"v": "w0"}


def test_the_least_urgent_is_asked_and_of_those_who_began_last() -> None:
    queue = Queue(rules(limit=4))
    going(queue, item("low1", "low"), item("b1", "background"), item("b2", "background"))
    going(queue, item("low2", "low"))
    queue.enter(item("w", "normal"))
    settle(queue)
    assert orders(queue) == {"b2": "w"}


def test_each_waiting_run_has_another_run_give_way() -> None:
    queue = Queue(rules(limit=2))
    going(queue, item("v1", "low"), item("v2", "low"))
    for name in ("w1", "w2", "w3"):
        queue.enter(item(name, "high"))
        settle(queue)
    assert orders(queue) == {"v2": "w1", "v1": "w2"}
    queue.suspend("v2", "w1", 1)
    assert settle(queue, 1) == ["w1"], "it need not wait for those that give way to others"
    queue.suspend("v1", "w2", 1)
    assert settle(queue, 1) == ["w2"]


def test_what_was_given_for_a_run_is_kept_for_it_until_it_has_all() -> None:
    lock = use(Kind.LOCK, "db", Mode.EXCLUSIVE)
    host = use(Kind.HOST, "h")
    queue = Queue(rules(limit=9, h=1))
    going(queue, item("has_host", "low", uses=(host,)), item("has_lock", "low", uses=(lock,)))
    queue.enter(item("w", "high", uses=(host, lock)))
    settle(queue)
    assert orders(queue) == {"has_host": "w", "has_lock": "w"}
    queue.suspend("has_host", "w", 1)
    queue.enter(item("other", "high", uses=(host,)))
    assert settle(queue, 1) == [], "not even the run that gave it takes it back"
    queue.enter(item("first", "urgent", uses=(host,)))
    assert settle(queue, 1) == ["first"], "a more urgent run may"
    queue.leave("first")
    assert settle(queue, 1) == []
    queue.suspend("has_lock", "w", 2)
    assert settle(queue, 2) == ["w"]


def test_nobody_is_asked_in_vain() -> None:
    lock = use(Kind.LOCK, "db", Mode.EXCLUSIVE)
    queue = Queue(rules())
    going(queue, item("locks", "low", uses=(lock,)), bears=0)
    going(queue, item("v", "low"))
    queue.enter(item("w", "high", uses=(ENGINE, lock)))
    assert settle(queue) == []
    assert orders(queue) == {}, "the lock is not to be had"
    queue.leave("locks")
    assert settle(queue) == []
    assert orders(queue) == {"v": "w"}


def test_who_shares_a_lock_asks_only_the_run_that_has_it_alone() -> None:
    shared, alone = (use(Kind.LOCK, "db", mode) for mode in (Mode.SHARED, Mode.EXCLUSIVE))
    queue = Queue(rules())
    going(queue, item("v", "low", uses=(alone,)), now=350)
    queue.enter(item("w", "high", since=350, uses=(shared,)))
    settle(queue, 350)
    assert orders(queue) == {"v": "w"}
    queue.suspend("v", "w", 351)
    assert settle(queue, 351) == ["w"], "its victim has waited longer there, and does not go first"


def test_a_writer_asks_all_that_share_a_lock_or_nobody() -> None:
    shared, alone = (use(Kind.LOCK, "db", mode) for mode in (Mode.SHARED, Mode.EXCLUSIVE))
    for second, expected in (("low", {"r1": "w", "r2": "w"}), ("high", {})):
        queue = Queue(rules())
        going(queue, item("r1", "low", uses=(shared,)), item("r2", second, uses=(shared,)))
        queue.enter(item("w", "high", uses=(alone,)))
        settle(queue)
        assert orders(queue) == expected


def test_a_request_is_withdrawn_when_the_run_begins_without_it_or_waits_no_more() -> None:
    for ends in ("busy", "w"):
        queue = Queue(rules(limit=2))
        going(queue, item("busy", "high"), item("v", "low"))
        queue.enter(item("w", "high"))
        settle(queue)
        assert orders(queue) == {"v": "w"}
        queue.leave(ends)
        assert settle(queue) == (["w"] if ends == "busy" else [])
        assert orders(queue) == {"v": None}


def test_a_run_that_is_spared_gives_way_to_the_next_that_wants_it() -> None:
    queue = Queue(rules())
    going(queue, item("v", "low"))
    for name in ("w1", "w2"):
        queue.enter(item(name, "high"))
        settle(queue)
    assert orders(queue) == {"v": "w1"}
    queue.leave("w1")
    settle(queue)
    assert queue.claims.asked_for("v") == "w2"


def test_a_run_that_can_give_way_no_more_is_asked_no_more() -> None:
    queue = Queue(rules(limit=2))
    going(queue, item("v1", "low"), item("v2", "low"))
    queue.enter(item("w", "high"))
    settle(queue)
    assert orders(queue) == {"v2": "w"}
    queue.set_bears("v2", 0)
    settle(queue)
    assert orders(queue) == {"v1": "w"}


def test_a_frozen_engine_asks_nobody() -> None:
    queue = Queue(rules())
    going(queue, item("v", "low"))
    queue.enter(item("w", "high"))
    settle(queue)
    assert orders(queue) == {"v": "w"}
    frozen = Rules(ageing_s=STEP_S, limits=queue.rules.limits, frozen="ann")
    queue.set_rules(frozen)
    settle(queue)
    assert orders(queue) == {"v": None}
    queue.set_rules(rules())
    settle(queue)
    assert orders(queue) == {"v": "w"}


def test_its_age_is_the_time_that_it_waited_not_the_time_that_it_went_on() -> None:
    queue = Queue(rules())
    queue.enter(item("v", "low", since=0))
    assert settle(queue, 30) == ["v"]
    queue.set_bears("v", ALL)
    queue.enter(item("w", "high", since=1000))
    settle(queue, 1000)
    queue.suspend("v", "w", 1000)
    waiting = queue.get("v")
    assert waiting is not None
    assert waiting.item.since == 970


def test_a_run_that_has_waited_until_it_was_aged_is_spared() -> None:
    queue = Queue(rules())
    queue.enter(item("v", "low", since=0))
    assert settle(queue, 4 * STEP_S) == ["v"]
    queue.set_bears("v", ALL)
    queue.enter(item("w", "urgent", since=4 * STEP_S))
    settle(queue, 4 * STEP_S)
    assert orders(queue) == {}


def test_who_gave_way_goes_on_before_those_of_its_class_that_never_began() -> None:
    queue = Queue(rules(limit=2))
    going(queue, item("v1", "low"), item("v2", "low"))
    for name in ("n1", "n2"):
        queue.enter(item(name, "low"))
    for name in ("w1", "w2"):
        queue.enter(item(name, "high"))
    settle(queue)
    queue.suspend("v2", "w1", 10)
    queue.suspend("v1", "w2", 20)
    assert settle(queue, 20) == ["w1", "w2"]
    for name in ("w1", "w2"):
        queue.leave(name)
    assert settle(queue, 21) == ["v2", "v1"]


def test_the_first_aged_run_goes_before_any_claim() -> None:
    queue = Queue(rules())
    going(queue, item("v", "low"))
    queue.enter(item("old", "background", since=0))
    queue.enter(item("w", "high", since=5 * STEP_S))
    settle(queue, 5 * STEP_S)
    assert orders(queue) == {}, "what it would get is kept for another"


def test_a_claim_of_an_earlier_engine_goes_on() -> None:
    queue = Queue(rules())
    queue.seat(item("v", "low"), 7.0)
    queue.enter(item("w", "high"))
    assert queue.recall("v", "w")
    queue.set_bears("v", ALL)
    settle(queue)
    assert orders(queue) == {}, "it was asked already"
    queue.suspend("v", "w", 10)
    assert settle(queue, 10) == ["w"]
    assert not queue.recall("v", "w")


def test_why_names_those_that_give_way() -> None:
    queue = Queue(rules())
    going(queue, item("v", "low"))
    queue.enter(item("w", "high"))
    settle(queue)
    waiting = queue.get("w")
    assert waiting is not None
    texts = [reason.text for reason in reasons.why(queue, waiting, 0).reasons]
    assert texts == [
        "engine has 1 of at most 1 runs: run v",
        "run v gives way to it, at the end of its step or batch",
    ]

"""When notices go: never more than a channel bears, none lost, urgent ones at night too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import pacing
from core.domain.channel import ChannelSpec, Quiet
from core.domain.pacing import Plan, Waiting

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
NIGHT = {"begins": "22:00", "ends": "07:00", "time_zone": "Europe/Berlin"}


def channel(**spec: Any) -> ChannelSpec:
    return ChannelSpec.model_validate({"webhook": {"url": "https://example.org/"}, **spec})


def waiting(*ids: str) -> list[Waiting]:
    """`!id` is urgent."""
    return [Waiting(id_.lstrip("!"), id_.startswith("!")) for id_ in ids]


def ago(*seconds: float) -> list[datetime]:
    return [NOON - timedelta(seconds=each) for each in seconds]


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


THREE = {"rate": {"messages": 3, "per_s": 60}}


@pytest.mark.parametrize(
    ("sent", "ids", "messages", "again_s"),
    [
        ([], ["a", "b", "c"], (("a",), ("b",), ("c",)), None),
        ([], ["a", "b", "c", "d"], (("a",), ("b",), ("c", "d")), None),
        ([10], ["a", "b", "c", "d"], (("a",), ("b", "c", "d")), None),
        ([10, 20], ["a", "b"], (("a", "b"),), None),
        ([10, 20, 30], ["a"], (), 30),
        ([10, 20, 61], ["a"], (("a",),), None),
        ([10, 20, 25, 30], ["a"], (), 35),
        ([10], ["a", "!b"], (("b",), ("a",)), None),
    ],
)
def test_what_is_more_than_the_channel_bears_waits_or_goes_together(
    sent: list[float], ids: list[str], messages: Any, again_s: float | None
) -> None:
    plan = pacing.plan(channel(**THREE), waiting(*ids), ago(*sent), NOON)
    again = None if again_s is None else at(again_s)
    assert plan == Plan(messages=messages, again_at=again)


def test_at_night_only_what_is_urgent_goes() -> None:
    night = datetime(2027, 3, 1, 23, tzinfo=UTC)
    spec = channel(quiet=NIGHT)
    morning = datetime(2027, 3, 2, 6, tzinfo=UTC)
    assert pacing.plan(spec, waiting("a", "!b"), [], night) == Plan(
        messages=(("b",),), again_at=morning
    )
    assert pacing.plan(spec, waiting("a"), [], morning).messages == (("a",),)


@pytest.mark.parametrize(
    ("quiet", "now", "end"),
    [
        (NIGHT, datetime(2027, 3, 1, 20, 59, tzinfo=UTC), None),
        (NIGHT, datetime(2027, 3, 1, 21, tzinfo=UTC), datetime(2027, 3, 2, 6, tzinfo=UTC)),
        (NIGHT, datetime(2027, 3, 2, 5, 59, tzinfo=UTC), datetime(2027, 3, 2, 6, tzinfo=UTC)),
        # The clock is put forward in this night: the hours end when the clock says so.
        (NIGHT, datetime(2027, 3, 27, 23, tzinfo=UTC), datetime(2027, 3, 28, 5, tzinfo=UTC)),
        ({"begins": "12:00", "ends": "13:00"}, NOON, NOON + timedelta(hours=1)),
        ({"begins": "12:00", "ends": "13:00"}, NOON + timedelta(hours=1), None),
    ],
)
def test_quiet_hours_are_hours_of_a_clock_on_a_wall(
    quiet: dict[str, str], now: datetime, end: datetime | None
) -> None:
    assert pacing.quiet_end(Quiet.model_validate(quiet), now) == end


def test_a_channel_that_is_off_sends_nothing() -> None:
    assert pacing.plan(channel(enabled=False), waiting("a"), [], NOON) == Plan()


def test_pauses_grow_up_to_a_bound() -> None:
    assert [pacing.pause_s(tries) for tries in (1, 2, 3, 99)] == [10, 20, 40, 900]


def test_one_notice_is_its_message_and_several_say_how_many() -> None:
    assert pacing.together(["s"], ["b"]) == ("s", "b")
    assert pacing.together(["s", "t"], ["b", ""]) == ("Jobdeck: 2 notices", "s\nb\n\nt")


@given(st.lists(st.integers(0, 300), max_size=80), st.integers(1, 5), st.integers(5, 90))
def test_nothing_is_lost_or_doubled_and_the_bound_holds_at_every_moment(
    arrivals: list[int], messages: int, per_s: int
) -> None:
    spec = channel(rate={"messages": messages, "per_s": per_s})
    sent: list[datetime] = []
    told: list[str] = []
    left = sorted((second, f"n{number}") for number, second in enumerate(arrivals))
    queue: list[Waiting] = []
    for second in range(0, 2000, 5):
        while left and left[0][0] <= second:
            queue.append(Waiting(left.pop(0)[1]))
        plan = pacing.plan(spec, queue, sent, at(second))
        for ids in plan.messages:
            told += ids
            sent.append(at(second))
            queue = [each for each in queue if each.id not in ids]
        recent = [moment for moment in sent if moment > at(second) - timedelta(seconds=per_s)]
        assert len(recent) <= messages
        assert not queue or plan.again_at is not None
        if not queue and not left:
            break
    assert sorted(told) == sorted(f"n{number}" for number in range(len(arrivals)))

"""Room for targets, handed out in turn between runs."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from core.runtime.gate import Gate


async def served(places: list[str], room: int) -> list[str]:
    """The order in which runs get in, when all of `places` wait at the same time."""
    gate, order = Gate(room), list[str]()

    async def one(run: str) -> None:
        async with gate.room(run):
            order.append(run)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for run in places:
            group.create_task(one(run))
    return order


async def test_a_small_run_does_not_stand_behind_all_of_a_big_one() -> None:
    order = await served(["big"] * 50 + ["small"] * 3, room=1)
    assert order[:8] == ["big", "big", "small", "big", "small", "big", "small", "big"]


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(1, 5))
def test_everybody_gets_in_once_and_runs_that_wait_take_turns(places: list[str], room: int) -> None:
    order = asyncio.run(served(places, room))
    assert sorted(order) == sorted(places)
    late = order[room:]
    for at in range(len(late) - 1):
        if late[at] == late[at + 1]:
            # The same run twice in a row: nobody else was waiting any more.
            assert set(late[at:]) == {late[at]}


async def test_a_run_has_as_many_turns_as_its_share_and_none_has_none() -> None:
    shares = {"urgent": 4, "background": 1}
    gate, order = Gate(1, shares.__getitem__), list[str]()

    async def one(run: str) -> None:
        async with gate.room(run):
            order.append(run)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for run in ["background"] * 12 + ["urgent"] * 12:
            group.create_task(one(run))
    assert order[1:11].count("urgent") == 8
    assert order[1:11].count("background") == 2


async def test_targets_with_a_share_of_their_own_have_more_turns_than_others_of_their_run() -> None:
    gate, order = Gate(1), list[str]()

    async def one(name: str, share: int | None) -> None:
        async with gate.room("run", share):
            order.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for name, share in (("usual", None), ("urgent", 4)):
            for _ in range(12):
                group.create_task(one(name, share))
    assert order[:11].count("urgent") == 8


async def test_never_more_are_inside_than_there_is_room() -> None:
    gate, inside, most = Gate(3), 0, 0

    async def one(run: str) -> None:
        nonlocal inside, most
        async with gate.room(run):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async with asyncio.TaskGroup() as group:
        for number in range(30):
            group.create_task(one(f"run{number % 4}"))
    assert most == 3


async def test_who_stops_waiting_takes_no_room_and_loses_none() -> None:
    gate = Gate(1)
    inside, leave = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with gate.room("a"):
            inside.set()
            await leave.wait()

    async def pass_through() -> None:
        async with gate.room("b"):
            pass

    holder = asyncio.ensure_future(hold())
    await inside.wait()
    waiting = [asyncio.ensure_future(pass_through()) for _ in range(3)]
    await asyncio.sleep(0)
    leave.set()
    await asyncio.sleep(0)  # the first of them is handed the room, and is cancelled before it runs
    for task in waiting[:2]:
        task.cancel()
    await asyncio.wait({holder, *waiting})
    async with asyncio.timeout(5):
        await pass_through()

"""Nodes that wait and that run other work many times: their bounds, and what is too late or too bad."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.domain.run import RunState
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour
from core.storage.writer import timestamp
from tests.support.flowruns import Hosts, flow, node, started, states
from tests.support.runtime import ended, engine, save, start, step
from tests.support.waiting import eventually

R = RunState


class Counting:
    """Hosts that count who works at the same time, and go on when so many do."""

    def __init__(self, together: int, fails: frozenset[str] = frozenset()) -> None:
        self.together = together
        self.fails = fails
        self.most = 0
        self.order: list[str] = []
        self._now = 0
        self._room = asyncio.Event()

    def __call__(self, target: Target, work: Work | None) -> Behaviour:
        if work is None:
            return Behaviour()
        item = work.env["ITEM"]
        self.order.append(item)
        self._now += 1
        self.most = max(self.most, self._now)
        if self._now == self.together:
            asyncio.get_running_loop().call_later(0.05, self._let_go)
        return Behaviour(until=self._room, exit_code=int(item in self.fails))

    def _let_go(self) -> None:
        self._now = 0
        self._room.set()
        self._room = asyncio.Event()


async def test_no_more_items_run_at_the_same_time_than_it_says(home: Path) -> None:
    hosts = Counting(together=2)
    each = node(
        "for-each", "each", items="[1, 2, 3, 4]", concurrency=2, step=step("go", targets="h1")
    )
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(each))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED

    assert (hosts.most, sorted(hosts.order)) == (2, ["1", "2", "3", "4"])


async def test_a_batch_of_items_begins_when_the_one_before_has_ended(home: Path) -> None:
    hosts = Counting(together=2)
    each = node("for-each", "each", items="[1, 2, 3, 4]", batch=2, step=step("go", targets="h1"))
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(each))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED

    assert hosts.most == 2
    assert [sorted(hosts.order[:2]), sorted(hosts.order[2:])] == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize(
    ("percent", "state", "began"),
    [
        (50, R.SUCCEEDED, "1234"),
        (51, R.PARTIALLY_SUCCEEDED, "123"),
        (100, R.PARTIALLY_SUCCEEDED, "12"),
    ],
)
async def test_a_for_each_goes_on_while_enough_of_it_can_succeed(
    home: Path, percent: int, state: R, began: str
) -> None:
    hosts = Counting(together=1, fails=frozenset("23"))
    each = node("for-each", "each", items="[1, 2, 3, 4]", concurrency=1,
                continue_percent=percent, step=step("go", targets="h1"))  # fmt: skip
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(each))
        assert (await ended(opened, run.id)).state is state

    assert "".join(hosts.order) == began


async def test_every_host_has_a_run_of_its_own(home: Path) -> None:
    hosts = Hosts()
    hosts.fails = {"go": {"h2"}}
    each = node("for-each", "each", hosts="h[1-3]", continue_percent=60, step=step("go"))
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(each))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED

    assert sorted(hosts.began) == [("go", "h1"), ("go", "h2"), ("go", "h3")]


async def test_a_loop_asks_before_each_round_whether_it_goes_on(home: Path) -> None:
    made: list[str] = []

    def script(target: Target, work: Work | None) -> Behaviour:
        if work is not None:
            made.append(target.host)
        return Behaviour(output=((Stream.OUT, f"::set n={len(made)}::\n".encode()),))

    again = node("loop", "again", step=step("go", targets="h1"), repeat_while="round < 2", most=5)
    never = node("loop", "never", step=step("no", targets="h1"), repeat_while="false", most=5)
    async with engine(home, script) as (opened, _):
        run = await started(opened, flow(again, never))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED

    assert made == ["h1", "h1"]


async def test_a_wait_until_a_moment_ends_then_and_not_at_all_where_that_was(home: Path) -> None:
    async with engine(home, Hosts()) as (opened, _):
        now = opened.clock.now()

        def until(seconds: float) -> dict[str, Any]:
            moment = timestamp(now + timedelta(seconds=seconds))
            return node("wait", "w", until=f'time("{moment}")')

        run = await started(opened, flow(until(1), step("a")))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert opened.clock.now() - now >= timedelta(seconds=1)

        await save(opened, flow(until(-1), step("a")))
        run = await start(opened, flow="f", targets=None)
        row = await ended(opened, run.id)
        assert (row.state, "was over when it began" in row.reason) == (R.FAILED, True)


@pytest.mark.parametrize(
    ("on_timeout", "state", "following"),
    [("fail", R.TIMED_OUT, None), ("skip", R.PARTIALLY_SUCCEEDED, R.SUCCEEDED)],
)
async def test_an_event_that_does_not_come_in_time(
    home: Path, on_timeout: str, state: R, following: R | None
) -> None:
    wait = node("wait", "w", event="event.type = 'never'", timeout_s=0.1, on_timeout=on_timeout)
    async with engine(home, Hosts()) as (opened, _):
        run = await started(opened, flow(wait, step("a")))
        assert (await ended(opened, run.id)).state is state
        assert (await states(opened, run.id)).get("a") == following


async def test_a_note_is_drawn_and_does_nothing(home: Path) -> None:
    hosts = Hosts()
    note = {"kind": "note", "name": "why", "text": "asked for by the auditors"}
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(note, step("a", targets="h1")))
        await eventually(lambda: run.id not in opened.runs.live)
        assert await states(opened, run.id) == {"a": R.SUCCEEDED}

    assert hosts.began == [("a", "h1")]

"""Nodes whose work are runs of their own: a call, one for each item, and rounds.

A run of a node is found by its key, which names the node's attempt and the item: an engine that
comes back after any crash finds the run that was started and never starts a second one. Items
are settled when the node begins. When a node is tried again, what succeeded stands; a run that
failed is taken up in its own failed steps where it can be, and started anew where it cannot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core.domain import expressions
from core.domain.flow import Call, ForEach, Loop, Nested
from core.domain.run import RunState
from core.errors import Conflict, RequestError
from core.runtime.nodes.performance import STOPPED, NodeEnd, Performance

MOST_ITEMS = 10_000


@dataclass(frozen=True, slots=True)
class _Result:
    """How the run of one item ended."""

    run: str
    """"" where none could be started."""
    state: RunState
    reason: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        return self.state is RunState.SUCCEEDED

    def as_value(self, item: Any) -> dict[str, Any]:
        """As the node's outputs show it."""
        return {
            "item": item,
            "run": self.run,
            "state": self.state.value,
            "reason": self.reason,
            "outputs": dict(self.outputs),
        }


_UNSTARTED = _Result("", RunState.SKIPPED, "its turn never came")


def _result_from(value: Mapping[str, Any]) -> _Result:
    """As `as_value` has shown it."""
    return _Result(value["run"], RunState(value["state"]), value["reason"], value["outputs"])


async def call(performance: Performance, node: Call) -> NodeEnd | None:
    """One run; the node ends as it does."""
    before = (await performance.attempt_before()).get("run", "")
    result = await _run(performance, node, 0, before)
    if result is None:
        return STOPPED if performance.stopped.is_set() else None
    return NodeEnd(
        state=result.state,
        reason=result.reason,
        outputs={**result.outputs, "run": result.run},
        is_error=not result.run,
    )


async def for_each(performance: Performance, node: ForEach) -> NodeEnd | None:
    """A run for every item, several at a time; batches wait for each other."""
    before = await performance.attempt_before()
    items = await _items(performance, node, before)
    if isinstance(items, NodeEnd):
        return items
    earlier = [_result_from(each) for each in before.get("results", ())]
    results = {index: result for index, result in enumerate(earlier) if result.is_good}
    rest = [index for index in range(len(items)) if index not in results]
    size = node.batch or max(len(rest), 1)
    slots = asyncio.Semaphore(node.concurrency)

    async def one(index: int) -> None:
        async with slots:
            if not await performance.may_go_on() or _is_lost(node, len(items), results):
                return
            run = earlier[index].run if earlier else ""
            result = await _run(performance, node, index, run, {node.item: items[index]})
        if result is not None:
            results[index] = result

    for start in range(0, len(rest), size):
        async with asyncio.TaskGroup() as group:
            for index in rest[start : start + size]:
                group.create_task(one(index))
    is_whole = len(results) == len(items) or _is_lost(node, len(items), results)
    if not is_whole and not performance.stopped.is_set():
        return None
    return _judged(performance, node, items, results)


def _is_lost(node: ForEach, total: int, results: Mapping[int, _Result]) -> bool:
    """Whether so many failed that it can come to no good end."""
    bad = sum(not result.is_good for result in results.values())
    return 100 * (total - bad) < node.continue_percent * total


def _judged(
    performance: Performance, node: ForEach, items: Sequence[Any], results: Mapping[int, _Result]
) -> NodeEnd:
    good = sum(result.is_good for result in results.values())
    outputs = {
        "items": list(items),
        "results": [
            results.get(index, _UNSTARTED).as_value(item) for index, item in enumerate(items)
        ],
        "succeeded": good,
        "failed": len(results) - good,
    }
    if performance.stopped.is_set():
        return NodeEnd(state=RunState.STOPPED, reason=STOPPED.reason, outputs=outputs)
    if any(result.state is RunState.ABNORMAL for result in results.values()):
        state = RunState.ABNORMAL
    elif not _is_lost(node, len(items), results):
        return NodeEnd(outputs=outputs)
    else:
        state = RunState.PARTIALLY_SUCCEEDED if good else RunState.FAILED
    reason = f"{len(items) - good} of {len(items)} items did not succeed"
    return NodeEnd(state=state, reason=reason, outputs=outputs)


async def _items(
    performance: Performance, node: ForEach, before: Mapping[str, Any]
) -> list[Any] | NodeEnd:
    """The items, as they were when the node first began."""
    _, kept = await performance.begun()
    for known in (kept, before):
        if "items" in known:
            return list(known["items"])
    if node.hosts is not None:
        items: Any = list(await performance.services.children.hosts(node.hosts))
    else:
        assert node.items is not None
        items = expressions.to_json(await performance.value(node.items))
    if not isinstance(items, list):
        reason = f"`items` is no list: {node.items}"
        return NodeEnd(state=RunState.FAILED, reason=reason, is_error=True)
    if len(items) > MOST_ITEMS:
        reason = f"`items` are {len(items)}; {MOST_ITEMS} are the most"
        return NodeEnd(state=RunState.FAILED, reason=reason, is_error=True)
    await performance.keep({"items": items})
    return items


async def loop(performance: Performance, node: Loop) -> NodeEnd | None:
    """One run after the other; the rounds that were made are on record before the next begins."""
    _, own = await performance.begun()
    kept = own or await performance.attempt_before()
    rounds = [_result_from(each) for each in kept.get("rounds", ())]
    # The round that failed in the attempt before is made again.
    again = rounds.pop() if not own and rounds and not rounds[-1].is_good else None
    # An engine may have ended between a round and what follows from it, so that is asked first.
    while True:
        if rounds and not rounds[-1].is_good:
            last = rounds[-1]
            return NodeEnd(state=last.state, reason=last.reason, outputs=_rounds(rounds))
        seen = _seen(rounds)
        if await _is_enough(performance, node, seen):
            return NodeEnd(outputs=_rounds(rounds))
        if len(rounds) >= node.most:
            reason = f"it went round {node.most} times, and that is the most"
            return NodeEnd(state=RunState.FAILED, reason=reason, outputs=_rounds(rounds))
        if rounds and node.delay_s:
            moment = performance.services.clock.now() + timedelta(seconds=node.delay_s)
            await performance.sleep_until(moment)
        result = None
        if await performance.may_go_on():
            before = again.run if again is not None else ""
            result = await _run(performance, node, len(rounds), before, seen)
            again = None
        if result is None:
            if not performance.stopped.is_set():
                return None
            return NodeEnd(state=RunState.STOPPED, reason=STOPPED.reason, outputs=_rounds(rounds))
        rounds.append(result)
        await performance.keep(_rounds(rounds))


async def _is_enough(performance: Performance, node: Loop, seen: Mapping[str, Any]) -> bool:
    """Whether no further round is to be made; `repeat_until` is asked after rounds only."""
    if node.repeat_while is not None:
        return not await performance.holds(node.repeat_while, seen)
    assert node.repeat_until is not None
    return bool(seen["round"]) and await performance.holds(node.repeat_until, seen)


def _seen(rounds: Sequence[_Result]) -> dict[str, Any]:
    """What conditions of a loop see besides the rest: the number of rounds, and the last one."""
    return {"round": len(rounds), "last": dict(rounds[-1].outputs) if rounds else {}}


def _rounds(rounds: Sequence[_Result]) -> dict[str, Any]:
    return {"rounds": [each.as_value(number) for number, each in enumerate(rounds, 1)]}


async def _run(
    performance: Performance,
    node: Nested,
    index: int,
    before: str,
    seen: Mapping[str, Any] | None = None,
) -> _Result | None:
    """Run the work once, or take up the run `before` of an earlier attempt.

    `seen`: names that texts of the node may speak of. None when the run was not waited for.
    """
    children = performance.services.children
    key = f"node/{performance.run_id}/{node.name}/{performance.attempt}/{index}"
    try:
        again = f"run {performance.run_id}, node {node.name}: attempt {performance.attempt}"
        row = await children.take_up(before, again) if before else None
        if row is None:
            values = {
                name: await performance.made(value, seen) for name, value in node.parameters.items()
            }
            row = await children.start(
                performance.run_id, performance.definition, node, values, seen or {}, key
            )
    except (RequestError, Conflict) as error:
        return _Result("", RunState.FAILED, f"its run could not start: {error}")
    ended = await children.wait_for(row, performance.stopped)
    if ended is None:
        return None
    is_good = ended.state is RunState.SUCCEEDED
    reason = "" if is_good else f"run {ended.id} {ended.state}: {ended.reason}".rstrip(": ")
    return _Result(ended.id, ended.state, reason, await children.outputs(ended.id))

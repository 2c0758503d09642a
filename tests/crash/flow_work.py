"""Flows to be killed in: branches, items, rounds, a call, an approval, a notice, and undoing.

Every work notes its begin and its end in one ledger; what a flow promises stands in `EFFECTS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.crash.world import LOCAL

GOOD, BAD, SLOW = "good", "bad", "slow"
"""A flow that succeeds, one whose last step fails so that it is undone, and one that takes long."""
NEAR, FAR = LOCAL, "h1"
"""Where a flow's work is done: on the engine's own machine, and behind a real sshd."""
NAP_S = 1.5
"""What the slow one takes."""
CHANNEL = "ops"

_DONE = {"left": 1, "right": 2, "item 1": 1, "item 2": 1, "item 3": 1, "round": 2, "called": 1,
         "last": 1}  # fmt: skip
EFFECTS: Mapping[str, Mapping[str, int]] = {
    GOOD: _DONE,
    BAD: _DONE | {"un-left": 1, "un-right": 1},
    SLOW: {"nap": 1},
}
"""Flow -> what it does, and how often: the right branch fails once and is tried again."""
ENDS = {GOOD: "succeeded", BAD: "rolled_back", SLOW: "succeeded"}
TOLD = {GOOD: 2, BAD: 2, SLOW: 0}
"""Notices of a flow: somebody is asked, and its own."""


def name_of(flow: str, place: str) -> str:
    """What a flow is called that does its work at a place."""
    return f"{flow}-{place}"


def documents(ledger: Path, url: str) -> Iterator[dict[str, Any]]:
    """Everything that is saved; hosts are there already. `url`: of the channel."""
    for place in (NEAR, FAR):
        yield from _documents(ledger, place)
    hook = {"webhook": {"url": url, "secret": "hush-hush-1"}, "rate": {"messages": 1000},
            "wants": [{"topic": "approval-waiting"}]}  # fmt: skip
    yield {"kind": "channel", "name": CHANNEL, "spec": hook}


def _documents(ledger: Path, place: str) -> Iterator[dict[str, Any]]:
    def work(name: str, then: str = "true", nap_s: float = 0.05, **more: Any) -> dict[str, Any]:
        about = '"$JOBDECK_RUN" "$JOBDECK_STEP" "$JOBDECK_ATTEMPT" "${ITEM:-}"'
        begin, end = (
            f"printf '%s %s %s %s %s\\n' {word} {about} >> {ledger}" for word in ("begin", "end")
        )
        command = f"{begin}; echo {name}; sleep {nap_s}; {end}; {then}"
        return {"kind": "command", "name": name, "targets": place, "command": command, **more}

    def flow(name: str, **spec: Any) -> dict[str, Any]:
        return {"kind": "flow", "name": name_of(name, place), "spec": {"targets": place, **spec}}

    called = f"called-{place}"
    retried = '[ "$JOBDECK_ATTEMPT" -gt 1 ]'
    nodes = [
        {"kind": "parallel", "name": "split"},
        work("left", undo="un-left"),
        work("right", retried, undo="un-right", retry={"times": 1, "delay_s": 0.05}),
        {"kind": "for-each", "name": "every", "items": "[1, 2, 3]", "concurrency": 2,
         "step": work("item")},
        {"kind": "loop", "name": "again", "repeat_until": "round >= 2", "most": 3,
         "step": work("round")},
        {"kind": "run", "name": "call", "job": called},
        {"kind": "converge", "name": "join"},
        {"kind": "approval", "name": "ask", "message": "May it go on?", "forbid_requester": False},
        {"kind": "notify", "name": "tell", "channels": [CHANNEL], "subject": "it goes on"},
    ]  # fmt: skip
    edges = ["split -> left, right, every, again", "left -> call",
             "call, right, every, again -> join -> ask -> tell -> last"]  # fmt: skip
    undoes = [work("un-left"), work("un-right")]
    yield {"kind": "job", "name": called, "spec": {"targets": place, "steps": [work("called")]}}
    yield flow(GOOD, nodes=[*nodes, work("last"), *undoes], edges=edges)
    yield flow(BAD, nodes=[*nodes, work("last", "false"), *undoes], edges=edges,
               on_failure="roll_back")  # fmt: skip
    yield flow(SLOW, nodes=[work("nap", nap_s=NAP_S)])

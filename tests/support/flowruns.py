"""Flows in tests: their documents, hosts that do as they are told, and how their nodes stand."""

from __future__ import annotations

import asyncio
from typing import Any

from core.domain.run import RunState
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour
from core.runtime.engine import Engine
from core.storage.runs import RunRow
from tests.support.runtime import INVENTORY, save, start, steps_of


class Hosts:
    """Hosts that fail in the steps named in `fails`, and wait in those of `holds`."""

    def __init__(self) -> None:
        self.fails: dict[str, set[str]] = {}
        self.holds: dict[str, asyncio.Event] = {}
        self.prints: dict[str, str] = {}
        self.began: list[tuple[str, str]] = []

    def __call__(self, target: Target, work: Work | None) -> Behaviour:
        if work is None:
            return Behaviour()
        name = work.env["JOBDECK_STEP"]
        self.began.append((name, target.host))
        text = self.prints.get(name, "").replace("{host}", target.host)
        return Behaviour(
            output=((Stream.OUT, text.encode()),),
            exit_code=int(target.host in self.fails.get(name, ())),
            until=self.holds.get(name),
        )


def flow(*nodes: dict[str, Any], edges: list[str] | None = None, **more: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"targets": "h[1-2]", "nodes": list(nodes), **more}
    if edges is not None:
        spec["edges"] = edges
    return {"kind": "flow", "name": "f", "spec": spec}


def node(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, **more}


async def started(opened: Engine, *documents: dict[str, Any], **request: Any) -> RunRow:
    await save(opened, *INVENTORY, *documents)
    return await start(opened, flow="f", targets=None, **request)


async def states(opened: Engine, run_id: str) -> dict[str, RunState]:
    return {row.step: row.state for row in await steps_of(opened, run_id)}

"""A test run takes what a node came to from an earlier run, and says so; no other run may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.domain.run import RunState
from core.errors import Invalid, NotFound
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour
from core.runtime.engine import Engine
from tests.support.runtime import INVENTORY, ended, engine, job, save, start, step, steps_of

NODES = [
    step("build", undo="clean"),
    {"kind": "for-each", "name": "each", "items": "['a', 'b']", "job": "j"},
    {"kind": "exclusive", "name": "which"},
    step("big"),
    step("small"),
    step("clean"),
]
EDGES = [
    "build -> each -> which",
    "which -> big if number(vars.size) > 2 and nodes.each.outputs.succeeded = 2",
    "which -> small otherwise",
]


class Site:
    """Scripted hosts; the step build prints a size."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.size = 3

    def __call__(self, _target: Target, work: Work | None) -> Behaviour:
        if work is None:
            return Behaviour()
        self.began.append(work.env["JOBDECK_STEP"])
        text = f"::set size={self.size}::\n" if self.began[-1] == "build" else ""
        return Behaviour(output=((Stream.OUT, text.encode()),))


async def first(opened: Engine, site: Site) -> str:
    """A run that went well; what a build prints is smaller since."""
    spec = {"targets": "h1", "nodes": NODES, "edges": EDGES}
    flow = {"kind": "flow", "name": "f", "spec": spec}
    await save(opened, *INVENTORY, job("j", step("go"), targets="h1"), flow)
    run = await start(opened, flow="f", targets=None)
    assert (await ended(opened, run.id)).state is RunState.SUCCEEDED
    assert site.began == ["build", "go", "go", "big"]
    site.began.clear()
    site.size = 1
    return run.id


async def tried(opened: Engine, **request: Any) -> str:
    run = await start(opened, flow="f", targets=None, test=True, **request)
    assert (await ended(opened, run.id)).state is RunState.SUCCEEDED
    return run.id


async def test_a_frozen_node_is_not_performed_and_has_the_outputs_of_then(home: Path) -> None:
    site = Site()
    async with engine(home, site) as (opened, _):
        before = await first(opened, site)

        run = await tried(opened, frozen={"build": before, "each": before[:12]})

        assert site.began == ["big"]
        rows = {row.step: row for row in await steps_of(opened, run)}
        assert rows["build"].outputs == {"size": "3"}
        assert rows["each"].outputs["succeeded"] == 2
        assert rows["each"].reason == f"not performed: outputs of run {before}"


async def test_only_what_is_named_is_frozen(home: Path) -> None:
    site = Site()
    async with engine(home, site) as (opened, _):
        before = await first(opened, site)
        await tried(opened, frozen={"each": before})
        assert site.began == ["build", "small"]


@pytest.mark.parametrize(
    ("node", "what"),
    [
        ("small", "it did not begin in run"),
        ("nothing", "it did not begin in run"),
        ("which", "it only decides, asks people, or undoes"),
    ],
)
async def test_what_cannot_be_frozen_is_refused(home: Path, node: str, what: str) -> None:
    site = Site()
    async with engine(home, site) as (opened, _):
        before = await first(opened, site)
        with pytest.raises(Invalid, match=what):
            await start(opened, flow="f", targets=None, test=True, frozen={node: before})
        with pytest.raises(NotFound):
            await start(opened, flow="f", targets=None, test=True, frozen={"build": "01KNOTHING"})
        assert site.began == []


async def test_a_run_that_is_no_test_freezes_nothing(home: Path) -> None:
    async with engine(home, Site()) as (opened, _):
        with pytest.raises(ValueError, match="say `test` too"):
            await start(opened, flow="f", targets=None, frozen={"build": "01KAAAAAAAAA"})

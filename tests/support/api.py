"""An engine with scripted hosts, its API, and a client of it; all in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import Request

from core.api.app import Api as App
from core.api.app import create_app
from core.bootstrap import open_engine
from core.config import Settings
from core.domain.actions import Stop
from core.domain.authorization import Actor
from core.errors import Conflict
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.home import Home
from core.runtime.engine import Engine
from core.storage.journal import last_seq

OWNER = Actor("ada")
PREFIX = "/api/v1"
_PATIENCE_S = 20.0


@dataclass
class Hosts:
    """What the hosts of a test do, by name; the others print their name and succeed."""

    behaviours: dict[str, Behaviour] = field(default_factory=dict)

    def __call__(self, target: Target, work: Work | None) -> Behaviour:
        default = Behaviour(output=((Stream.OUT, f"{target.host}\n".encode()),))
        return self.behaviours.get(target.host, default)


@dataclass
class Api:
    """The API of a running engine, as a client sees it."""

    app: App
    engine: Engine
    hosts: Hosts
    executor: ScriptedExecutor
    http: httpx.AsyncClient

    async def get(self, path: str, **settings: Any) -> httpx.Response:
        return await self.http.get(PREFIX + path, **settings)

    async def post(self, path: str, json: Any = None, **settings: Any) -> httpx.Response:
        return await self.http.post(PREFIX + path, json=json, **settings)

    async def put(self, path: str, json: Any = None, **settings: Any) -> httpx.Response:
        return await self.http.put(PREFIX + path, json=json, **settings)

    async def delete(self, path: str, **settings: Any) -> httpx.Response:
        return await self.http.delete(PREFIX + path, **settings)

    async def apply(self, *documents: Mapping[str, Any]) -> None:
        """Put documents in place."""
        answer = await self.post("/apply", {"documents": list(documents)})
        assert answer.status_code == 200, answer.text

    async def run(self, request: Mapping[str, Any]) -> str:
        """Start a run and wait for its end; its id."""
        answer = await self.post("/runs", request)
        assert answer.status_code == 202, answer.text
        run_id: str = answer.json()["id"]
        await self.ended(run_id)
        return run_id

    async def ended(self, run_id: str) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while driver := self.engine.runs.live.get(run_id):
                await driver.finished.wait()
                await asyncio.sleep(0)

    @property
    def journal_end(self) -> int:
        """Number of the newest journal entry: equal before and after what changed nothing."""
        return self.engine.store.reader.read_now(last_seq)


def host(name: str, **spec: Any) -> dict[str, Any]:
    """A host document that needs no account."""
    return {"kind": "host", "name": name, "spec": {"protocol": "local", **spec}}


def command(text: str = "true", **fields: Any) -> dict[str, Any]:
    """A request for one command."""
    return {"step": {"kind": "command", "name": "main", "command": text}, **fields}


@asynccontextmanager
async def running_api(
    home: Path, actor: Callable[[Request], Actor] = lambda _: OWNER, **settings: Any
) -> AsyncIterator[Api]:
    """An engine on `home` with scripted hosts, and its API."""
    hosts = Hosts()
    executor = ScriptedExecutor(hosts)
    engine = open_engine(
        Home(home),
        Settings(**settings),
        executors={"ssh": executor, "local": executor},
        periodic=False,
    )
    app = create_app(engine, actor)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    await engine.start()
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://jobdeck") as http:
            yield Api(app, engine, hosts, executor, http)
    finally:
        for run_id in [*engine.runs.live]:
            with suppress(Conflict):
                await engine.runs.act(run_id, Stop(reason="the test is over"), OWNER.name)
        await engine.stop()

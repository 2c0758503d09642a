"""Facts, health and the test of connections on real sshds, through a real engine."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.bootstrap import open_engine
from core.config import Settings
from core.domain.run import TargetState
from core.flow.definition import RunRequest
from core.flow.dryrun import PlanLevel, PlanState
from core.home import Home
from core.runtime.engine import Engine
from core.storage import hosts
from tests.support.runtime import save
from tests.support.sshd import Sshd
from tests.support.work import key_text

pytestmark = pytest.mark.needs("sshd")


def host(sshd: Sshd, index: int, name: str, **spec: Any) -> dict[str, Any]:
    given = {"address": sshd.addresses[index], "port": sshd.port, "account": "me"}
    return {"kind": "host", "name": name, "spec": {**given, "environment": "lab", **spec}}


@pytest.fixture
async def site(home: Path, sshd: Sshd) -> AsyncIterator[Engine]:
    """A gate, a host behind it, one that nobody lets in, and one where nobody listens."""
    opened = open_engine(Home(home / "j"), Settings(connect_timeout_s=10), periodic=False)
    await opened.start()
    account = {"user": getpass.getuser(), "key": key_text(sshd.client_key)}
    await save(
        opened,
        {"kind": "environment", "name": "lab", "spec": {"host_keys": "accept-new"}},
        {"kind": "account", "name": "me", "spec": account},
        {"kind": "account", "name": "nobody", "spec": {"user": "no-such-user", "password": "x"}},
        host(sshd, 0, "gate", health_s=60),
        host(sshd, 1, "inner", jump=["gate"]),
        host(sshd, 2, "closed", account="nobody"),
        host(sshd, 3, "silent", port=1, health_s=60),
    )
    try:
        yield opened
    finally:
        await opened.stop()


async def test_a_connection_test_says_how_far_it_came(site: Engine) -> None:
    step = {"kind": "command", "name": "test", "command": "true"}
    request = RunRequest.model_validate({"targets": "all", "step": step})
    made = await site.plans.make(request, PlanLevel.PROBE, "ann")
    async with asyncio.timeout(30):
        while True:
            plan = await site.plans.get(made.row.id)
            if plan.row.state is not PlanState.PROBING:
                break
            await asyncio.sleep(0.05)

    found = {finding.host: finding for finding in plan.findings}
    assert {name: finding.stopped_at for name, finding in found.items()} == {
        "closed": "login", "gate": None, "inner": None, "silent": "connection",
    }  # fmt: skip
    inner = found["inner"]
    assert inner.path == ["gate", "inner"]
    assert inner.reached_ms is not None
    assert inner.took_ms is not None
    assert 0 < inner.reached_ms <= inner.took_ms


async def test_facts_and_health_come_over_ssh(site: Engine) -> None:
    found = {each.host: each for each in await site.gathering.gather(["inner", "closed"], "ann")}
    assert found["inner"].state is TargetState.SUCCESS
    assert found["inner"].facts.keys() >= {"os.id", "kernel", "cpus", "mem_gb", "uptime_h"}
    assert found["closed"].code == "AuthenticationFailure"

    await site.watching.tick()
    states = await site.store.reader.read(lambda c: hosts.states(c, site.clock.now()))
    health = {name: state.health for name, state in states.items() if state.health}
    assert {name: standing.state.value for name, standing in health.items()} == {
        "gate": "up", "silent": "down",
    }  # fmt: skip
    assert "refuses the connection" in health["silent"].message

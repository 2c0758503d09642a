"""Every protocol that a host document may name, and every access of a step, has an executor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

from core.clock import ManualClock
from core.domain.inventory import Protocol
from core.domain.steps import Step
from core.executors.hostkeybook import InMemoryHostKeys
from core.executors.registry import Access, open_access

ROOT = Path(__file__).parents[3]


async def test_every_protocol_and_every_access_of_a_step_has_an_executor(home: Path) -> None:
    clock = ManualClock()
    book = InMemoryHostKeys(clock.now)
    access = open_access(Access(book=book, clock=clock, staging=home, cancel_grace_s=7))

    of_steps = {kind.access for kind in get_args(get_args(Step)[0]) if kind.access is not None}
    assert set(access) == {protocol.value for protocol in Protocol} | of_steps
    for executor in access.values():
        await executor.close()


def test_what_an_engine_may_never_need_is_not_loaded_at_its_start() -> None:
    program = (
        "import sys, console.cli.engine; from core.lean import without\n"  # as `engine run` does
        "with without('rich'): import core.bootstrap\n"
        "import core.api.app, core.api.serve; print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    loaded = set(done.stdout.split())
    drivers = {"psycopg", "pymysql", "pytds", "oracledb"}
    others = {"winrm", "requests", "asyncssh", "httpx", "rich.console", "alembic"}
    assert loaded & {*drivers, *others} == set()
    assert loaded & {"jsonpath_rfc9535", "yaml", "core.api.runs", "core.domain.importing"} == set()


def test_tokens_are_long_and_never_the_same(home: Path) -> None:
    clock = ManualClock()
    access = Access(book=InMemoryHostKeys(clock.now), clock=clock, staging=home)
    tokens = {access.new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {32}

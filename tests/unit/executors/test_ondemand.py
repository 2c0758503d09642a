"""An executor that is made when the first target is entered: once, whoever comes first."""

from __future__ import annotations

import asyncio
import sys

import pytest

from core.executors.ondemand import OnDemand
from core.executors.protocol import Executor, Login, Target
from core.executors.scripted import Behaviour, ScriptedExecutor

WEB01 = Target(host="web01", address="192.0.2.1", login=Login(user="ops"))


def scripted(*_: object) -> ScriptedExecutor:
    return ScriptedExecutor(lambda *_: Behaviour())


async def test_nothing_is_loaded_or_made_before_a_target_is_entered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    made: list[Executor] = []

    def make() -> Executor:
        made.append(scripted())
        return made[-1]

    executor = OnDemand("this", make)
    assert (made, "this" in sys.modules) == ([], False)

    async def enter() -> None:
        async with executor.open(WEB01) as session:
            assert session is not None

    await asyncio.gather(*(enter() for _ in range(5)))
    await enter()

    assert (len(made), "this" in sys.modules) == (1, True)
    await executor.close()


async def test_what_was_never_entered_has_nothing_to_close() -> None:
    executor = OnDemand("this", lambda: pytest.fail("it was made to be closed"))

    await executor.close()

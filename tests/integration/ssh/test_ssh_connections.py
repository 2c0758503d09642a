"""Connections that are kept: shared, bounded, found out when stale, and closed."""

from __future__ import annotations

import asyncio
import re

import pytest

from core.domain.run import TargetState
from core.errors import TargetError
from core.executors.protocol import Login
from core.executors.ssh import SshExecutor
from core.executors.stopping import StopSignal
from tests.integration.ssh.conftest import MakeExecutor, Serve
from tests.support.sshd import Sshd, loopback
from tests.support.waiting import eventually
from tests.support.work import MemorySink, book_of, command, key_text, login, run, target

pytestmark = pytest.mark.needs("sshd")


def logins(sshd: Sshd) -> int:
    return len(re.findall("Accepted publickey", sshd.log.read_text()))


async def test_work_after_work_uses_one_connection(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd))

    for _ in range(5):
        await run(executor, target(sshd), "true")

    assert (logins(sshd), executor.open_connections) == (1, 1)


async def test_works_at_the_same_time_share_one_login(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd))

    await asyncio.gather(*(run(executor, target(sshd), "sleep 0.3") for _ in range(8)))

    assert logins(sshd) == 1


async def test_more_sessions_than_a_connection_takes_open_another(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd), channels=8)

    results = await asyncio.gather(*(run(executor, target(sshd), "sleep 0.5") for _ in range(20)))

    assert {result.outcome.state for result in results} == {TargetState.SUCCESS}
    assert logins(sshd) == 3


async def test_a_host_that_takes_fewer_sessions_than_we_would_use_is_obeyed(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(config="MaxSessions 2")
    executor = make_executor(book_of(sshd))

    results = await asyncio.gather(*(run(executor, target(sshd), "sleep 0.3") for _ in range(8)))

    assert {result.outcome.state for result in results} == {TargetState.SUCCESS}


async def test_a_host_that_takes_one_session_takes_one_work_after_the_other(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(config="MaxSessions 1")
    executor = make_executor(book_of(sshd))

    for n in range(200):
        result = await run(executor, target(sshd), f"echo {n}")
        assert (result.outcome.state, result.out) == (TargetState.SUCCESS, f"{n}\n".encode()), n


async def test_a_host_that_takes_one_session_is_not_asked_for_two_by_many_quick_works(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(config="MaxSessions 1")
    executor = make_executor(book_of(sshd))

    for _ in range(10):
        results = await asyncio.gather(*(run(executor, target(sshd), "true") for _ in range(6)))
        assert {result.outcome.state for result in results} == {TargetState.SUCCESS}


async def test_a_host_that_takes_no_session_at_all_is_explained(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(config="MaxSessions 0")

    outcome = (await run(make_executor(book_of(sshd)), target(sshd), "true")).outcome

    assert outcome.state is TargetState.UNREACHABLE
    assert "refuses to open a session" in outcome.message


async def test_a_stale_connection_is_replaced_without_a_word(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd))
    await run(executor, target(sshd), "true")

    async with executor.open(target(sshd)) as session:
        sshd.cut_connections()
        sink = MemorySink()
        outcome = await session.run(command("echo again"), sink, StopSignal())

    assert (outcome.state, sink.out) == (TargetState.SUCCESS, b"again\n")
    assert logins(sshd) == 2


async def test_a_connection_cut_while_it_was_idle_is_not_given_out(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd))
    await run(executor, target(sshd), "true")

    sshd.cut_connections()
    await eventually(lambda: executor.open_connections == 0)

    assert (await run(executor, target(sshd), "echo again")).out == b"again\n"


async def test_unused_connections_close_after_a_while(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd), idle_s=0.2)
    await run(executor, target(sshd), "true")
    assert executor.open_connections == 1

    await eventually(lambda: executor.open_connections == 0)
    await eventually(lambda: not sshd.sessions())


async def test_a_used_connection_is_not_closed_for_being_old(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd), idle_s=0.1)

    result = await run(executor, target(sshd), "sleep 0.5; echo done")

    assert result.out == b"done\n"


async def test_only_so_many_unused_connections_are_kept(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(addresses=loopback(6, network=25))
    executor = make_executor(book_of(sshd), kept=2)

    for index in range(6):
        await run(executor, target(sshd, index), "true")

    assert executor.open_connections == 2
    before = logins(sshd)
    await run(executor, target(sshd, 5), "true")  # the last used is kept
    assert logins(sshd) == before


@pytest.mark.parametrize("options", [{"kept": 0}, {"idle_s": 0}], ids=["none kept", "no time"])
async def test_keeping_nothing_works_too(
    make_executor: MakeExecutor, serve: Serve, options: dict[str, int]
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd), **options)

    results = await asyncio.gather(*(run(executor, target(sshd), "echo in") for _ in range(20)))

    assert [result.out for result in results] == [b"in\n"] * 20
    await eventually(lambda: executor.open_connections == 0)


async def test_another_login_is_another_connection(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd))
    with_passphrase = Login(user=login().user, key=key_text(sshd.client_key, "p"), passphrase="p")

    await run(executor, target(sshd), "true")
    await run(executor, target(sshd, login=with_passphrase), "true")

    assert executor.open_connections == 2


async def test_a_wrong_secret_never_rides_on_a_right_one(executor: SshExecutor, sshd: Sshd) -> None:
    right = Login(user=login().user, key=key_text(sshd.client_key, "p"), passphrase="p")
    wrong = Login(user=login().user, key=key_text(sshd.client_key, "p"), passphrase="q")
    assert (await run(executor, target(sshd, login=right), "echo in")).out == b"in\n"

    with pytest.raises(TargetError, match="the passphrase does not open its key"):
        await run(executor, target(sshd, login=wrong), "true")


async def test_those_who_wait_for_one_login_share_its_failure(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd))
    sshd.pause()
    try:
        hanging = target(sshd, connect_timeout_s=1)
        results = await asyncio.wait_for(
            asyncio.gather(
                *(run(executor, hanging, "true") for _ in range(20)), return_exceptions=True
            ),
            8,
        )
    finally:
        sshd.resume()

    assert {type(result) for result in results} == {TargetError}


async def test_who_gives_up_waiting_takes_nobody_along(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd))
    sshd.pause()
    first, second = (
        asyncio.ensure_future(run(executor, target(sshd), "echo in")) for _ in range(2)
    )
    await asyncio.sleep(0.2)
    first.cancel()
    await asyncio.wait({first})
    sshd.resume()

    assert first.cancelled()
    assert (await second).out == b"in\n"


async def test_a_login_that_nobody_waits_for_any_more_is_dropped(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd))
    sshd.pause()
    only = asyncio.ensure_future(run(executor, target(sshd), "true"))
    await asyncio.sleep(0.2)
    only.cancel()
    await asyncio.wait({only})
    late = asyncio.ensure_future(run(executor, target(sshd), "echo in"))
    sshd.resume()

    assert (await late).out == b"in\n"


async def test_closing_ends_connections_and_those_who_wait(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd))
    await run(executor, target(sshd), "true")
    sshd.pause()
    waiting = asyncio.ensure_future(run(executor, target(sshd, host="another"), "true"))
    await asyncio.sleep(0.2)
    await executor.close()
    sshd.resume()

    with pytest.raises(TargetError, match="the engine is stopping"):
        await waiting
    with pytest.raises(TargetError, match="the engine is stopping"):
        await run(executor, target(sshd), "true")
    assert executor.open_connections == 0

"""Two hundred hosts at once behind real sshds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator

import pytest
import uvloop

from core.domain.run import TargetCode, TargetState
from core.errors import TargetError
from core.executors.ssh import SshExecutor
from core.executors.stopping import StopSignal
from tests.integration.ssh.conftest import MakeExecutor
from tests.support.sshd import Sshd, free_port, loopback
from tests.support.work import QUICK, Result, book_of, command, new_token, run, target

pytestmark = [pytest.mark.needs("sshd"), pytest.mark.timeout(180)]

HOSTS = 200


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("fleet"), loopback(HOSTS, network=30)) as sshd:
        yield sshd


@pytest.mark.parametrize("run_loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_200_hosts_at_once(
    fleet: Sshd, run_loop: Callable[[Coroutine[object, object, None]], None]
) -> None:
    run_loop(visit_all(fleet))


async def visit_all(fleet: Sshd) -> None:
    executor = SshExecutor(book_of(fleet), QUICK, new_token, environ={})
    text = 'set -- $SSH_CONNECTION; echo "$3"; echo "to $N" >&2; exit $((N % 7))'

    results = await asyncio.gather(
        *(
            run(executor, target(fleet, n, connect_timeout_s=120), command(text, env={"N": str(n)}))
            for n in range(HOSTS)
        )
    )

    assert [result.out.decode().strip() for result in results] == fleet.addresses
    assert [result.sink.err for result in results] == [f"to {n}\n".encode() for n in range(HOSTS)]
    assert [result.outcome.exit_code for result in results] == [n % 7 for n in range(HOSTS)]
    assert executor.open_connections == HOSTS
    await executor.close()


async def test_good_hosts_are_not_held_up_by_bad_ones(
    fleet: Sshd, make_executor: MakeExecutor
) -> None:
    executor = make_executor(book_of(fleet))
    nobody = free_port(fleet.addresses[:1])

    async def reach(n: int) -> Result | TargetError:
        port = nobody if n % 2 else fleet.port
        try:
            return await run(
                executor, target(fleet, n, port=port, connect_timeout_s=120), f"echo {n}"
            )
        except TargetError as error:
            return error

    results = await asyncio.gather(*(reach(n) for n in range(60)))

    for n, result in enumerate(results):
        if isinstance(result, TargetError):
            assert n % 2 == 1
            assert result.target_code == TargetCode.CONNECTION_FAILURE
            assert f"host{n + 1:03} " in result.message
        else:
            assert (result.outcome.state, result.out) == (TargetState.SUCCESS, f"{n}\n".encode())


async def test_work_on_200_hosts_is_stopped_everywhere(
    fleet: Sshd, make_executor: MakeExecutor
) -> None:
    executor, stop = make_executor(book_of(fleet)), StopSignal()
    running = [
        asyncio.ensure_future(
            run(executor, target(fleet, n, connect_timeout_s=120), "echo $$; exec sleep 1000", stop)
        )
        for n in range(HOSTS)
    ]
    await asyncio.sleep(1)  # some run by then, some still connect
    stop.set()
    outcomes = [result.outcome for result in await asyncio.gather(*running)]

    assert {outcome.state for outcome in outcomes} == {TargetState.TERMINATED}
    assert {outcome.code for outcome in outcomes} == {TargetCode.CANCELLED}

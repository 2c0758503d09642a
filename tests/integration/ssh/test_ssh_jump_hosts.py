"""Ways through other hosts: each hop with its own login and its own host key."""

from __future__ import annotations

import asyncio

import asyncssh
import pytest

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Target
from core.executors.ssh import SshExecutor
from tests.integration.ssh.conftest import BOTH_CARRIERS, MakeExecutor, Serve, connections_of
from tests.support.sshd import Sshd, free_port, loopback
from tests.support.work import book_of, command, login, run, target

pytestmark = pytest.mark.needs("sshd")
CARRIERS = BOTH_CARRIERS


@pytest.fixture
def gates(serve: Serve) -> tuple[Sshd, Sshd]:
    """Two hosts to pass."""
    return serve(addresses=loopback(1, network=23)), serve(addresses=loopback(1, network=24))


def hops(*gates: Sshd) -> tuple[Target, ...]:
    return tuple(target(gate, host=f"gate{n}") for n, gate in enumerate(gates, start=1))


async def refusal(executor: SshExecutor, to: Target) -> TargetError:
    with pytest.raises(TargetError) as caught:
        await run(executor, to, "true")
    return caught.value


async def test_work_runs_behind_two_hops(
    make_executor: MakeExecutor, sshd: Sshd, gates: tuple[Sshd, Sshd]
) -> None:
    executor = make_executor(book_of(sshd, *gates))

    result = await run(
        executor,
        target(sshd, jumps=hops(*gates)),
        command('echo "$A $SSH_CONNECTION"', env={"A": "in"}),
    )

    # The last hop is who the host sees.
    assert result.out.decode().startswith("in 127.")
    assert await connections_of(executor) == 3
    for gate in gates:
        assert "Accepted publickey" in gate.log.read_text()


async def test_hosts_behind_the_same_hop_share_its_connection(
    make_executor: MakeExecutor, sshd: Sshd, gates: tuple[Sshd, Sshd]
) -> None:
    executor = make_executor(book_of(sshd, *gates))

    results = await asyncio.gather(
        *(run(executor, target(sshd, n, jumps=hops(gates[0])), f"echo {n}") for n in range(4))
    )

    assert [result.out for result in results] == [f"{n}\n".encode() for n in range(4)]
    assert await connections_of(executor) == 5
    assert gates[0].log.read_text().count("Accepted publickey") == 1


async def test_a_hop_stays_open_while_something_goes_through_it(
    make_executor: MakeExecutor, sshd: Sshd, gates: tuple[Sshd, Sshd]
) -> None:
    executor = make_executor(book_of(sshd, *gates), idle_s=0.2)

    result = await run(executor, target(sshd, jumps=hops(*gates)), "sleep 1; echo done")

    assert result.out == b"done\n"


async def test_a_refused_login_at_a_hop_names_the_hop(
    make_executor: MakeExecutor, sshd: Sshd, gates: tuple[Sshd, Sshd]
) -> None:
    first, second = hops(*gates)
    stranger = target(
        gates[1], host=second.host, login=login(asyncssh.generate_private_key("ssh-ed25519"))
    )
    executor = make_executor(book_of(sshd, *gates))

    error = await refusal(executor, target(sshd, jumps=(first, stranger)))

    assert error.target_code == TargetCode.AUTHENTICATION_FAILURE
    assert error.message.startswith(f"at the jump host gate2: gate2 ({gates[1].addresses[0]} port")


async def test_a_hop_that_is_down_names_the_hop(
    make_executor: MakeExecutor, sshd: Sshd, gates: tuple[Sshd, Sshd]
) -> None:
    _, second = hops(*gates)
    down = target(gates[0], host="gate1", port=free_port(gates[0].addresses))

    error = await refusal(make_executor(book_of(sshd, *gates)), target(sshd, jumps=(down, second)))

    assert error.target_code == TargetCode.CONNECTION_FAILURE
    assert "at the jump host gate1: gate1" in error.message
    assert "refuses the connection" in error.message


async def test_a_host_that_the_hop_cannot_reach_is_named_with_the_hop(
    make_executor: MakeExecutor, sshd: Sshd, gates: tuple[Sshd, Sshd]
) -> None:
    to = target(sshd, port=free_port(sshd.addresses), jumps=hops(gates[0]))

    error = await refusal(make_executor(book_of(sshd, *gates)), to)

    assert error.target_code == TargetCode.CONNECTION_FAILURE
    assert "host001" in error.message
    assert "cannot be reached from the jump host gate1: Connection refused" in error.message


async def test_a_hop_that_forbids_forwarding_says_so(
    make_executor: MakeExecutor, sshd: Sshd, serve: Serve
) -> None:
    gate = serve(config="AllowTcpForwarding no")

    error = await refusal(make_executor(book_of(sshd, gate)), target(sshd, jumps=hops(gate)))

    assert "cannot be reached from the jump host gate1" in error.message
    assert "AllowTcpForwarding" in error.hint


async def test_a_hop_that_hangs_is_given_up_in_time(
    make_executor: MakeExecutor, sshd: Sshd, gates: tuple[Sshd, Sshd]
) -> None:
    gates[0].pause()
    try:
        hanging = target(gates[0], host="gate1", connect_timeout_s=0.5)
        error = await refusal(make_executor(book_of(sshd, *gates)), target(sshd, jumps=(hanging,)))
    finally:
        gates[0].resume()

    assert error.target_code == TargetCode.CONNECTION_TIMEOUT
    assert "at the jump host gate1" in error.message


async def test_a_name_is_looked_up_by_the_hop(
    make_executor: MakeExecutor, sshd: Sshd, gates: tuple[Sshd, Sshd]
) -> None:
    book = book_of(sshd, gates[0])
    to = target(sshd, address="known-to-nobody.invalid", jumps=hops(gates[0]))

    error = await refusal(make_executor(book), to)

    assert error.target_code == TargetCode.CONNECTION_FAILURE
    assert "from the jump host gate1" in error.message

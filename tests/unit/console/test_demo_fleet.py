"""The demo fleet answers as real hosts do, and is gone when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import asyncssh
import pytest

import assets
from console.demo import leftovers
from console.demo.fleet import ADDRESS, USER, Fleet
from console.demo.machines import MACHINES
from core.domain import yamlsafe

SAMPLES = Path(assets.__file__).parent / "samples"


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with Fleet() as running:
        yield running


def connect(
    fleet: Fleet, host: str, key: str | None = None
) -> AbstractAsyncContextManager[asyncssh.SSHClientConnection]:
    return asyncssh.connect(
        ADDRESS,
        fleet.ports[host],
        username=USER,
        client_keys=[asyncssh.import_private_key(key or fleet.private_key)],
        known_hosts=None,
        config=None,
        agent_path=None,
    )


async def test_a_command_gives_back_its_output_errors_and_exit_status(fleet: Fleet) -> None:
    async with connect(fleet, "web01") as connection:
        result = await connection.run("cat; echo oops >&2; exit 7", input="in\n")
    assert (result.stdout, result.stderr, result.exit_status) == ("in\n", "oops\n", 7)


async def test_a_shell_takes_its_program_from_standard_input(fleet: Fleet) -> None:
    async with connect(fleet, "web01") as connection:
        result = await connection.run(None, input="hostname; exit 3\n")
    assert (result.stdout, result.exit_status) == ("web01\n", 3)


async def test_much_output_arrives_whole(fleet: Fleet) -> None:
    async with connect(fleet, "web01") as connection:
        result = await connection.run("head -c 5000000 /dev/zero", encoding=None)
    assert result.stdout == bytes(5_000_000)


async def test_a_signal_request_reaches_the_whole_process_group(fleet: Fleet) -> None:
    async with connect(fleet, "web01") as connection:
        process = await connection.create_process("(echo ready; sleep 60); echo not reached")
        await process.stdout.readline()
        process.send_signal("TERM")
        result = await process.wait()
    assert result.exit_signal is not None
    assert (result.exit_signal[0], result.stdout) == ("TERM", "")


async def test_a_second_channel_can_end_the_process_group_of_the_first(fleet: Fleet) -> None:
    async with connect(fleet, "web01") as connection:
        process = await connection.create_process("echo $$; sleep 60")
        pid = int(await process.stdout.readline())
        await connection.run(f"kill -KILL -{pid}", check=True)
        result = await process.wait()
    assert result.exit_signal is not None
    assert result.exit_signal[0] == "KILL"


async def test_the_programs_of_a_host_tell_its_role(fleet: Fleet) -> None:
    async with connect(fleet, "web03") as web, connect(fleet, "broken1") as broken:
        version = await web.run("nginx -v 2>&1")
        state = await broken.run("systemctl is-active nginx")
    assert version.stdout == "nginx version: nginx/1.24.0\n"
    assert (state.stdout, state.exit_status) == ("failed\n", 3)


async def test_every_host_has_its_own_key(fleet: Fleet) -> None:
    async with connect(fleet, "db1") as connection:
        shown = connection.get_server_host_key()
    assert shown is not None
    assert shown.get_fingerprint() == fleet.fingerprints["db1"]
    assert len(set(fleet.fingerprints.values())) == len(fleet.fingerprints) == len(MACHINES) - 1


async def test_another_key_opens_nothing(fleet: Fleet) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with pytest.raises(asyncssh.PermissionDenied):
        async with connect(fleet, "web01", stranger):
            pass


async def test_the_host_that_is_gone_refuses_connections(fleet: Fleet) -> None:
    with pytest.raises(ConnectionRefusedError):
        async with connect(fleet, "gone1"):
            pass


async def test_the_slow_host_takes_its_time(fleet: Fleet) -> None:
    slow = max(MACHINES, key=lambda machine: machine.delay_s)
    clock = asyncio.get_running_loop().time
    started = clock()
    async with connect(fleet, slow.name) as connection:
        await connection.run("true", check=True)
    assert clock() - started >= 2 * slow.delay_s


async def test_nothing_is_left_of_what_detached_itself(fleet: Fleet) -> None:
    async with connect(fleet, "web01") as connection:
        await connection.run(
            "nohup sh -c 'trap : TERM HUP; cd /; sleep 60' >/dev/null 2>&1 </dev/null & :",
            check=True,
        )
    assert list(leftovers.pids(fleet.root))
    await fleet.__aexit__()
    assert not list(leftovers.pids(fleet.root))
    assert not fleet.root.exists()


async def test_nothing_is_left_when_the_demo_is_cancelled_in_the_middle() -> None:
    root = asyncio.get_running_loop().create_future()

    async def demo() -> None:
        async with Fleet() as fleet, connect(fleet, "web01") as connection:
            process = await connection.create_process("echo ready; sleep 60")
            await process.stdout.readline()
            root.set_result(fleet.root)
            await process.wait()

    task = asyncio.create_task(demo())
    folder = await root
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list(leftovers.pids(folder))
    assert not folder.exists()


async def test_the_fleet_is_the_sample_hosts() -> None:
    text = (SAMPLES / "hosts.yaml").read_text(encoding="utf-8")
    sample = [document.value["name"] for document in yamlsafe.load_all(text)]  # type: ignore[call-overload,index]
    assert [machine.name for machine in MACHINES] == sample

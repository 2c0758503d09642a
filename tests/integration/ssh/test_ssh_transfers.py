"""Files through a real sshd: cut lines, killed programs, many hosts, little memory."""

from __future__ import annotations

import asyncio
import filecmp
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import msgspec
import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import BecomeLogin, Target, Work
from core.executors.ssh import SshExecutor
from core.executors.stopping import StopSignal
from tests.integration.ssh.conftest import BOTH_CARRIERS, MakeExecutor, Serve
from tests.support.sshd import Sshd, kill
from tests.support.transfers import pull, push
from tests.support.waiting import eventually
from tests.support.work import (
    ACCEPT_NEW,
    MemorySink,
    Result,
    book_of,
    login,
    run,
    target,
)

pytestmark = pytest.mark.needs("sshd")
CARRIERS = BOTH_CARRIERS

MB = 1_000_000


@pytest.fixture
def big(home: Path) -> Path:
    path = home / "big"
    path.write_bytes(os.urandom(20 * MB))
    return path


def is_same(one: Path, other: Path) -> bool:
    return filecmp.cmp(one, other, shallow=False)


def part_in(folder: Path) -> int:
    """Bytes of the unfinished copy in `folder`; 0 where there is none."""
    return sum(path.stat().st_size for path in folder.glob(".jobdeck-*.part"))


async def test_one_file_goes_to_many_hosts_and_comes_back(
    executor: SshExecutor, sshd: Sshd, big: Path, home: Path
) -> None:
    async def there_and_back(index: int) -> None:
        host, folder = target(sshd, index), home / f"there{index}"
        names = {"JOBDECK_HOST": host.host}
        sent = await run(executor, host, push(names, files=[str(big)], to=f"{folder}/"))
        assert sent.outcome.state is TargetState.SUCCESS, sent
        assert is_same(big, folder / "big")
        got = await run(executor, host, pull(names, files=[f"{folder}/b*"], to=f"{home}/got"))
        assert got.outcome.state is TargetState.SUCCESS, got
        assert is_same(big, home / "got" / host.host / "big")

    await asyncio.gather(*(there_and_back(index) for index in range(4)))


async def test_a_cut_line_is_taken_up_at_the_byte(
    make_executor: MakeExecutor, serve: Serve, big: Path, home: Path
) -> None:
    sshd = serve()
    executor, there, sink = make_executor(book_of(sshd)), home / "there", MemorySink()
    work = push(files=[str(big)], to=f"{there}/", bytes_per_s=20 * MB)
    async with executor.open(target(sshd)) as session:
        going = asyncio.ensure_future(session.run(work, sink, StopSignal()))
        await eventually(lambda: part_in(there) > 2 * MB)
        sshd.cut_connections()
        outcome = await going

    assert outcome.state is TargetState.SUCCESS, Result(outcome, sink)
    assert b"big: going on at byte " in sink.note
    assert is_same(big, there / "big")
    assert part_in(there) == 0


async def test_whoever_is_killed_in_the_middle_leaves_the_old_file(
    make_executor: MakeExecutor, serve: Serve, big: Path, home: Path
) -> None:
    sshd = serve()
    executor, there, sink = make_executor(book_of(sshd)), home / "there", MemorySink()
    there.mkdir()
    (there / "big").write_bytes(b"old")
    work = push(files=[str(big)], to=f"{there}/", bytes_per_s=10 * MB)
    async with executor.open(target(sshd)) as session:
        going = asyncio.ensure_future(session.run(work, sink, StopSignal()))
        await eventually(lambda: part_in(there) > 2 * MB)
        kill(sshd.sessions())
        sshd.authorize()
        await eventually(lambda: b"going on in" in sink.note)
        assert (there / "big").read_bytes() == b"old"
        going.cancel()
        await asyncio.wait({going})

    assert (there / "big").read_bytes() == b"old"


async def test_a_stop_leaves_the_old_file_and_says_so(
    executor: SshExecutor, sshd: Sshd, big: Path, home: Path
) -> None:
    there, sink, stop = home / "there", MemorySink(), StopSignal()
    work = push(files=[str(big)], to=f"{there}/", bytes_per_s=2 * MB)
    async with executor.open(target(sshd)) as session:
        going = asyncio.ensure_future(session.run(work, sink, stop))
        await eventually(lambda: part_in(there) > 0)
        stop.set()
        outcome = await going

    assert outcome.state is TargetState.TERMINATED
    assert "no other was touched" in outcome.message
    assert not (there / "big").exists()


async def test_a_source_that_changes_on_the_way_replaces_nothing(
    executor: SshExecutor, sshd: Sshd, big: Path, home: Path
) -> None:
    there, sink = home / "there", MemorySink()
    there.mkdir()
    (there / "big").write_bytes(b"old")
    work = push(files=[str(big)], to=f"{there}/", bytes_per_s=10 * MB)
    async with executor.open(target(sshd)) as session:
        going = asyncio.ensure_future(session.run(work, sink, StopSignal()))
        await eventually(lambda: part_in(there) > 0)
        with big.open("r+b") as file:
            file.seek(19 * MB)
            file.write(b"changed")
        outcome = await going

    assert outcome.state is TargetState.CHECKSUM_MISMATCH
    assert (there / "big").read_bytes() == b"old"
    assert part_in(there) == 0


async def test_a_host_without_a_shell_is_brought_files_by_sftp(
    make_executor: MakeExecutor, serve: Serve, big: Path, home: Path
) -> None:
    sshd = serve(config="ForceCommand internal-sftp")
    executor, there = make_executor(book_of(sshd)), home / "there"
    (home / "src" / "sub").mkdir(parents=True)
    (home / "src" / "sub" / "a").write_bytes(b"a")
    files = {"files": [str(big), str(home / "src")], "to": f"{there}/"}
    first = await run(executor, target(sshd), push(**files, mode="0640"))
    (there / "src/sub/a").write_bytes(b"b\n")
    checked = await run(executor, target(sshd), push(**files, check=True))
    again = await run(executor, target(sshd), push(**files))
    (there / "src" / "link").symlink_to("/etc/passwd")
    wanted = {"files": [f"{there}/b*", f"{there}/src"], "to": f"{home}/got"}
    back = [await run(executor, target(sshd), pull(**wanted)) for _ in range(2)]
    absent = await run(executor, target(sshd), pull(files=["/none/*"], to=f"{home}/got"))
    owned = await run(executor, target(sshd), push(**files, owner="root"))

    assert first.outcome.state is TargetState.SUCCESS, first
    assert b"no shell there; by SFTP" in first.sink.note
    assert is_same(big, there / "big")
    assert (there / "big").stat().st_mode & 0o777 == 0o640
    assert checked.out.count(b"unchanged") == 1
    assert b"-b\n+a\n" in checked.out
    assert again.out.count(b"unchanged") == 1
    assert again.out.count(b"replaced") == 1
    assert (there / "src/sub/a").read_bytes() == b"a"
    assert part_in(there) == 0
    assert [result.out.count(b"created") for result in back] == [2, 0]
    assert is_same(big, home / "got/web1/big")
    assert (home / "got/web1/src/sub/a").read_bytes() == b"a"
    assert not (home / "got/web1/src/link").exists()
    assert absent.outcome.state is TargetState.FILE_SOURCE_MISSING
    assert "UID:GID" in owned.outcome.message


async def test_sftp_goes_on_with_a_beginning_and_follows_no_link(
    make_executor: MakeExecutor, serve: Serve, big: Path, home: Path
) -> None:
    sshd = serve(config="ForceCommand internal-sftp")
    executor, there, sink = make_executor(book_of(sshd)), home / "there", MemorySink()
    work = push(files=[str(big)], to=f"{there}/", bytes_per_s=20 * MB)
    async with executor.open(target(sshd)) as session:
        going = asyncio.ensure_future(session.run(work, sink, StopSignal()))
        await eventually(lambda: part_in(there) > 2 * MB)
        sshd.cut_connections()
        outcome = await going
    (home / "src").mkdir()
    (home / "src" / "x").write_bytes(b"x")
    (there / "src").symlink_to(home)
    refused = await run(executor, target(sshd), push(files=[str(home / "src")], to=f"{there}/"))

    assert outcome.state is TargetState.SUCCESS, Result(outcome, sink)
    assert b"big: going on at byte " in sink.note
    assert is_same(big, there / "big")
    assert "nothing is written outside the folder" in refused.outcome.message
    assert not (home / "x").exists()


@pytest.fixture
async def only_subsystems(home: Path) -> AsyncIterator[Target]:
    """A server that refuses every program and gives SFTP, as appliances do (no sshd can be told to)."""
    key, host_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (home / "authorized").write_bytes(key.export_public_key())
    server = await asyncssh.listen(
        "127.0.0.1",
        server_host_keys=[host_key],
        authorized_client_keys=str(home / "authorized"),
        sftp_factory=True,
    )
    yield Target(
        host="box",
        address="127.0.0.1",
        port=server.get_port(),
        login=login(key),
        connect_timeout_s=20.0,
        host_key=ACCEPT_NEW,
    )
    server.close()
    await server.wait_closed()


async def test_without_a_shell_nobody_becomes_another_user_and_nothing_is_written(
    make_executor: MakeExecutor, serve: Serve, only_subsystems: Target, home: Path
) -> None:
    bare = serve(config="ForceCommand internal-sftp")
    executor, there = make_executor(book_of(bare)), home / "there"
    there.mkdir()
    (home / "mine").write_text("mine")
    become = BecomeLogin(method="sudo", user="www-data", password=None)

    for at, said in (
        (only_subsystems, "has no shell there, and without one nobody becomes www-data"),
        (target(bare), "refused without a word (is there a shell behind the account?)"),
    ):
        other = msgspec.structs.replace(at, login=msgspec.structs.replace(at.login, become=become))
        for work in (
            push(text="x", to=f"{there}/x"),
            push(text="x", to=f"{there}/x", check=True),
            pull(files=[f"{home}/mine"], to=str(there)),
        ):
            result = await run(executor, other, work)

            assert result.outcome.code is TargetCode.BECOME_FAILURE, result
            assert said in result.outcome.message
            assert list(there.iterdir()) == []

    assert (
        await run(executor, only_subsystems, push(text="x", to=f"{there}/x"))
    ).outcome.state is (TargetState.SUCCESS)


@pytest.fixture
def only_scp(serve: Serve, home: Path) -> Sshd:
    """A host whose account can be asked for `scp` and nothing else."""
    gate = home / "gate"
    gate.write_text(
        '#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in scp\\ *) eval "$SSH_ORIGINAL_COMMAND"; esac\n'
    )
    gate.chmod(0o755)
    return serve(config=f"ForceCommand {gate}")


@pytest.mark.needs("scp")
async def test_a_host_without_shell_and_sftp_is_brought_files_by_scp(
    make_executor: MakeExecutor, only_scp: Sshd, big: Path, home: Path
) -> None:
    executor, there = make_executor(book_of(only_scp)), home / "it's there"
    there.mkdir()

    async def carry(work: Work) -> Result:
        return await run(executor, target(only_scp), work)

    first = await carry(push(files=[str(big)], to=f"{there}/", mode="0640"))
    again = await carry(push(files=[str(big)], to=f"{there}/"))
    (there / "a").write_bytes(b"b\n")
    (there / "a").chmod(0o604)
    checked = await carry(push(text="a\n", to=f"{there}/a", check=True))
    kept = await carry(push(text="a\n", to=f"{there}/a", exists="skip"))
    replaced = await carry(push(text="a\n", to=f"{there}/a"))
    back = [await carry(pull(files=[f"{there}/big"], to=f"{home}/got")) for _ in range(2)]

    assert first.outcome.state is TargetState.SUCCESS, first
    assert b"no SFTP either; by SCP" in first.sink.note
    assert is_same(big, there / "big")
    assert (there / "big").stat().st_mode & 0o777 == 0o640
    assert [result.out.split()[0] for result in (again, checked, kept, replaced)] == [
        b"unchanged", b"replace", b"skipped", b"replaced",
    ]  # fmt: skip
    assert b"-b\n+a\n" in checked.out
    assert ((there / "a").read_bytes(), (there / "a").stat().st_mode & 0o777) == (b"a\n", 0o604)
    assert [result.out.split()[0] for result in back] == [b"created", b"unchanged"]
    assert is_same(big, home / "got/web1/big")


@pytest.mark.needs("scp")
async def test_scp_begins_anew_where_a_line_was_cut(
    make_executor: MakeExecutor, only_scp: Sshd, big: Path, home: Path
) -> None:
    executor, there, sink = make_executor(book_of(only_scp)), home / "big there", MemorySink()
    work = push(files=[str(big)], to=str(there), bytes_per_s=20 * MB)
    async with executor.open(target(only_scp)) as session:
        going = asyncio.ensure_future(session.run(work, sink, StopSignal()))
        await eventually(lambda: there.exists() and there.stat().st_size > 2 * MB)
        only_scp.cut_connections()
        outcome = await going

    assert outcome.state is TargetState.SUCCESS, Result(outcome, sink)
    assert b"going on in" in sink.note
    assert is_same(big, there)


@pytest.mark.needs("scp")
@pytest.mark.parametrize(
    ("work", "said"),
    [
        (push(text="x", to="/none/x"), "/none/x: No such file or directory"),
        (push(text="x", to="/tmp/x", owner="0:0"), "SCP alone gives no owner"),
        (push(text="x", to="/tmp"), "tmp cannot be written there"),
        (
            pull(files=["/none/x"], to="/tmp/got"),
            "/none/x: No such file or directory on the target",
        ),
        (pull(files=["/etc/*"], to="/tmp/got"), "SCP alone knows no patterns"),
        (pull(files=["/etc"], to="/tmp/got"), "not a regular file"),
    ],
    ids=lambda given: given if isinstance(given, str) else type(given.task).__name__,
)
async def test_what_scp_cannot_do_is_refused(
    make_executor: MakeExecutor, only_scp: Sshd, work: Work, said: str
) -> None:
    result = await run(make_executor(book_of(only_scp)), target(only_scp), work)
    assert said in result.outcome.message, result
    assert result.outcome.state in (TargetState.FILE_FAILED, TargetState.FILE_SOURCE_MISSING)


async def test_a_host_that_gives_neither_shell_nor_sftp_is_named(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(config="ForceCommand /bin/false")
    result = await run(make_executor(book_of(sshd)), target(sshd), push(text="x", to="/tmp/x"))

    assert result.outcome.state is TargetState.SUBMIT_FAILED
    assert "gives neither a shell, SFTP nor SCP" in result.outcome.message

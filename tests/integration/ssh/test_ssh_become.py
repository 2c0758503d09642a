"""Turning into another user by sudo and su, with and without passwords."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import BecomeLogin, Outcome, Target
from core.executors.ssh import SshExecutor
from core.executors.stopping import StopSignal
from tests.integration.ssh.conftest import MakeExecutor
from tests.support.processes import alive
from tests.support.sshd import Sshd, temporary_sshd
from tests.support.users import User, Users
from tests.support.work import MemorySink, book_of, command, login, run, script, target

pytestmark = [
    pytest.mark.needs("sshd", "sudo", "su"),
    pytest.mark.needs_root,
]


@pytest.fixture(scope="module")
def homes() -> Iterator[Sshd]:
    """An sshd whose users begin in their own homes."""
    with temporary_sshd(own_homes=True) as sshd:
        yield sshd


@pytest.fixture
def executor(make_executor: MakeExecutor, homes: Sshd) -> SshExecutor:
    return make_executor(book_of(homes))


@pytest.fixture(scope="module")
def asked(users: Users) -> User:
    """May become anybody by sudo, with the own password."""
    return users.user("asked", login_shell="/bin/bash", sudo="ALL=(ALL) ALL")


@pytest.fixture(scope="module")
def trusted(users: Users) -> User:
    """May become anybody by sudo, without a password."""
    return users.user("trusted", login_shell="/bin/bash", sudo="ALL=(ALL) NOPASSWD: ALL")


@pytest.fixture(scope="module")
def plain(users: Users) -> User:
    """May become nobody by sudo."""
    return users.user("plain")


@pytest.fixture(scope="module")
def other(users: Users) -> User:
    """Whom the others become."""
    return users.user("other")


def entered(
    sshd: Sshd, user: User, become: str, password: str | None = None, *, method: str = "sudo"
) -> Target:
    door = BecomeLogin(method=method, user=become, password=password)
    return target(sshd, login=login(sshd.client_key, user.name, become=door))


def ended(outcome: Outcome) -> tuple[TargetState, TargetCode | None]:
    return outcome.state, outcome.code


REFUSED = (TargetState.AUTH_FAILED, TargetCode.BECOME_FAILURE)


async def test_sudo_with_a_password(executor: SshExecutor, homes: Sshd, asked: User) -> None:
    result = await run(executor, entered(homes, asked, "root", asked.password), "id -un; exit 3")

    assert (result.out, result.outcome.exit_code) == (b"root\n", 3)
    assert (result.sink.err, result.sink.note.count(b"password")) == (b"", 0)


async def test_sudo_without_a_password(executor: SshExecutor, homes: Sshd, trusted: User) -> None:
    result = await run(executor, entered(homes, trusted, "root"), "id -un")

    assert result.out == b"root\n"


async def test_a_password_that_nobody_asks_for_reaches_nobody(
    executor: SshExecutor, homes: Sshd, trusted: User
) -> None:
    result = await run(
        executor, entered(homes, trusted, "root", "echo hunter2"), "id -un; read -r x || echo end"
    )

    assert result.out == b"root\nend\n"
    assert b"hunter2" not in result.sink.err + result.sink.note


async def test_su_with_a_password(
    executor: SshExecutor, homes: Sshd, plain: User, other: User
) -> None:
    to = entered(homes, plain, other.name, other.password, method="su")

    result = await run(executor, to, "id -un; echo err >&2; exit 4")

    assert (result.out, result.outcome.exit_code) == (f"{other.name}\n".encode(), 4)
    assert result.sink.err == b"err\n"
    assert b"Password" not in result.sink.note


async def test_work_begins_in_the_home_of_the_other_user(
    executor: SshExecutor, homes: Sshd, asked: User, plain: User, other: User
) -> None:
    by_sudo = await run(
        executor, entered(homes, asked, other.name, asked.password), "pwd; echo $HOME"
    )
    by_su = await run(
        executor, entered(homes, plain, other.name, other.password, method="su"), "pwd"
    )

    assert by_sudo.out.decode().split() == [str(other.home)] * 2
    assert by_su.out.decode().split() == [str(other.home)]


async def test_values_scripts_and_outputs_pass_the_door(
    executor: SshExecutor, homes: Sshd, asked: User
) -> None:
    hostile = 'it\'s \\ "$HOME" `id`\n!'
    text = """printf %s "$V"; id -un >&2; printf {} >"$JOBDECK_OUTPUT"; exit 5"""
    work = script(text, "bash", env={"V": hostile}, collect_outputs=True)

    result = await run(executor, entered(homes, asked, "root", asked.password), work)

    assert (result.out.decode(), result.sink.err) == (hostile, b"root\n")
    assert (result.outcome.exit_code, result.outcome.outputs_file) == (5, b"{}")


async def test_output_behind_the_door_is_byte_exact(
    executor: SshExecutor, homes: Sshd, asked: User, plain: User, other: User
) -> None:
    text = "import os\nos.write(1, bytes(range(256)) * 1000)"
    for to in (
        entered(homes, asked, "root", asked.password),
        entered(homes, plain, other.name, other.password, method="su"),
    ):
        result = await run(executor, to, script(text, "python3"))

        assert result.out == bytes(range(256)) * 1000


@pytest.mark.parametrize("method", ["sudo", "su"])
async def test_a_wrong_password_is_refused_and_nothing_runs(
    executor: SshExecutor,
    homes: Sshd,
    asked: User,
    other: User,
    method: str,
    tmp_path: Path,
) -> None:
    trace = tmp_path / "trace"
    to = entered(homes, asked, other.name, "wrong password", method=method)

    result = await asyncio.wait_for(run(executor, to, f"touch {trace}"), 15)

    assert ended(result.outcome) == REFUSED
    assert "wrong password" not in result.outcome.message
    assert result.out == b""
    assert not trace.exists()


async def test_a_missing_password_is_refused_at_once(
    executor: SshExecutor, homes: Sshd, asked: User, plain: User, other: User
) -> None:
    by_sudo = await run(executor, entered(homes, asked, "root"), "true")
    by_su = await run(executor, entered(homes, plain, other.name, method="su"), "true")

    assert ended(by_sudo.outcome) == ended(by_su.outcome) == REFUSED
    assert "a password is required" in by_sudo.outcome.message
    assert "the account has none" in by_su.outcome.message


async def test_a_user_who_may_not_is_told_in_sudos_words(
    executor: SshExecutor, homes: Sshd, plain: User
) -> None:
    outcome = (await run(executor, entered(homes, plain, "root", plain.password), "true")).outcome

    assert ended(outcome) == REFUSED
    assert "is not in the sudoers file" in outcome.message


@pytest.mark.parametrize("method", ["sudo", "su"])
async def test_a_user_that_does_not_exist_is_named(
    executor: SshExecutor, homes: Sshd, trusted: User, method: str
) -> None:
    to = entered(homes, trusted, "nobody-of-that-name", method=method)

    outcome = (await run(executor, to, "true")).outcome

    assert ended(outcome) == (TargetState.USER_MISSING, TargetCode.BECOME_FAILURE)
    assert "there is no user nobody-of-that-name to become" in outcome.message


async def test_a_signal_is_seen_through_the_door(
    executor: SshExecutor, homes: Sshd, trusted: User
) -> None:
    outcome = (await run(executor, entered(homes, trusted, "root"), "kill -KILL $$")).outcome

    assert (outcome.code, outcome.signal) == (TargetCode.SIGNALLED, "KILL")


@pytest.mark.parametrize("method", ["sudo", "su"])
async def test_a_stop_ends_the_other_users_processes(
    executor: SshExecutor, homes: Sshd, asked: User, other: User, method: str
) -> None:
    password = asked.password if method == "sudo" else other.password
    to = entered(homes, asked, other.name, password, method=method)
    sink, stop = MemorySink(), StopSignal()
    text = "trap '' TERM; sleep 1000 & echo $!; echo $$; sleep 1000"
    async with executor.open(to) as session:
        running = asyncio.ensure_future(session.run(command(text), sink, stop))
        await sink.heard.wait()
        stop.set()
        outcome = await asyncio.wait_for(running, 30)

    assert ended(outcome) == (TargetState.TERMINATED, TargetCode.CANCELLED)
    assert alive(sink.out.split()) == []


async def test_a_time_limit_ends_the_other_users_processes(
    executor: SshExecutor, homes: Sshd, asked: User
) -> None:
    to = entered(homes, asked, "root", asked.password)

    result = await run(executor, to, command("echo $$; sleep 1000", timeout_s=0.4))

    assert result.outcome.code is TargetCode.COMMAND_TIMEOUT
    assert "are gone" in result.outcome.message
    assert alive(result.out.split()) == []

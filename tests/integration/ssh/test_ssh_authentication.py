"""Getting in: exactly what the account offers, in order; and what a refusal says."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Login, Target
from core.executors.ssh import SshExecutor
from tests.integration.ssh.conftest import MakeExecutor, Serve
from tests.support.sshd import Sshd
from tests.support.users import Users
from tests.support.waiting import eventually
from tests.support.work import book_of, key_text, login, run, target

pytestmark = pytest.mark.needs("sshd")


async def refusal(executor: SshExecutor, to: Target) -> TargetError:
    with pytest.raises(TargetError) as caught:
        await run(executor, to, "true")
    assert caught.value.target_code == TargetCode.AUTHENTICATION_FAILURE
    return caught.value


async def gets_in(executor: SshExecutor, to: Target) -> bool:
    return (await run(executor, to, "echo in")).out == b"in\n"


@pytest.mark.parametrize("type_", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
async def test_a_key_in_the_account_opens(
    make_executor: MakeExecutor, serve: Serve, type_: str
) -> None:
    sshd = serve()
    key = asyncssh.generate_private_key(type_)
    sshd.authorize(key)

    assert await gets_in(make_executor(book_of(sshd)), target(sshd, login=login(key)))


async def test_a_key_file_on_the_engines_machine_opens(
    executor: SshExecutor, sshd: Sshd, tmp_path: Path
) -> None:
    file = tmp_path / "id"
    file.write_text(key_text(sshd.client_key))

    assert await gets_in(executor, target(sshd, login=login(key_file=str(file))))


async def test_a_key_file_that_was_replaced_is_read_again(
    executor: SshExecutor, sshd: Sshd, tmp_path: Path
) -> None:
    file = tmp_path / "id"
    file.write_text(key_text(asyncssh.generate_private_key("ssh-ed25519")))
    to = target(sshd, login=login(key_file=str(file)))
    await refusal(executor, to)

    file.write_text(key_text(sshd.client_key))

    assert await gets_in(executor, to)


async def test_a_key_with_a_passphrase_opens(executor: SshExecutor, sshd: Sshd) -> None:
    encrypted = Login(
        user=login().user, key=key_text(sshd.client_key, "open sesame"), passphrase="open sesame"
    )

    assert await gets_in(executor, target(sshd, login=encrypted))


async def test_an_encrypted_key_is_opened_once_for_many_hosts(
    executor: SshExecutor, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    genuine = asyncssh.import_private_key
    monkeypatch.setattr(
        asyncssh,
        "import_private_key",
        lambda *values: opened.append(values) or genuine(*values),
    )
    encrypted = Login(user=login().user, key=key_text(sshd.client_key, "p"), passphrase="p")

    ran = await asyncio.gather(
        *(gets_in(executor, target(sshd, index, login=encrypted)) for index in range(4))
    )

    assert ran == [True] * 4
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        pytest.param({"passphrase": "wrong"}, "the passphrase does not open its key", id="wrong"),
        pytest.param({"passphrase": None}, "its key needs a passphrase", id="none"),
        pytest.param({"key": "-----BEGIN OPENSSH PRIVATE KEY-----\nx"}, "its key is not", id="cut"),
        pytest.param({"key": "hunter2"}, "its key is not in a form", id="no key"),
    ],
)
async def test_a_key_that_cannot_be_opened_is_explained(
    executor: SshExecutor, sshd: Sshd, wrong: dict[str, str], words: str
) -> None:
    text = key_text(sshd.client_key, "open sesame")
    broken = Login(**{"user": "ops", "key": text, "passphrase": "open sesame", **wrong})

    error = await refusal(executor, target(sshd, login=broken))

    assert words in error.message
    assert "hunter2" not in str(error)


async def test_a_key_file_that_is_missing_is_named(
    executor: SshExecutor, sshd: Sshd, tmp_path: Path
) -> None:
    path = tmp_path / "id_missing"

    error = await refusal(executor, target(sshd, login=login(key_file=str(path))))

    assert f"the key {path} cannot be read: No such file or directory" in error.message


async def test_a_key_file_that_is_a_folder_is_named(
    executor: SshExecutor, sshd: Sshd, tmp_path: Path
) -> None:
    error = await refusal(executor, target(sshd, login=login(key_file=str(tmp_path))))

    assert f"the key {tmp_path} cannot be read: Is a directory" in error.message


async def test_a_wrong_key_is_refused_with_what_was_offered(
    executor: SshExecutor, sshd: Sshd
) -> None:
    wrong = login(asyncssh.generate_private_key("ssh-ed25519"))

    error = await refusal(executor, target(sshd, login=wrong))

    assert str(error) == (
        f"host001 ({sshd.addresses[0]} port {sshd.port}) does not let {wrong.user!r} in with "
        "its key (check the account's user, key and password)"
    )


async def test_an_unknown_user_is_refused(executor: SshExecutor, sshd: Sshd) -> None:
    error = await refusal(
        executor, target(sshd, login=login(sshd.client_key, user="nobody-of-that-name"))
    )

    assert "does not let 'nobody-of-that-name' in" in error.message


async def test_an_account_that_offers_nothing_is_never_tried(
    executor: SshExecutor, sshd: Sshd
) -> None:
    error = await refusal(executor, target(sshd, login=login()))

    assert "it offers nothing to log in with" in error.message
    assert error.hint == "give the account an agent, a key or a password"


async def test_keys_of_the_users_own_folder_are_never_offered(
    executor: SshExecutor, sshd: Sshd, home: Path
) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_ed25519").write_text(key_text(sshd.client_key))
    (home / ".ssh" / "config").write_text(f"Host *\n  IdentityFile {home}/.ssh/id_ed25519\n")

    error = await refusal(executor, target(sshd, login=login(password="wrong")))

    assert "in with the password" in error.message


# ---------------------------------------------------------------------- certificates


@pytest.fixture
def authority() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture
def trusting(serve: Serve, authority: asyncssh.SSHKey, tmp_path: Path) -> Sshd:
    """An sshd that lets in whom the authority has signed for, and no key by itself."""
    file = tmp_path / "ca.pub"
    file.write_bytes(authority.export_public_key("openssh"))
    sshd = serve(config=f"TrustedUserCAKeys {file}")
    sshd.authorize()
    return sshd


def certificate(authority: asyncssh.SSHKey, key: asyncssh.SSHKey, user: str, **more: object) -> str:
    signed = authority.generate_user_certificate(key, "test", principals=[user], **more)
    return signed.export_certificate("openssh").decode()


async def test_a_certificate_opens(
    make_executor: MakeExecutor, trusting: Sshd, authority: asyncssh.SSHKey, tmp_path: Path
) -> None:
    executor, key, user = make_executor(book_of(trusting)), trusting.client_key, login().user
    signed = certificate(authority, key, user)
    file = tmp_path / "id-cert.pub"
    file.write_text(signed)

    assert await gets_in(executor, target(trusting, login=login(key, certificate=signed)))
    assert await gets_in(executor, target(trusting, login=login(key, certificate_file=str(file))))
    await refusal(executor, target(trusting, login=login(key)))


async def test_an_expired_certificate_does_not_open(
    make_executor: MakeExecutor, trusting: Sshd, authority: asyncssh.SSHKey
) -> None:
    key, user = trusting.client_key, login().user
    expired = certificate(authority, key, user, valid_after="-2d", valid_before="-1d")

    error = await refusal(
        make_executor(book_of(trusting)), target(trusting, login=login(key, certificate=expired))
    )

    assert "its key with a certificate" in error.message


async def test_a_certificate_of_another_key_is_found_out(
    executor: SshExecutor, sshd: Sshd, authority: asyncssh.SSHKey
) -> None:
    other = certificate(authority, asyncssh.generate_private_key("ssh-ed25519"), "ops")

    error = await refusal(executor, target(sshd, login=login(sshd.client_key, certificate=other)))

    assert "its certificate does not belong to its key" in error.message


async def test_a_damaged_certificate_is_found_out(executor: SshExecutor, sshd: Sshd) -> None:
    error = await refusal(
        executor, target(sshd, login=login(sshd.client_key, certificate="ssh-ed25519-cert x"))
    )

    assert "its certificate is not in a form that can be read" in error.message


# ---------------------------------------------------------------------- the agent


@dataclass(frozen=True, slots=True)
class Agent:
    environ: dict[str, str]

    def add(self, key: asyncssh.SSHKey, folder: Path) -> None:
        file = folder / "agent_key"
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text(key_text(key))
        subprocess.run(
            ["ssh-add", "-q", file], env={**os.environ, **self.environ}, check=True, timeout=20
        )


@pytest.fixture
def agent(home: Path) -> Iterator[Agent]:
    socket = home / "agent"
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()  # it says where it listens
    yield Agent({"SSH_AUTH_SOCK": str(socket)})
    process.terminate()
    process.stdout.close()
    process.wait(10)


@pytest.mark.needs("ssh-agent", "ssh-add")
async def test_keys_of_the_agent_open(
    make_executor: MakeExecutor, sshd: Sshd, agent: Agent, tmp_path: Path
) -> None:
    agent.add(sshd.client_key, tmp_path)
    executor = make_executor(book_of(sshd), environ=agent.environ)

    ran = await asyncio.gather(
        *(gets_in(executor, target(sshd, index, login=login(agent=True))) for index in range(4))
    )

    assert ran == [True] * 4


@pytest.mark.needs("ssh-agent", "ssh-add")
async def test_the_agent_is_not_asked_unless_the_account_says_so(
    make_executor: MakeExecutor, sshd: Sshd, agent: Agent, tmp_path: Path
) -> None:
    agent.add(sshd.client_key, tmp_path)
    executor = make_executor(book_of(sshd), environ=agent.environ)

    await refusal(executor, target(sshd, login=login(password="wrong")))


@pytest.mark.needs("ssh-agent", "ssh-add")
async def test_an_agent_full_of_wrong_keys_is_named_as_the_reason(
    make_executor: MakeExecutor, sshd: Sshd, agent: Agent, tmp_path: Path
) -> None:
    for _ in range(8):
        agent.add(asyncssh.generate_private_key("ssh-ed25519"), tmp_path)
    executor = make_executor(book_of(sshd), environ=agent.environ)

    error = await refusal(executor, target(sshd, login=login(agent=True)))

    assert "gave up after too many proofs" in error.message
    assert "8 key(s) of the SSH agent" in error.message
    assert error.hint == "name the one key in the account instead of the whole agent"


@pytest.mark.needs("ssh-agent", "ssh-add")
async def test_an_agent_without_keys_is_named(
    make_executor: MakeExecutor, sshd: Sshd, agent: Agent
) -> None:
    executor = make_executor(book_of(sshd), environ=agent.environ)

    error = await refusal(executor, target(sshd, login=login(agent=True)))

    assert "holds no keys" in error.message


async def test_an_agent_that_is_missing_is_named(executor: SshExecutor, sshd: Sshd) -> None:
    error = await refusal(executor, target(sshd, login=login(agent=True)))

    assert "no SSH agent is known to the engine (SSH_AUTH_SOCK is not set)" in error.message


async def test_an_agent_that_is_gone_is_named(make_executor: MakeExecutor, sshd: Sshd) -> None:
    executor = make_executor(book_of(sshd), environ={"SSH_AUTH_SOCK": "/nowhere/agent"})

    error = await refusal(executor, target(sshd, login=login(agent=True)))

    assert "the SSH agent at /nowhere/agent does not answer" in error.message


async def test_the_key_opens_where_the_agent_is_missing(executor: SshExecutor, sshd: Sshd) -> None:
    assert await gets_in(executor, target(sshd, login=login(sshd.client_key, agent=True)))


# ---------------------------------------------------------------------- passwords

PASSWORD = "UsePAM yes\nPasswordAuthentication yes\n"
INTERACTIVE = "UsePAM yes\nKbdInteractiveAuthentication yes\n"


@pytest.mark.needs_root
@pytest.mark.parametrize(
    "config", [PASSWORD, INTERACTIVE, PASSWORD + INTERACTIVE], ids=["password", "prompt", "both"]
)
async def test_a_password_opens(
    make_executor: MakeExecutor, serve: Serve, users: Users, config: str
) -> None:
    sshd, user = serve(config=config, own_homes=True), users.user("password")

    entered = Login(user=user.name, password=user.password)

    assert await gets_in(make_executor(book_of(sshd)), target(sshd, login=entered))


@pytest.mark.needs_root
@pytest.mark.parametrize(
    "config", [PASSWORD, INTERACTIVE, PASSWORD + INTERACTIVE], ids=["password", "prompt", "both"]
)
async def test_a_wrong_password_is_offered_once(
    make_executor: MakeExecutor, serve: Serve, users: Users, config: str
) -> None:
    sshd, user = serve(config=config, own_homes=True), users.user("password")

    wrong = Login(user=user.name, password="wrong")
    error = await refusal(make_executor(book_of(sshd)), target(sshd, login=wrong))

    assert f"does not let {user.name!r} in with the password" in error.message
    assert "wrong" not in error.message
    failures = re.compile("Failed password|PAM: Authentication failure")
    await eventually(lambda: failures.search(sshd.log.read_text()))
    assert len(failures.findall(sshd.log.read_text())) == 1


@pytest.mark.needs_root
async def test_a_key_comes_before_the_password(
    make_executor: MakeExecutor, serve: Serve, users: Users
) -> None:
    sshd, user = serve(config=PASSWORD, own_homes=True), users.user("password")
    both = login(sshd.client_key, user.name, password=user.password)

    assert await gets_in(make_executor(book_of(sshd)), target(sshd, login=both))
    assert "Accepted publickey" in sshd.log.read_text()
    assert "Accepted password" not in sshd.log.read_text()


@pytest.mark.needs_root
async def test_the_password_opens_where_the_key_does_not(
    make_executor: MakeExecutor, serve: Serve, users: Users
) -> None:
    sshd, user = serve(config=PASSWORD, own_homes=True), users.user("password")
    other = asyncssh.generate_private_key("ssh-ed25519")

    entered = target(sshd, login=login(other, user.name, password=user.password))

    assert await gets_in(make_executor(book_of(sshd)), entered)


@pytest.mark.needs_root
async def test_a_host_that_wants_both_key_and_password_gets_both(
    make_executor: MakeExecutor, serve: Serve, users: Users
) -> None:
    sshd = serve(
        config=INTERACTIVE + "AuthenticationMethods publickey,keyboard-interactive",
        own_homes=True,
    )
    user = users.user("password")

    both = target(sshd, login=login(sshd.client_key, user.name, password=user.password))

    assert await gets_in(make_executor(book_of(sshd)), both)

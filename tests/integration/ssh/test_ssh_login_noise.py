"""Logins that talk, dawdle, or lead to other shells: nothing of it is in the work's output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.domain.run import TargetCode, TargetState
from core.executors.attempt import Patience
from core.executors.ssh import SshExecutor
from tests.integration.ssh.conftest import MakeExecutor, Serve
from tests.support.sshd import Sshd, temporary_sshd
from tests.support.users import Users
from tests.support.work import Result, book_of, command, login, run, script, target

pytestmark = pytest.mark.needs("sshd")

BANNER = "Authorised users only.\n"


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """An sshd with a banner, whose users begin in their own homes."""
    banner = tmp_path_factory.mktemp("noisy") / "banner"
    banner.write_text(BANNER)
    with temporary_sshd(own_homes=True, config=f"Banner {banner}") as sshd:
        yield sshd


@pytest.fixture
def noisy_executor(make_executor: MakeExecutor, noisy: Sshd) -> SshExecutor:
    return make_executor(book_of(noisy))


async def run_as(executor: SshExecutor, sshd: Sshd, user: str, text: str, **more: object) -> Result:
    entered = login(sshd.client_key, user)
    return await run(executor, target(sshd, login=entered), command(text, **more))


@pytest.mark.needs_root
async def test_a_noisy_bashrc_and_a_banner_stay_out_of_the_output(
    noisy: Sshd, noisy_executor: SshExecutor, users: Users
) -> None:
    user = users.user("noisy", login_shell="/bin/bash")
    (user.home / ".bashrc").write_text(
        "echo Welcome to $HOSTNAME\nprintf 'no line end'\necho 'stty: no terminal' >&2\n"
    )

    for more in ({}, {"env": {"A": "1"}}, {"collect_outputs": True}):
        result = await run_as(
            noisy_executor, noisy, user.name, "echo out; echo err >&2; exit 3", **more
        )

        assert result.outcome.exit_code == 3
        assert (result.out, result.sink.err) == (b"out\n", b"err\n")
        assert b"Welcome to" in result.sink.note
        assert b"no line end" in result.sink.note
        assert b"stty: no terminal" in result.sink.note


def is_same_file(name: str, other: str) -> bool:
    return Path(name).samefile(other)


@pytest.mark.needs_root
@pytest.mark.parametrize(
    ("kind", "shell"),
    [
        pytest.param("bash", "/bin/bash", id="bash"),
        pytest.param("dash", "/bin/dash", id="dash", marks=pytest.mark.needs("dash")),
        pytest.param("csh", "/bin/csh", id="csh", marks=pytest.mark.needs("csh")),
        pytest.param("fish", "/usr/bin/fish", id="fish", marks=pytest.mark.needs("fish")),
        pytest.param("ksh", "/bin/ksh", id="ksh", marks=pytest.mark.needs("ksh")),
    ],
)
async def test_work_runs_behind_every_login_shell(
    noisy: Sshd, noisy_executor: SshExecutor, users: Users, kind: str, shell: str
) -> None:
    user = users.user(kind, login_shell=shell)
    executor = noisy_executor
    entered = target(noisy, login=login(noisy.client_key, user.name))

    plain = await run(
        executor, entered, command("echo $SHELL $0; exit 3", env={"JOBDECK_RUN": "1"})
    )
    private = await run(
        executor, entered, command('printf %s "$A"; exit 4', env={"A": "a'b\\c!d\ne"})
    )
    as_script = await run(executor, entered, script("echo 'it is'; exit 5"))

    login_shell, work_shell = plain.out.decode().split()
    # tcsh looks its own path up, and may find another name of the same file.
    assert is_same_file(login_shell, shell)
    assert (plain.outcome.exit_code, work_shell) == (3, "sh")
    assert (private.outcome.exit_code, private.out) == (4, b"a'b\\c!d\ne")
    assert (as_script.outcome.exit_code, as_script.out) == (5, b"it is\n")


async def test_an_account_without_a_shell_says_so(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(config="ForceCommand echo This account is not available.; exit 1")

    outcome = (await run(make_executor(book_of(sshd)), target(sshd), "true")).outcome

    assert (outcome.state, outcome.code) == (TargetState.SUBMIT_FAILED, TargetCode.IO_FAILURE)
    assert "(exit status 1) before the work could start: This account is not" in outcome.message


async def test_a_forced_command_is_never_taken_for_the_work(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(config="ForceCommand echo 5 packages to update; exit 0")

    result = await run(make_executor(book_of(sshd)), target(sshd), "true")

    assert result.outcome.state is TargetState.SUBMIT_FAILED
    assert result.out == b""
    assert result.sink.note == b"5 packages to update\n"


async def test_a_slow_login_is_waited_for(make_executor: MakeExecutor, serve: Serve) -> None:
    sshd = serve(config='ForceCommand sleep 1; eval "$SSH_ORIGINAL_COMMAND"')

    result = await run(
        make_executor(book_of(sshd)), target(sshd), command("echo done", timeout_s=0.9)
    )

    assert (result.outcome.state, result.out) == (TargetState.SUCCESS, b"done\n")


@pytest.mark.parametrize("more", [{}, {"env": {"A": "1"}}], ids=["request", "stdin"])
async def test_a_login_that_hangs_gives_unknown_and_starts_nothing_later(
    make_executor: MakeExecutor, serve: Serve, more: dict[str, object], tmp_path: Path
) -> None:
    gate, trace = tmp_path / "gate", tmp_path / "trace"
    sshd = serve(
        config=f"ForceCommand while [ ! -e {gate} ]; do sleep 0.05; done; "
        'eval "$SSH_ORIGINAL_COMMAND"'
    )
    executor = make_executor(book_of(sshd), patience=Patience(start_s=0.5))

    outcome = (await run(executor, target(sshd), command(f"touch {trace}", **more))).outcome

    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CONNECTION_TIMEOUT)
    assert "nothing started within 0.5 s" in outcome.message
    gate.touch()
    # The connection is still good, so this comes after whatever was let go there.
    await run(make_executor(book_of(sshd)), target(sshd), "sleep 0.5")
    assert not trace.exists()


_HOSTILE = st.text(
    st.one_of(
        st.sampled_from("'\"\\$`!\n\r\t %=*?[]{}()&|;<>~#^-@"),
        st.characters(min_codepoint=1, exclude_categories=["Cs"]),
    ),
    max_size=80,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(_HOSTILE, min_size=1, max_size=3))
async def test_hostile_values_arrive_byte_for_byte(
    executor: SshExecutor, sshd: Sshd, values: list[str]
) -> None:
    env = {f"V{index}": value for index, value in enumerate(values)}
    text = "import os, sys\n" + "".join(
        f"sys.stdout.buffer.write(os.environb[b'{name}'] + b'\\0')\n" for name in env
    )

    result = await run(executor, target(sshd), script(text, "python3", env=env))

    assert result.out == b"".join(value.encode() + b"\0" for value in values)


async def test_values_are_in_no_argument_list(executor: SshExecutor, sshd: Sshd) -> None:
    look = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c hunter[2]"

    result = await run(executor, target(sshd), command(look, env={"SECRET": "hunter2"}))

    assert result.out == b"0\n"


async def test_the_login_environment_stays_as_the_host_gives_it(
    executor: SshExecutor, sshd: Sshd
) -> None:
    work = command("pwd; echo $HOME; umask; env | grep -c ^JOBDECK_", env={"JOBDECK_RUN": "1"})

    folder, home, mask, ours = (await run(executor, target(sshd), work)).out.split()

    assert home == str(sshd.home).encode()
    assert mask != b"0077"
    assert ours == b"1"
    assert folder


async def test_a_sink_hears_of_noise_as_notes(make_executor: MakeExecutor, serve: Serve) -> None:
    sshd = serve(config='ForceCommand echo hello; eval "$SSH_ORIGINAL_COMMAND"')

    result = await run(make_executor(book_of(sshd)), target(sshd), "echo work")

    assert (result.sink.note, result.out) == (b"hello\n", b"work\n")

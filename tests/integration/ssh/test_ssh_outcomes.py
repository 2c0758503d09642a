"""How work ends on a real sshd: statuses, signals, time-outs, scripts and their outputs."""

from __future__ import annotations

import asyncio
import time

import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.attempt import Patience
from core.executors.protocol import Login
from core.executors.ssh import SshExecutor
from core.executors.stopping import StopSignal
from tests.integration.ssh.conftest import BOTH_CARRIERS, MakeExecutor
from tests.support.sshd import Sshd
from tests.support.work import MemorySink, book_of, command, run, script, target

pytestmark = pytest.mark.needs("sshd")
CARRIERS = BOTH_CARRIERS


async def test_every_exit_status_arrives(executor: SshExecutor, sshd: Sshd) -> None:
    results = await asyncio.gather(
        *(run(executor, target(sshd, n % 4), f"exit {n}") for n in range(256))
    )

    assert [result.outcome.exit_code for result in results] == list(range(256))
    assert results[0].outcome.state is TargetState.SUCCESS
    assert results[0].outcome.code is None
    assert {result.outcome.state for result in results[1:]} == {TargetState.FAILED}
    assert {result.outcome.code for result in results[1:]} == {TargetCode.NON_ZERO_RESULT}
    assert results[7].outcome.message == "exit status 7"


async def test_every_exit_status_of_a_script_arrives(executor: SshExecutor, sshd: Sshd) -> None:
    results = await asyncio.gather(
        *(run(executor, target(sshd, n % 4), script(f"exit {n}")) for n in range(0, 256, 5))
    )

    assert [result.outcome.exit_code for result in results] == list(range(0, 256, 5))


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "HUP", "INT", "ABRT", "USR1"])
async def test_a_death_by_signal_has_its_name(executor: SshExecutor, sshd: Sshd, name: str) -> None:
    outcome = (await run(executor, target(sshd), f"kill -{name} $$")).outcome

    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.SIGNALLED)
    assert (outcome.signal, outcome.exit_code) == (name, None)
    assert outcome.message == f"it was killed by signal {name}"


async def test_a_script_killed_by_a_signal_has_the_shells_status(
    executor: SshExecutor, sshd: Sshd
) -> None:
    outcome = (await run(executor, target(sshd), script("kill -9 $$"))).outcome

    assert (outcome.code, outcome.exit_code) == (TargetCode.NON_ZERO_RESULT, 137)
    assert "signal KILL" in outcome.message


@pytest.mark.parametrize(
    "text",
    ["sleep 1000", "sleep 1000 & sleep 1000 & wait", "while :; do :; done"],
    ids=["waiting", "in the background", "busy"],
)
async def test_work_that_takes_too_long_is_ended(
    executor: SshExecutor, sshd: Sshd, text: str
) -> None:
    result = await run(executor, target(sshd), command(f"echo $$; {text}", timeout_s=0.5))

    assert result.outcome.state is TargetState.TIMED_OUT
    assert result.outcome.code is TargetCode.COMMAND_TIMEOUT
    assert result.outcome.message == (
        "it still ran after 0.5 s; its processes were ended and are gone"
    )
    pid = int(result.out)
    look = await run(executor, target(sshd), f"kill -0 {pid} 2>/dev/null || echo gone")
    assert look.out == b"gone\n"


async def test_the_time_limit_counts_from_the_start_of_the_work(
    executor: SshExecutor, sshd: Sshd
) -> None:
    before = time.monotonic()  # noqa: TID251 - a real process runs
    result = await run(executor, target(sshd), command("sleep 0.3; echo done", timeout_s=10))

    assert result.out == b"done\n"
    assert time.monotonic() - before < 10  # noqa: TID251


async def test_a_script_gets_its_arguments_environment_and_empty_input(
    executor: SshExecutor, sshd: Sshd
) -> None:
    text = "import os, sys\nprint(sys.argv[1:], os.environ['PLACE'], repr(sys.stdin.read()))"
    work = script(text, "python3", "a b", "it's", env={"PLACE": "北京"})

    assert (await run(executor, target(sshd), work)).out.decode() == ("['a b', \"it's\"] 北京 ''\n")


async def test_outputs_of_a_script_come_back(executor: SshExecutor, sshd: Sshd) -> None:
    text = """printf '{"version": 7}' >"$JOBDECK_OUTPUT"; printf printed; exit 3"""

    result = await run(executor, target(sshd), script(text, collect_outputs=True))

    assert (result.outcome.exit_code, result.outcome.outputs_file) == (3, b'{"version": 7}')
    assert result.out == b"printed"


async def test_outputs_of_a_command_come_back(executor: SshExecutor, sshd: Sshd) -> None:
    work = command("echo {} >$JOBDECK_OUTPUT", collect_outputs=True)

    assert (await run(executor, target(sshd), work)).outcome.outputs_file == b"{}\n"


async def test_no_outputs_are_not_the_same_as_empty_ones(executor: SshExecutor, sshd: Sshd) -> None:
    none = await run(executor, target(sshd), script("true", collect_outputs=True))
    empty = await run(executor, target(sshd), script(": >$JOBDECK_OUTPUT", collect_outputs=True))

    assert (none.outcome.outputs_file, empty.outcome.outputs_file) == (None, b"")


async def test_outputs_that_are_too_large_fail_the_target(
    executor: SshExecutor, sshd: Sshd
) -> None:
    work = script("head -c 2000000 /dev/zero >$JOBDECK_OUTPUT", collect_outputs=True)

    outcome = (await run(executor, target(sshd), work)).outcome

    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.INVALID_OUTPUTS)
    assert "2,000,000 bytes; at most 1,048,576 are taken" in outcome.message


async def test_a_missing_interpreter_is_named(executor: SshExecutor, sshd: Sshd) -> None:
    outcome = (await run(executor, target(sshd), script("1", "no-such-language"))).outcome

    assert (outcome.state, outcome.code) == (
        TargetState.SUBMIT_FAILED,
        TargetCode.INTERPRETER_MISSING,
    )
    assert "'no-such-language' is not installed there" in outcome.message


async def test_work_that_no_shell_can_carry_is_never_sent(
    executor: SshExecutor, sshd: Sshd
) -> None:
    outcome = (await run(executor, target(sshd), command("true", env={"A": "a\0b"}))).outcome

    assert (outcome.state, outcome.code) == (
        TargetState.SUBMIT_FAILED,
        TargetCode.INVALID_OPTIONS,
    )
    assert "env.A, character 2" in outcome.message


async def test_what_stays_in_the_background_does_not_hold_the_outcome_up(
    executor: SshExecutor, sshd: Sshd
) -> None:
    result = await run(executor, target(sshd), "sleep 5 & echo started")

    assert result.outcome.state is TargetState.SUCCESS
    assert result.out == b"started\n"
    assert b"in the background still holds its output" in result.sink.note


async def test_the_background_is_followed_while_it_speaks(
    executor: SshExecutor, sshd: Sshd
) -> None:
    text = "(for i in 1 2 3 4 5; do sleep 0.2; echo $i; done) & exit 4"

    result = await run(executor, target(sshd), text)

    assert result.outcome.exit_code == 4
    assert result.out == b"1\n2\n3\n4\n5\n"
    assert result.sink.note == b""


async def test_the_background_is_not_followed_for_ever(
    make_executor: MakeExecutor, sshd: Sshd
) -> None:
    patience = Patience(start_s=20, grace_s=0.5, linger_s=2, most_linger_s=1)
    executor = make_executor(book_of(sshd), patience=patience)
    text = "(for i in $(seq 100); do echo $i || exit; sleep 0.1; done) & echo started"

    result = await asyncio.wait_for(run(executor, target(sshd), text), 8)

    assert result.outcome.state is TargetState.SUCCESS
    assert b"in the background still holds its output" in result.sink.note


async def test_one_session_runs_several_works(executor: SshExecutor, sshd: Sshd) -> None:
    async with executor.open(target(sshd)) as session:
        sinks = [MemorySink() for _ in range(3)]
        for number, sink in enumerate(sinks):
            await session.run(command(f"echo {number}"), sink, StopSignal())

    assert [sink.out for sink in sinks] == [b"0\n", b"1\n", b"2\n"]


def test_nothing_of_a_login_or_a_work_is_shown_by_accident(sshd: Sshd) -> None:
    secret = Login(user="ops", password="hunter2", key="KEY", passphrase="hunter2")

    assert "hunter2" not in repr(target(sshd, login=secret))
    assert "hunter2" not in repr(command("x", env={"A": "hunter2"}))

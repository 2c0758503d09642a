"""Work on the engine's own machine: the same promises as behind SSH."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.domain.run import TargetCode, TargetState
from core.domain.steps import Given, LocalStep
from core.executors.local import LocalExecutor
from core.executors.protocol import BecomeLogin, Login, OutputLimitReached, Stream, Target, Work
from core.executors.stopping import StopSignal
from tests.support.processes import alive
from tests.support.users import Users
from tests.support.waiting import eventually
from tests.support.work import QUICK, MemorySink, Result, command, new_token, run, script

MB = 1_000_000
ENVIRON = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "LC_TIME": "C",
    "JOBDECK_HOME": "/secret/place",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
}


def here(become: BecomeLogin | None = None) -> Target:
    return Target(host="engine", address="localhost", login=Login(user="", become=become))


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    return {**ENVIRON, "HOME": str(home)}


@pytest.fixture
def executor(environ: Mapping[str, str]) -> LocalExecutor:
    return LocalExecutor(QUICK, new_token, environ)


async def stop_after_start(executor: LocalExecutor, work: Work, to: Target) -> Result:
    sink, stop = MemorySink(), StopSignal()
    async with executor.open(to) as session:
        running = asyncio.ensure_future(session.run(work, sink, stop))
        await sink.heard.wait()
        stop.set()
        return Result(await asyncio.wait_for(running, 30), sink)


async def test_every_exit_status_is_kept(executor: LocalExecutor) -> None:
    results = await asyncio.gather(*(run(executor, here(), f"exit {n}") for n in range(0, 256, 15)))

    assert [result.outcome.exit_code for result in results] == list(range(0, 256, 15))
    assert results[0].outcome.state is TargetState.SUCCESS


async def test_a_program_gets_its_arguments_as_they_are(executor: LocalExecutor) -> None:
    words = ("printf", "<%s>", "", "a b", "it's", "$HOME", "*", "`x`", "ä\n!")
    step = LocalStep.model_validate({"kind": "local", "name": "a", "program": words, "cwd": "/"})
    sink = MemorySink()
    work = Work(attempt_id=new_token(), task=step.task(Given(script=None, env={})))
    async with executor.open(here()) as session:
        outcome = await session.run(work, sink, StopSignal())

    assert outcome.state is TargetState.SUCCESS
    assert sink.out.decode() == "".join(f"<{word}>" for word in words[2:])


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({}, "give `command` or `program`"),
        ({"command": "a", "program": ["a"]}, "give `command` or `program`"),
        ({"program": ["a"], "shell": "bash"}, "drop `shell`"),
        ({"program": []}, "at least 1"),
        ({"command": "a", "cwd": "there"}, "should match pattern"),
    ],
)
def test_a_local_step_is_a_command_or_a_program(spec: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        LocalStep.model_validate({"kind": "local", "name": "a", **spec})


async def test_streams_are_kept_apart(executor: LocalExecutor) -> None:
    result = await run(executor, here(), "echo out; echo err >&2")

    assert (result.out, result.sink.err, result.sink.note) == (b"out\n", b"err\n", b"")


async def test_a_death_by_signal_has_its_name(executor: LocalExecutor) -> None:
    outcome = (await run(executor, here(), "kill -KILL $$")).outcome

    assert (outcome.code, outcome.signal) == (TargetCode.SIGNALLED, "KILL")


async def test_the_work_sees_nothing_of_the_engines_environment(
    executor: LocalExecutor, home: Path
) -> None:
    work = command("env; pwd", env={"JOBDECK_RUN": "01J", "PLACE": "北京"})

    lines = (await run(executor, here(), work)).out.decode().splitlines()

    own = {"JOBDECK_RUN=01J", "PLACE=北京", "LANG=C.UTF-8", "LC_TIME=C", f"HOME={home}"}
    assert own <= set(lines)
    assert not any("hunter2" in line or "/secret/place" in line for line in lines)
    assert lines[-1] == str(home)


async def test_without_a_home_work_begins_where_temporary_files_go() -> None:
    executor = LocalExecutor(QUICK, new_token, {**ENVIRON, "HOME": "/nowhere"})

    assert (await run(executor, here(), "cd .; pwd")).outcome.state is TargetState.SUCCESS


async def test_scripts_have_interpreters_arguments_and_outputs(executor: LocalExecutor) -> None:
    text = """printf '{"a": 1}' >"$JOBDECK_OUTPUT"; printf %s "$1"; exit 3"""

    result = await run(executor, here(), script(text, "sh", "it's", collect_outputs=True))

    assert (result.out, result.outcome.exit_code) == (b"it's", 3)
    assert result.outcome.outputs_file == b'{"a": 1}'


async def test_a_missing_interpreter_is_named(executor: LocalExecutor) -> None:
    outcome = (await run(executor, here(), script("1", "no-such-language"))).outcome

    assert (outcome.state, outcome.code) == (
        TargetState.SUBMIT_FAILED,
        TargetCode.INTERPRETER_MISSING,
    )


async def test_work_that_takes_too_long_is_ended(executor: LocalExecutor) -> None:
    work = command("echo $$; sleep 1000 & echo $!; wait", timeout_s=0.3)

    result = await run(executor, here(), work)

    assert result.outcome.code is TargetCode.COMMAND_TIMEOUT
    assert alive(result.out.split()) == []


@pytest.mark.parametrize(
    "text",
    [
        "echo $$; exec sleep 1000",
        "trap '' TERM; sleep 1000 & echo $!; echo $$; wait",
        "setsid sleep 1000 & echo $!; echo $$; wait",
    ],
    ids=["one process", "deaf to TERM", "another session"],
)
async def test_a_stop_leaves_no_process(executor: LocalExecutor, text: str) -> None:
    result = await stop_after_start(executor, command(text), here())

    assert (result.outcome.state, result.outcome.code) == (
        TargetState.TERMINATED,
        TargetCode.CANCELLED,
    )
    assert alive(result.out.split()) == []


async def test_a_stop_before_the_start_does_nothing(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    trace, stop = tmp_path / "trace", StopSignal()
    stop.set()

    outcome = (await run(executor, here(), f"touch {trace}", stop)).outcome

    assert outcome.message == "cancelled before it was started"
    assert not trace.exists()


async def test_100_mb_pass_through_a_sink_that_is_often_full(executor: LocalExecutor) -> None:
    class Choosy(MemorySink):
        size = 0
        pauses = 0

        def write(self, stream: Stream, data: bytes) -> bool:
            self.size += len(data)
            return self.size // MB == (self.size - len(data)) // MB  # full once a megabyte

        async def ready(self) -> None:
            self.pauses += 1
            await asyncio.sleep(0)

    sink = Choosy()
    async with executor.open(here()) as session:
        outcome = await session.run(command(f"head -c {100 * MB} /dev/zero"), sink, StopSignal())

    assert (outcome.state, sink.size) == (TargetState.SUCCESS, 100 * MB)
    assert sink.pauses > 50


async def test_work_that_prints_too_much_is_ended(executor: LocalExecutor) -> None:
    class Full(MemorySink):
        def write(self, stream: Stream, data: bytes) -> bool:
            super().write(stream, data)
            return False

        async def ready(self) -> None:
            raise OutputLimitReached

    async with executor.open(here()) as session:
        outcome = await session.run(command("exec yes"), Full(), StopSignal())

    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.OUTPUT_LIMIT)


async def test_what_stays_in_the_background_does_not_hold_the_outcome_up(
    executor: LocalExecutor,
) -> None:
    result = await run(executor, here(), "sleep 3 & echo $!")

    assert result.outcome.state is TargetState.SUCCESS
    assert b"in the background" in result.sink.note
    assert len(alive([result.out])) == 1  # it was left alone
    await eventually(lambda: alive([result.out]) == [])


async def test_one_hundred_works_at_once(executor: LocalExecutor) -> None:
    results = await asyncio.gather(*(run(executor, here(), f"echo {n}") for n in range(100)))

    assert [result.out for result in results] == [f"{n}\n".encode() for n in range(100)]


@pytest.mark.needs("sudo", "su")
@pytest.mark.needs_root
@pytest.mark.parametrize("method", ["sudo", "su"])
async def test_root_becomes_another_user(executor: LocalExecutor, method: str) -> None:
    with Users() as users:
        other = users.user("local")
        to = here(BecomeLogin(method=method, user=other.name))
        result = await run(executor, to, command('id -un; pwd; echo "$A"', env={"A": "it's"}))
        stopped = await stop_after_start(executor, command("echo $$; exec sleep 1000"), to)

    assert result.out.decode().split("\n")[:3] == [other.name, str(other.home), "it's"]
    assert stopped.outcome.code is TargetCode.CANCELLED
    assert alive([stopped.out]) == []

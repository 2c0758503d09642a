"""Work on a double of a Windows host: what it prints, how it ends, what is said about it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import BecomeLogin, Claim, Login, Program, Target, Work
from core.executors.stopping import StopSignal
from core.executors.winrm import WinrmExecutor
from tests.support.processes import alive
from tests.support.winrmd import WinrmServer
from tests.support.work import MemorySink, NarrowSink, command, new_token, run, script

S, C = TargetState, TargetCode


async def test_a_command_prints_and_ends(executor: WinrmExecutor, target: Target) -> None:
    result = await run(executor, target, "echo out; echo err >&2; exit 3")

    assert (result.outcome.state, result.outcome.exit_code) == (S.FAILED, 3)
    assert (result.out, result.sink.err, result.sink.note) == (b"out\n", b"err\n", b"")


async def test_a_line_for_cmd_is_read_as_a_batch_file(
    executor: WinrmExecutor, target: Target
) -> None:
    way = msgspec.structs.replace(target.winrm, shell="cmd")  # noqa: S604 - which one reads lines
    there = msgspec.structs.replace(target, winrm=way)

    result = await run(executor, there, "echo one\necho two")

    assert result.out == b"one\ntwo\n"


@pytest.mark.parametrize("language", ["powershell", "cmd"])
async def test_words_reach_a_script_as_they_are(
    executor: WinrmExecutor, target: Target, language: str
) -> None:
    words = ("", "two words", 'a "quote"', "back\\", '\\"', "100%", "é中")
    text = 'for word in "$@"; do printf "<%s>" "$word"; done'

    result = await run(executor, target, script(text, language, *words))

    assert result.out.decode() == "".join(f"<{word}>" for word in words)


async def test_values_are_no_part_of_any_command_line_and_secret_on_the_line(
    executor: WinrmExecutor, server: WinrmServer, target: Target
) -> None:
    secret = "p\"w%$\n`'é中"
    work = command(
        'tr "\\0" "\\n" </proc/$PPID/cmdline; cat /proc/$$/cmdline; printf %s "$A"',
        env={"A": secret},
    )

    result = await run(executor, target, work)

    assert result.out.endswith(secret.encode())
    assert result.out.count(b'p"w') == 1


async def test_a_script_larger_than_many_messages_arrives_whole(
    executor: WinrmExecutor, server: WinrmServer, target: Target
) -> None:
    text = "".join(f"# {number:070}\n" for number in range(5000)) + "echo whole\n"

    result = await run(executor, target, script(text, "powershell"))

    assert result.out == b"whole\n"
    assert server.operations["Send"] > 5
    assert max(map(len, server.seen)) < 150_000


async def test_output_of_many_messages_arrives_byte_for_byte_through_a_narrow_sink(
    executor: WinrmExecutor, target: Target
) -> None:
    sink = NarrowSink()
    work = command(
        "i=0; while [ $i -lt 9000 ]; do echo line-$i-é; i=$((i+1)); done; printf '\\377'"
    )

    async with executor.open(target) as session:
        outcome = await session.run(work, sink, StopSignal())

    assert outcome.state is S.SUCCESS
    assert sink.out == b"".join(f"line-{i}-é\n".encode() for i in range(9000)) + b"\xff"
    assert sink.waits > 1


async def test_outputs_come_back_also_from_a_file_in_utf_16(
    executor: WinrmExecutor, target: Target
) -> None:
    text = "printf '\\377\\376a\\0=\\0001\\0\\n\\0' >\"$JOBDECK_OUTPUT\""

    result = await run(executor, target, script(text, "powershell", collect_outputs=True))

    assert result.outcome.outputs_file == b"a=1\n"


@pytest.mark.parametrize(
    ("program", "code", "words"),
    [
        (Program(text="x", interpreter="pwsh"), C.INTERPRETER_MISSING, "'pwsh' is not installed"),
        (Program(text="x", cwd="C:\\nowhere"), C.IO_FAILURE, "is not there: C:\\nowhere"),
        (Program(text="x", interpreter="cmd", args=("a\nb",)), C.INVALID_OPTIONS, "line break"),
    ],
)
async def test_what_cannot_start_says_why(
    executor: WinrmExecutor, target: Target, program: Program, code: TargetCode, words: str
) -> None:
    result = await run(executor, target, Work(attempt_id=new_token(), task=program))

    assert (result.outcome.state, result.outcome.code) == (S.SUBMIT_FAILED, code)
    assert words in result.outcome.message


async def test_a_stop_ends_all_processes_and_says_so(
    executor: WinrmExecutor, target: Target
) -> None:
    stop, sink = StopSignal(), MemorySink()
    work = command("sleep 100 & echo $!; echo $$; wait")
    async with executor.open(target) as session:
        running = asyncio.ensure_future(session.run(work, sink, stop))
        while sink.out.count(b"\n") < 2:
            sink.heard.clear()
            await sink.heard.wait()
        stop.set()
        outcome = await running

    assert (outcome.state, outcome.code) == (S.TERMINATED, C.CANCELLED)
    assert not alive(sink.out.split())


async def test_work_that_takes_too_long_is_ended(executor: WinrmExecutor, target: Target) -> None:
    result = await run(executor, target, command("echo $$; exec sleep 100", timeout_s=0.5))

    assert (result.outcome.state, result.outcome.code) == (S.TIMED_OUT, C.COMMAND_TIMEOUT)
    assert not alive([result.out])


async def test_a_line_that_is_lost_under_direct_work_leaves_it_unknown(
    executor: WinrmExecutor, server: WinrmServer, target: Target
) -> None:
    sink = MemorySink()
    async with executor.open(target) as session:
        running = asyncio.ensure_future(
            session.run(command("echo on; sleep 5"), sink, StopSignal())
        )
        await sink.heard.wait()
        server.cut()
        outcome = await running

    assert (outcome.state, outcome.code) == (S.UNKNOWN, C.CONNECTION_LOST)
    assert "it started, and how it ended cannot be known" in outcome.message


async def test_no_account_becomes_another_one_and_a_password_is_needed(
    executor: WinrmExecutor, target: Target
) -> None:
    become = Login(user="ada", password="x", become=BecomeLogin(method="sudo", user="root"))
    for login, words in ((become, "becomes another"), (Login(user="ada"), "has no `password`")):
        with pytest.raises(Exception, match=words):
            async with executor.open(msgspec.structs.replace(target, login=login)):
                pass


@pytest.mark.parametrize("claim", [None, Claim(run_id="r1", epoch=1)], ids=["direct", "claimed"])
@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("kill -SEGV $$", -1073741819, "(0xC0000005): access violation"),
        ("kill -INT $$", -1073741510, "(0xC000013A): it was ended by Ctrl-C"),
        ("exit 137", 137, "exit status 137"),
    ],
)
async def test_a_status_of_windows_is_shown_as_its_shells_show_it_and_explained(
    executor: WinrmExecutor, target: Target, claim: Claim | None, text: str, status: int, words: str
) -> None:
    result = await run(executor, target, command(text, claim=claim))

    assert (result.outcome.code, result.outcome.exit_code) == (C.NON_ZERO_RESULT, status)
    assert words in result.outcome.message
    assert "signal" not in result.outcome.message

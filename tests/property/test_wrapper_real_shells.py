"""The wrapper keeps its word in every POSIX shell, started by every login shell.

No SSH here: a login shell is given the request as sshd gives it, `SHELL -c REQUEST`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.domain.tasks import Program
from core.executors.ending import GONE, ending_text
from core.executors.framing import MAX_OUTPUTS_BYTES, Frames
from core.executors.protocol import Work
from core.executors.shell import compose
from tests.support.processes import alive
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shells are POSIX programs")


def shell(*words: str, package: str = "") -> ParameterSet:
    """A shell to test; one with a `package` is left out, by name, where it is not installed."""
    missing = bool(package) and shutil.which(words[0]) is None
    reason = f"{words[0]} is not installed (Debian package {package})"
    return pytest.param(
        " ".join(words), id=words[0], marks=pytest.mark.skipif(missing, reason=reason)
    )


POSIX_SHELLS = [
    shell("sh"),
    shell("dash", package="dash"),
    shell("bash"),
    shell("busybox", "sh", package="busybox"),
    shell("ksh", package="ksh"),
]
LOGIN_SHELLS = [
    *POSIX_SHELLS,
    shell("csh", "-f", package="csh"),
    shell("fish", "--no-config", package="fish"),
]


@dataclass(frozen=True, slots=True)
class Ran:
    """What came back."""

    status: int
    out: bytes
    err: bytes
    frames: Frames


def run(work: Work, sh: str = "sh", login: str = "sh", **environ: str) -> Ran:
    """Run `work` as behind a login, with `sh` in the place of /bin/sh."""
    launch = compose(work, secrets.token_hex(16))
    done = subprocess.run(
        [*login.split(), "-c", launch.request.replace("/bin/sh", sh)],
        input=launch.text,
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environ},
        timeout=30,
    )
    out, err = Frames(launch.token, closes=launch.collects), Frames(launch.token)
    _, printed = out.feed(done.stdout)
    _, complained = err.feed(done.stderr)
    return Ran(done.returncode, printed + out.finish()[1], complained + err.finish()[1], out)


def command(text: str, **more: object) -> Work:
    return Work(attempt_id="a", task=Program(text=text), **more)


def script(text: str, interpreter: str, *args: str, **more: object) -> Work:
    program = Program(text=text, interpreter=interpreter, args=args)
    return Work(attempt_id="a", task=program, **more)


@pytest.mark.parametrize("login", LOGIN_SHELLS)
@pytest.mark.parametrize("sh", POSIX_SHELLS)
@pytest.mark.parametrize(
    "work",
    [
        pytest.param(command('echo "out $HOME" | wc -w; echo err >&2; exit 3'), id="request"),
        pytest.param(
            command('echo "out $A" | wc -w; echo err >&2; exit 3', env={"A": "1"}), id="stdin"
        ),
        pytest.param(
            command('echo "out 1" | wc -w; echo err >&2; exit 3', collect_outputs=True), id="folder"
        ),
        pytest.param(script('echo "out 1" | wc -w\necho err >&2\nexit 3', "sh"), id="script"),
    ],
)
def test_output_and_status_are_the_works_own(work: Work, sh: str, login: str) -> None:
    ran = run(work, sh, login)

    assert (ran.status, ran.out.strip(), ran.err) == (3, b"2", b"err\n")


@pytest.mark.parametrize("sh", POSIX_SHELLS)
def test_the_work_sees_no_arguments_and_nothing_of_ours(sh: str) -> None:
    seen = run(command('echo "$#"; set; read -r line || echo end', env={"A": "1"}), sh)

    assert seen.out.startswith(b"0\n")
    assert seen.out.endswith(b"end\n")
    assert b"jobdeck-" not in seen.out


@pytest.mark.parametrize("sh", POSIX_SHELLS)
@pytest.mark.parametrize("interpreter", [None, "sh"])
@pytest.mark.parametrize("collect_outputs", [False, True])
def test_work_begins_in_its_folder_or_not_at_all(
    tmp_path: Path, sh: str, interpreter: str | None, *, collect_outputs: bool
) -> None:
    folder = tmp_path / "it's a ${folder}"
    folder.mkdir()

    def ran_in(cwd: Path, text: str) -> Ran:
        program = Program(text=text, interpreter=interpreter, cwd=str(cwd))
        return run(Work(attempt_id="a", task=program, collect_outputs=collect_outputs), sh)

    assert ran_in(folder, "pwd").out.decode() == f"{folder}\n"
    nowhere = ran_in(folder / "none", "echo no")
    assert (nowhere.status, nowhere.out) == (1, b"")
    assert b"none" in nowhere.err


@pytest.mark.parametrize("sh", POSIX_SHELLS)
@pytest.mark.parametrize("carrier", [{}, {"env": {"A": "1"}}, {"collect_outputs": True}])
@pytest.mark.parametrize("text", ["echo before\nif", "echo $(", "}", "foo() {", "'"])
def test_an_error_in_the_text_is_the_works_own(
    text: str, carrier: dict[str, object], sh: str
) -> None:
    ran = run(command(text, **carrier), sh)

    assert ran.frames.started
    assert ran.status not in (0, 125)
    assert ran.err


@pytest.mark.parametrize("sh", POSIX_SHELLS)
@pytest.mark.parametrize("text", ["# nothing", "", "\n\n", "exit", ":"])
def test_a_text_that_does_nothing_succeeds(text: str, sh: str) -> None:
    assert run(command(text, env={"A": "1"}), sh).status == 0


_VALUES = st.text(
    st.one_of(
        st.sampled_from("'\"\\$`!\n\r\t %=*?[]{}()&|;<>~#^-@"),
        st.characters(min_codepoint=1, exclude_categories=["Cs"]),
        st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF),  # bytes that are no UTF-8
    ),
    max_size=60,
)


@pytest.mark.parametrize("sh", POSIX_SHELLS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(values=["TEXT", "jobdeck_@ CALL", "INTERPRETER LIMIT @"])
@example(values=["\n", "a\n", "\n\n "])
@given(values=st.lists(_VALUES, min_size=3, max_size=3))
def test_values_texts_and_arguments_arrive_byte_for_byte(values: list[str], sh: str) -> None:
    value, text, argument = values
    env = {"VALUE": value}
    printf = shutil.which("printf")
    assert printf is not None
    show = f'{printf} "%s\\0" "$VALUE" "$#" "$1"'

    as_command = run(command(f'{printf} "%s\\0" "$VALUE"', env=env), sh)
    as_script = run(script(show, "sh", argument, env=env), sh)
    as_file = run(script(text, "cat", env=env), sh)

    sent = [part.encode("utf-8", "surrogateescape") for part in values]
    assert as_command.out == sent[0] + b"\0"
    assert as_script.out == b"\0".join([sent[0], b"1", sent[2], b""])
    assert as_file.out == sent[1] + b"\n"


@pytest.mark.parametrize("sh", POSIX_SHELLS)
def test_outputs_come_back_and_the_folder_is_gone(sh: str, tmp_path: Path) -> None:
    work = script(
        'printf \'{"a": 1}\' >"$JOBDECK_OUTPUT"; printf x; exit 4', "sh", collect_outputs=True
    )

    ran = run(work, sh, TMPDIR=str(tmp_path))

    assert (ran.status, ran.out, ran.frames.outputs) == (4, b"x", b'{"a": 1}')
    assert list(tmp_path.iterdir()) == []


def test_outputs_over_the_limit_are_announced_and_not_sent() -> None:
    text = f'head -c {MAX_OUTPUTS_BYTES + 1} /dev/zero >"$JOBDECK_OUTPUT"'

    ran = run(command(text, collect_outputs=True))

    assert (ran.frames.outputs, ran.frames.outputs_size) == (None, MAX_OUTPUTS_BYTES + 1)


@pytest.mark.parametrize("sh", POSIX_SHELLS)
def test_the_script_and_its_folder_are_private(sh: str) -> None:
    look = 'ls -ld "$0" "${0%/*}" | cut -c1-10'

    assert run(script(look, "sh"), sh).out == b"drwx------\n-rw-------\n"


@pytest.mark.parametrize("sh", POSIX_SHELLS)
def test_an_interpreter_that_is_not_there_is_refused_before_the_start(sh: str) -> None:
    ran = run(script("x", "no-such-interpreter"), sh)

    assert (ran.frames.started, ran.frames.refusal) == (False, "interpreter")


@pytest.mark.parametrize("sh", POSIX_SHELLS)
def test_a_host_without_a_writable_folder_refuses(sh: str) -> None:
    # /proc takes no folders, whoever asks; /var/tmp is the wrapper's second choice.
    text = compose(script("x", "sh"), "0" * 32).text.replace(b"/var/tmp", b"/proc")
    done = subprocess.run(
        [*sh.split(), "-c", 'eval "$(cat)"'],
        input=text,
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": "/proc", "TMPDIR": "/proc"},
    )

    assert done.stdout == f"jobdeck-{'0' * 32} refuse folder\n".encode()


@pytest.mark.parametrize("sh", POSIX_SHELLS)
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=["TERM", "HUP", "INT"]
)
def test_the_folder_goes_when_the_wrapper_is_ended(
    sh: str, number: signal.Signals, tmp_path: Path
) -> None:
    launch = compose(script("echo up; exec sleep 60", "sh"), secrets.token_hex(16))
    process = subprocess.Popen(
        [*sh.split(), "-c", 'eval "$(cat)"'],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(launch.text)
    process.stdin.close()
    while process.stdout.readline() != b"up\n":
        assert process.poll() is None

    os.killpg(process.pid, number)
    process.stdout.close()
    process.wait(20)

    assert list(tmp_path.iterdir()) == []


TREES = [
    pytest.param("exec sleep 1000", 0, id="one process"),
    pytest.param("sleep 1000 & sleep 1000 & sleep 1000; true", 3, id="children"),
    pytest.param("trap '' TERM; (sleep 1000; true) & sleep 1000; true", 3, id="deaf to TERM"),
    pytest.param("setsid sh -c 'sleep 1000 & sleep 1000; true'; true", 3, id="another session"),
    pytest.param("sleep 1000 & kill -STOP $!; sleep 1000; true", 2, id="stopped"),
]


@pytest.mark.parametrize("sh", POSIX_SHELLS)
@pytest.mark.parametrize(("text", "descendants"), TREES)
def test_all_processes_of_a_work_can_be_ended(text: str, descendants: int, sh: str) -> None:
    process = subprocess.Popen(["sh", "-c", text], start_new_session=True)
    until(lambda: len(living_below(process.pid)) == descendants)

    below = living_below(process.pid)
    ending = ending_text(process.pid, 0.3, "0" * 32)
    done = subprocess.run(
        [*sh.split(), "-c", 'eval "$(cat)"'],
        input=ending.encode(),
        capture_output=True,
        check=False,
        start_new_session=True,
        timeout=20,
    )

    process.wait(10)
    assert (done.stdout, done.stderr) == (GONE, b"")
    assert alive(below) == []


def living_below(parent: int) -> list[int]:
    """Descendants of `parent` that are no zombies."""
    table = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in table.splitlines()]
    found = {parent}
    while new := {int(pid) for pid, up, _ in rows if int(up) in found and int(pid) not in found}:
        found |= new
    return [int(pid) for pid, _, stat in rows if int(pid) in found - {parent} and stat[0] != "Z"]

"""The claim program keeps its word in every POSIX shell and with poor tools, behind every login shell.

No SSH here: a login shell is given the request as sshd gives it, `SHELL -c REQUEST`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.domain.tasks import Program
from core.executors.claims import RECORDED, compose_claimed
from core.executors.ending import GONE, ending_text_of_claim
from core.executors.framing import Frames
from core.executors.protocol import Claim, Position, Work
from core.executors.shell import Launch
from tests.support.processes import alive
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shells are POSIX programs")

_BUSYBOX = [
    "sh",
    "sleep",
    "cat",
    "tail",
    "tee",
    "rm",
    "mkdir",
    "mkfifo",
    "find",
    "wc",
    "env",
    "sed",
]
_MORE = ["printf", "head", "ls", "id"]


def shell(*words: str, package: str = "") -> ParameterSet:
    """A shell to test; one with a `package` is left out, by name, where it is not installed."""
    missing = bool(package) and shutil.which(words[0]) is None
    reason = f"{words[0]} is not installed (Debian package {package})"
    return pytest.param(
        " ".join(words), id=words[0], marks=pytest.mark.skipif(missing, reason=reason)
    )


POSIX_SHELLS = [
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
TOOLS = ["full", "no setsid", "busybox"]


@dataclass(frozen=True, slots=True)
class Host:
    """A home, a shell in the place of /bin/sh, and programs."""

    home: Path
    sh: str
    path: str

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": self.path, "HOME": str(self.home)}

    def claims(self) -> list[str]:
        return [path.name for path in (self.home / ".jobdeck").glob("*") if path.is_dir()]

    def start(self, launch: Launch, login: str = "sh") -> subprocess.Popen[bytes]:
        """The program as a login shell starts it; its standard input stays open."""
        program = shutil.which(login.split(maxsplit=1)[0])
        assert program is not None
        request = launch.request.replace("/bin/sh", self.shell)
        process = subprocess.Popen(
            [program, *login.split()[1:], "-c", request],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
            start_new_session=True,
        )
        assert process.stdin is not None
        process.stdin.write(launch.text.replace(b"/bin/sh", self.shell.encode()))
        process.stdin.flush()
        return process

    @property
    def shell(self) -> str:
        first, *rest = self.sh.split()
        return " ".join([shutil.which(first) or first, *rest])

    def run(self, work: Work, login: str = "sh", *, settles: bool = True) -> Ran:
        """Run or follow `work` to its end."""
        assert work.claim is not None
        launch = compose_claimed(work, work.claim, secrets.token_hex(16))
        process = self.start(launch, login)
        return Ran.of(launch, *finish(process, launch, RECORDED if settles else b""))


def finish(
    process: subprocess.Popen[bytes], launch: Launch, last_word: bytes
) -> tuple[bytes, bytes]:
    """Read a program to the end of what it has to say, say the last word, and wait for its end."""
    assert process.stdin is not None
    assert process.stdout is not None
    frames, said = Frames(launch.token, closes=True), b""
    # As the engine does: what is said before the program's end may be lost with its text.
    while not frames.is_complete and (data := os.read(process.stdout.fileno(), 1 << 16)):
        said += data
        frames.feed(data)
    rest, complaints = process.communicate(last_word, timeout=40)
    return said + rest, complaints


@dataclass(frozen=True, slots=True)
class Ran:
    """What came back."""

    out: bytes
    err: bytes
    frames: Frames

    @classmethod
    def of(cls, launch: Launch, stdout: bytes, stderr: bytes) -> Ran:
        out, err = Frames(launch.token, closes=True), Frames(launch.token, closes=True)
        return cls(
            out.feed(stdout)[1] + out.finish()[1], err.feed(stderr)[1] + err.finish()[1], out
        )

    @property
    def status(self) -> str:
        assert self.frames.closing is not None, (self.frames.refusal, self.out, self.err)
        return self.frames.closing[1]


@pytest.fixture(params=TOOLS)
def tools(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A PATH: everything, everything but setsid, or what BusyBox has and no setsid."""
    if request.param == "full":
        yield os.environ["PATH"]
        return
    folder = tmp_path / "bin"
    folder.mkdir()
    if request.param == "busybox":
        busybox = shutil.which("busybox")
        if busybox is None:
            pytest.skip("busybox is not installed (Debian package busybox)")
        for name in [*_BUSYBOX, *_MORE, "dd", "touch"]:
            (folder / name).symlink_to(busybox)
    else:
        for place in ("/bin", "/usr/bin"):
            for program in Path(place).iterdir():
                link = folder / program.name
                if program.name != "setsid" and not link.is_symlink():
                    link.symlink_to(program)
    yield str(folder)


@pytest.fixture(params=POSIX_SHELLS)
def host(request: pytest.FixtureRequest, tmp_path: Path, tools: str) -> Host:
    home = tmp_path / "home"
    home.mkdir()
    return Host(home, request.param, tools)


def new(program: Program, **more: object) -> Work:
    claim = Claim(run_id="r1", epoch=1)
    return Work(**{"attempt_id": secrets.token_hex(8), "task": program, "claim": claim, **more})


def command(text: str, **more: object) -> Work:
    return new(Program(text=text), **more)


def script(text: str, interpreter: str, *args: str, **more: object) -> Work:
    return new(Program(text=text, interpreter=interpreter, args=args), **more)


def again(work: Work, out: int = 0, err: int = 0) -> Work:
    claim = Claim(run_id="r1", epoch=1, resume=Position(out=out, err=err))
    return Work(attempt_id=work.attempt_id, task=work.program, claim=claim)


def test_output_status_and_outputs_are_the_works_own(host: Host) -> None:
    text = 'echo out; echo err >&2; printf {} >"${JOBDECK_OUTPUT:-/dev/null}"; exit 3'

    by_request = host.run(command(text.replace("'", "")))
    by_input = host.run(command(text, env={"A": "it's"}, collect_outputs=True))
    as_script = host.run(script(text, "sh", collect_outputs=True))

    for ran in (by_request, by_input, as_script):
        assert (ran.status, ran.out, ran.err) == ("3", b"out\n", b"err\n")
    assert by_request.frames.outputs is None
    assert by_input.frames.outputs == as_script.frames.outputs == b"{}"
    until(lambda: host.claims() == [])


def test_work_begins_in_its_folder_or_not_at_all(host: Host, tmp_path: Path) -> None:
    folder = tmp_path / "it's a ${folder}"
    folder.mkdir()

    for interpreter in (None, "sh"):
        there = Program(text="pwd", interpreter=interpreter, cwd=str(folder))
        assert host.run(new(there)).out.decode() == f"{folder}\n"
        nowhere = Program(text="echo no", interpreter=interpreter, cwd=f"{folder}/none")
        ran = host.run(new(nowhere))
        assert (ran.status, ran.out) == ("1", b"")
        assert b"none" in ran.err


def test_what_is_there_is_followed_and_not_started(host: Host, tmp_path: Path) -> None:
    work = command(f"echo started >>{tmp_path}/ledger; echo out; echo err >&2; exit 9")

    first = host.run(work, settles=False)
    second = host.run(work, settles=False)
    rest = host.run(again(work, out=2, err=4))
    later = host.run(again(work))
    late = host.run(work)

    assert (first.out, first.err, first.status) == (second.out, second.err, second.status)
    assert (rest.out, rest.err, rest.status) == (b"t\n", b"", "9")
    assert later.frames.refusal == late.frames.refusal == "absent"
    assert (tmp_path / "ledger").read_text() == "started\n"


def test_work_outlives_the_line_and_is_followed_while_it_runs(host: Host, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    work = command(f"echo one; echo eins >&2; : <{gate}; echo two; echo zwei >&2; exit 5")
    assert work.claim is not None
    first = host.start(compose_claimed(work, work.claim, secrets.token_hex(16)))
    assert first.stdout is not None
    while first.stdout.readline() != b"one\n":
        assert first.poll() is None
    os.killpg(first.pid, signal.SIGHUP)
    for stream in (first.stdin, first.stdout, first.stderr):
        assert stream is not None
        stream.close()
    first.wait(20)

    look = again(work, out=4)
    assert look.claim is not None
    launch = compose_claimed(look, look.claim, secrets.token_hex(16))
    second = host.start(launch)
    assert second.stdout is not None
    begun = second.stdout.readline()
    with gate.open("w"):
        stdout, stderr = second.communicate(RECORDED, timeout=40)
    ran = Ran.of(launch, begun + stdout, stderr)

    assert (ran.out, ran.err, ran.status) == (b"two\n", b"eins\nzwei\n", "5")


@pytest.mark.parametrize("login", LOGIN_SHELLS)
@pytest.mark.parametrize("sh", POSIX_SHELLS)
def test_every_login_shell_passes_it_on(sh: str, login: str, tmp_path: Path) -> None:
    host = Host(tmp_path, sh, os.environ["PATH"])

    by_request = host.run(command("echo out; echo err >&2; exit 3"), login)
    by_input = host.run(command("echo out; echo err >&2; exit $A", env={"A": "3"}), login)
    look = host.run(again(command("true")), login)

    for ran in (by_request, by_input):
        assert (ran.status, ran.out, ran.err) == ("3", b"out\n", b"err\n")
    assert look.frames.refusal == "absent"


@pytest.mark.parametrize("sh", POSIX_SHELLS)
def test_every_exit_status_and_death_is_kept(sh: str, tmp_path: Path) -> None:
    host = Host(tmp_path, sh, os.environ["PATH"])
    statuses = [0, 1, 2, 124, 125, 126, 127, 128, 129, 200, 255]

    exits = [host.run(command(f"exit {status}")).status for status in statuses]
    deaths = [host.run(command(f"kill -{name} $$; sleep 9")) for name in ("KILL", "TERM", "INT")]

    assert exits == [str(status) for status in statuses]
    assert [ran.status for ran in deaths] == ["137", "143", "130"]
    if sh != "ksh":  # it says how a child died where the child's own words go
        assert [ran.err for ran in deaths] == [b"", b"", b""]


@pytest.mark.parametrize("sh", POSIX_SHELLS)
def test_work_can_open_its_streams_anew_and_traps_what_it_wants(sh: str, tmp_path: Path) -> None:
    host = Host(tmp_path, sh, os.environ["PATH"])
    text = "echo 1; echo 2 >/dev/stdout; echo 3; echo a >&2; echo b >/dev/stderr; echo c >&2"
    traps = "trap 'echo int' INT; trap 'echo term' TERM; kill -INT $$; kill -TERM $$; trap"

    anew, trapped = host.run(command(text)), host.run(command(traps))

    assert (anew.out, anew.err) == (b"1\n2\n3\n", b"a\nb\nc\n")
    assert trapped.out.startswith(b"int\nterm\n")


@pytest.mark.parametrize("sh", POSIX_SHELLS)
def test_the_work_sees_no_arguments_and_nothing_of_ours(sh: str, tmp_path: Path) -> None:
    host = Host(tmp_path, sh, os.environ["PATH"])
    text = 'echo "$#"; set; read -r line || echo end'

    for seen in (host.run(command(text)), host.run(command(text, env={"A": "1"}))):
        assert seen.out.startswith(b"0\n")
        assert seen.out.endswith(b"end\n")
        assert b"jd_" not in seen.out


_VALUES = st.text(
    st.one_of(
        st.sampled_from("'\"\\$`!\n\r\t %=*?[]{}()&|;<>~#^-@"),
        st.characters(min_codepoint=1, exclude_categories=["Cs"]),
        st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF),  # bytes that are no UTF-8
    ),
    max_size=60,
)


@pytest.mark.parametrize("sh", POSIX_SHELLS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(values=["TEXT", "LIMIT", "jd_watch"])
@example(values=["\n", "a\n", "\n\n "])
@given(values=st.lists(_VALUES, min_size=3, max_size=3))
def test_values_texts_and_arguments_arrive_byte_for_byte(
    values: list[str], sh: str, tmp_path: Path
) -> None:
    value, text, argument = values
    host, env = Host(tmp_path, sh, os.environ["PATH"]), {"VALUE": value}

    as_command = host.run(command('/usr/bin/printf "%s\\0" "$VALUE"', env=env))
    as_script = host.run(
        script('/usr/bin/printf "%s\\0" "$VALUE" "$#" "$1"', "sh", argument, env=env)
    )
    as_file = host.run(script(text, "cat", env=env))

    sent = [part.encode("utf-8", "surrogateescape") for part in values]
    assert as_command.out == sent[0] + b"\0"
    assert as_script.out == b"\0".join([sent[0], b"1", sent[2], b""])
    assert as_file.out == sent[1] + b"\n"


def test_large_scripts_and_binary_output_pass_whole(host: Host, tmp_path: Path) -> None:
    padding = "# padding " + "x" * 200_000
    text = f"{padding}\ncd {tmp_path}; head -c 3000000 /dev/urandom >copy; cat copy"

    ran = host.run(script(text, "sh", env={"A": "1"}))

    assert ran.out == (tmp_path / "copy").read_bytes()


TREES = [
    pytest.param("echo $$; exec sleep 1000", id="one process"),
    pytest.param("sleep 1000 & echo $!; sleep 1000 & echo $!; echo $$; wait", id="children"),
    pytest.param("trap '' TERM; sleep 1000 & echo $!; echo $$; wait", id="deaf to TERM"),
]


@pytest.mark.parametrize("text", TREES)
def test_an_ending_reaches_the_work_and_spares_who_follows_it(host: Host, text: str) -> None:
    work = command(f"{text}; true")
    assert work.claim is not None
    launch = compose_claimed(work, work.claim, secrets.token_hex(16))
    process = host.start(launch)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(1 + text.count("echo"))]
    watcher = int(lines[0].split()[-1])

    ending = ending_text_of_claim(
        watcher, 0.3, f"{host.home}/.jobdeck/{work.attempt_id}", "stopped"
    )
    done = subprocess.run(
        [*host.shell.split(), "-c", 'eval "$(cat)"'],
        input=ending.encode(),
        capture_output=True,
        check=False,
        env=host.env,
        start_new_session=True,
        timeout=30,
    )
    stdout, _ = process.communicate(RECORDED, timeout=40)
    ran = Ran.of(launch, b"".join(lines) + stdout, b"")

    assert (done.stdout, done.stderr) == (GONE, b"")
    assert ran.frames.closing is not None
    assert ran.frames.closing[-1] == "stopped"
    assert alive([watcher, *ran.out.split()]) == []
    until(lambda: host.claims() == [])


def test_stale_claims_and_fences_are_collected_and_nothing_else(host: Host) -> None:
    spool, week = host.home / ".jobdeck", 8 * 86_400
    over, running = command("true"), command("sleep 1000")
    host.run(over, settles=False)
    host.run(again(command("never")))
    assert running.claim is not None
    process = host.start(compose_claimed(running, running.claim, secrets.token_hex(16)))
    until((spool / running.attempt_id / "pid").exists)
    (spool / "notes").mkdir()
    before = {path: path.stat().st_mtime for path in spool.iterdir()}
    for path, changed in before.items():
        os.utime(path, (changed - week, changed - week))
    young = command("true")
    host.run(young, settles=False)

    host.run(command("true"))

    kept = {running.attempt_id, young.attempt_id, "notes"}
    try:
        until(lambda: {path.name for path in spool.iterdir()} == kept)
    finally:
        watcher = int((spool / running.attempt_id / "pid").read_text().split()[0])
        os.kill(watcher, signal.SIGKILL)
        process.communicate()


@pytest.mark.needs_root
@pytest.mark.needs("mount")
def test_full_disks_cost_output_but_no_status(host: Host, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k,noexec", "tmpfs", str(disk)], check=True
    )
    try:
        claim = Claim(run_id="r1", epoch=1, spool=str(disk / "spool"))
        text = "head -c 1000000 /dev/zero; echo err >&2; exit 6"
        filling = host.run(new(Program(text=text), claim=claim), settles=False)
        full = host.run(new(Program(text="exit 7"), claim=claim))
        look = Claim(run_id="r1", epoch=1, spool=str(disk / "spool"), resume=Position())
        looked = host.run(new(Program(text="exit 7"), claim=look))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)

    assert filling.status == "6"
    assert filling.frames.closing is not None
    assert "cut" in filling.frames.closing
    assert 0 < len(filling.out) < 1_000_000
    assert full.frames.refusal is not None
    assert full.frames.refusal.startswith("unclaimed ")
    assert looked.frames.refusal is not None
    assert looked.frames.refusal.split()[0] in ("blind", "absent")


@pytest.mark.needs_root
@pytest.mark.needs("mount")
def test_a_read_only_home_takes_no_claim_and_shows_none(host: Host, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(disk)], check=True)
    try:
        away = Host(disk, host.sh, host.path)
        work = command("echo never")
        started, looked = away.run(work), away.run(again(work))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)

    assert started.frames.refusal is not None
    assert started.frames.refusal.startswith("unclaimed ")
    assert looked.frames.refusal is not None
    assert looked.frames.refusal.startswith("blind ")
    assert started.out == b""

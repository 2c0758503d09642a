"""A double of a Windows host's PowerShell: runs our own program's part in Python, and works in sh.

There is no Windows here. What `core.executors.winrm` sends is one fixed program with values; this
knows that text by its digest, and does what it does: marks, claims, watching, following, ending.
A text for `powershell` or `cmd` is run by /bin/sh as it stands. So what is tried with it is all that
the engine does, and the protocol between both; PowerShell itself is not.

When the digest does not fit, program.ps1 was changed: bring this in step, then write down the new one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from tests.support import windows_files
from tests.support.cruntime import split_words

ROOT = Path(__file__).parents[2]
ARGV = [sys.executable, "-m", "tests.support.windows"]
"""Starts the program, where the tests can be imported from."""

PROGRAM_SHA256 = "caa55b76c8563662127ab7c124e9233285248d864282b271c02b28c058b88086"
FILES_SHA256 = "30e793f8d4e671328d623ff24acf84165b8c395eb98cb424f79928e57a86b779"
FACTS_SHA256 = "d0ef7933d82addec187fab195265c11f4bee0ed5598112386afc1c2f42310df7"
PROBE_SHA256 = "480be489c4e824967155fba44eeecd3e85cc2f0026b0010630399d4d0048cc14"
ENDING_SHA256 = "c14f66704ecd5059d5f464679243a388251085a05cff385bc57bb7d291e072d6"
_STATUS = "\nif (-not $?) { if ($LASTEXITCODE) { exit $LASTEXITCODE } else { exit 1 } }\n"
_SHELLS = {"powershell.exe", "cmd.exe"}
_MOST_OUTPUTS = 1 << 20


def environment(home: Path) -> dict[str, str]:
    """What the program needs, on a host whose user's home is `home`."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "JOBDECK_DOUBLE_HOME": str(home),
    }


def main() -> None:
    """Read the three lines, as the reader in PowerShell does, and play the program."""
    program, values, text = (base64.b64decode(sys.stdin.buffer.readline()) for _ in range(3))
    match hashlib.sha256(program).hexdigest():
        case known if known == PROGRAM_SHA256:
            Host(json.loads(values), text.decode("utf-8"), program).play()
        case known if known == FILES_SHA256:
            windows_files.carry(json.loads(values), Path(os.environ["JOBDECK_DOUBLE_HOME"]))
        case _:
            sys.exit("tests/support/windows.py does not know this program: bring it in step")


class Host:
    """One run of the program."""

    def __init__(self, given: dict[str, Any], text: str, program: bytes) -> None:
        self._given = given
        self._text = text
        self._program = program
        self._home = Path(os.environ["JOBDECK_DOUBLE_HOME"])
        self._spool = Path(given["spool"] or self._home / ".jobdeck")
        self._claim = self._spool / given["attempt"]

    def play(self) -> None:
        modes = {
            "direct": self._run_directly,
            "start": self._start_claim,
            "visit": self._visit_claim,
            "watch": self._watch,
        }
        modes[self._given["mode"]]()

    # ------------------------------------------------------------------ what is said

    def _say(self, stream: int, line: str) -> None:
        _write(stream, f"jobdeck-{self._given['token']} {line}\n".encode())

    def _refuse(self, line: str) -> None:
        self._say(1, f"refuse {line}")
        sys.exit(0)

    # ------------------------------------------------------------------ the work

    def _check_work(self) -> None:
        program = self._given["program"]
        if program not in _SHELLS and shutil.which(program) is None:
            self._refuse("interpreter")
        if not Path(self._given["cwd"] or self._home).is_dir():
            self._refuse("cwd")

    def _start_work(self, folder: Path) -> subprocess.Popen[bytes]:
        given, script = self._given, folder / self._given["file"]
        text = self._text.removesuffix(_STATUS).removeprefix("@echo off\r\n").replace("\r\n", "\n")
        script.write_text(text, "utf-8")
        words = (
            given["after"].removesuffix('"') if given["program"] == "cmd.exe" else given["after"]
        )
        words = words.replace("%%cd:~,%", "%")
        program = "/bin/sh" if given["program"] in _SHELLS else given["program"]
        argv = [program, str(script), *split_words(words)]
        digest = hashlib.sha256(self._text.encode()).hexdigest()
        if digest == ENDING_SHA256:
            argv = [*ARGV, "end"]
        elif digest in (PROBE_SHA256, FACTS_SHA256):
            script.write_text(_in_sh(digest))
        env = {
            **environment(self._home),
            "HOME": str(self._home),
            **{name: base64.b64decode(value).decode() for name, value in given["env"].items()},
        }
        if given["collects"]:
            env["JOBDECK_OUTPUT"] = str(folder / "outputs")
        return subprocess.Popen(
            argv,
            cwd=given["cwd"] or self._home,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _wait_work(self, process: subprocess.Popen[bytes], out: int, err: int) -> str:
        assert process.stdout is not None
        assert process.stderr is not None
        pairs = ((process.stdout, out), (process.stderr, err))
        copies = [
            threading.Thread(target=_copy, args=(source.fileno(), to), daemon=True)
            for source, to in pairs
        ]
        for copy in copies:
            copy.start()
        process.wait()
        for copy in copies:
            copy.join(5)
        return "held" if any(copy.is_alive() for copy in copies) else ""

    def _send_outputs(self, line: str, folder: Path, more: str) -> None:
        data = _as_utf8(folder / "outputs")
        size = "-" if data is None else str(len(data))
        self._say(1, f"{line} {size} {more}".rstrip())
        if data is not None and len(data) <= _MOST_OUTPUTS:
            _write(1, data)

    def _run_directly(self) -> None:
        self._check_work()
        folder = Path(tempfile.mkdtemp(prefix="jobdeck-"))
        try:
            process = self._start_work(folder)
            self._say(1, f"start {process.pid}")
            self._say(2, "start")
            self._wait_work(process, 1, 2)
            if self._given["collects"] and (folder / "outputs").exists():
                self._send_outputs("outputs", folder, "")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        _exit(_status(process))

    # ------------------------------------------------------------------ claims

    def _check_fence(self) -> None:
        for file in self._spool.glob(f"fence-{self._given['run']}-*"):
            if int(file.name.rpartition("-")[2]) > self._given["epoch"]:
                self._refuse("fenced")

    def _take_claim(self, refusal: str) -> bool:
        try:
            self._claim.mkdir(parents=True, exist_ok=True)
            return _made(self._claim / "taken", str(os.getpid()))
        except OSError as error:
            self._refuse(f"{refusal} {error.strerror}")
            raise

    def _void(self) -> bool:
        return _made(self._claim / "pid", "void")

    def _start_watcher(self) -> None:
        watcher = subprocess.Popen(
            ARGV,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        values = json.dumps({**self._given, "mode": "watch"}).encode()
        lines = (self._program, values, self._text.encode())
        assert watcher.stdin is not None
        watcher.stdin.write(b"".join(base64.b64encode(line) + b"\n" for line in lines))
        watcher.stdin.close()

    def _watch(self) -> None:
        if not _made(self._claim / "pid", f"{os.getpid()} {_birth(os.getpid())}"):
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        out, err = (os.open(self._claim / name, flags, 0o600) for name in ("out", "err"))
        process = self._start_work(self._claim)
        word = self._wait_work(process, out, err)
        new = self._claim / "exit.new"
        new.write_text(f"{_status(process)} {word}\n")
        new.rename(self._claim / "exit")
        os._exit(0)

    def _follow(self) -> None:
        tries = 0
        while not (who := _words(self._claim / "pid")):
            tries += 1
            if tries == 250 and self._void():
                self._refuse("absent")
            if tries >= 300:
                self._refuse("broken")
            time.sleep(0.02)
        if who[0] == "void":
            self._refuse("absent")
        number, birth = int(who[0]), who[1]
        ended = " ".join(_words(self._claim / "ended"))
        lives = _birth(number) == birth
        self._say(1, f"start {number} {ended}".rstrip() if lives else "start -")
        self._say(2, "start")
        sources = []
        for name in ("out", "err"):
            path = self._claim / name
            while _birth(number) == birth and not path.exists():
                time.sleep(0.02)
            path.touch()
            sources.append(os.open(path, os.O_RDONLY))
            os.lseek(sources[-1], self._given[name], os.SEEK_SET)
        runs = True
        while runs:
            runs = _birth(number) == birth
            came = [_copy(source, to) for source, to in zip(sources, (1, 2), strict=True)]
            if runs and not any(came):
                time.sleep(0.02)
        self._say_end(birth)

    def _say_end(self, birth: str) -> None:
        words, ended = _words(self._claim / "exit"), _words(self._claim / "ended")
        if words:
            self._send_outputs(f"exit {words[0]}", self._claim, " ".join([*words[1:], *ended]))
        else:
            how = "rebooted" if (self._home / "rebooted").exists() else "killed"
            self._say(1, " ".join(["gone", how, *ended]))
        self._say(2, "end")
        for line in sys.stdin.buffer:
            if line.strip() == b"recorded":
                shutil.rmtree(self._claim, ignore_errors=True)
                return

    def _start_claim(self) -> None:
        self._check_work()
        self._check_fence()
        if self._take_claim("unclaimed"):
            if (self._home / "no-wmi").exists():
                self._void()
                shutil.rmtree(self._claim)
                self._refuse("unclaimed WMI starts no process (code 2)")
            self._start_watcher()
        self._follow()

    def _visit_claim(self) -> None:
        self._check_fence()
        self._spool.mkdir(parents=True, exist_ok=True)
        _made(self._spool / f"fence-{self._given['run']}-{self._given['epoch']}", "")
        if self._take_claim("blind"):
            self._refuse("absent" if self._void() else "blind there is no room for a mark")
        self._follow()


def _in_sh(digest: str) -> str:
    """The same questions for /bin/sh, to which a Windows host's shells are there."""
    from core.domain import gathering, probing

    if digest == FACTS_SHA256:
        return gathering.PROGRAM
    find = 'find() { case $1 in powershell | cmd) echo "$1" ;; *) command -v "$1" ;; esac; }\n'
    return find + probing.PROGRAM.replace('command -v "$name"', 'find "$name"')


def end() -> None:
    """What ending.ps1 does."""
    root = int(os.environ["JOBDECK_END_PID"])
    home = os.environ["JOBDECK_DOUBLE_HOME"]
    if attempt := os.environ.get("JOBDECK_END_ATTEMPT"):
        spool = Path(os.environ.get("JOBDECK_END_SPOOL") or f"{home}/.jobdeck")
        (spool / attempt / "ended").write_text(os.environ["JOBDECK_END_WORD"] + "\n")
    clock, seen = SystemClock(), {root}
    left = _left(seen)
    _send(left, signal.SIGINT)
    until = clock.monotonic() + int(os.environ["JOBDECK_END_GRACE"]) / 1000
    while (left := _left(seen)) and clock.monotonic() < until:
        time.sleep(0.02)
    for _ in range(50):
        if not left:
            break
        _send(left, signal.SIGKILL)
        time.sleep(0.05)
        left = _left(seen)
    print(" ".join(map(str, left)) if left else "gone", flush=True)  # noqa: T201


def _left(seen: set[int]) -> set[int]:
    """Who lives, of all that were ever seen to descend from the first."""
    parents = _parents()
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in seen} - seen
        seen |= more
        grown = bool(more)
    return seen & parents.keys()


def _send(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _as_utf8(path: Path) -> bytes | None:
    if not path.exists():
        return None
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def _made(path: Path, line: str) -> bool:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    _write(file, f"{line}\n".encode())
    os.close(file)
    return True


def _words(path: Path) -> list[str]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    return text.split() if text.endswith("\n") else []


def _copy(source: int, to: int) -> bool:
    """Everything up to the end of `source`; whether anything came."""
    came = False
    while data := os.read(source, 65536):
        _write(to, data)
        came = True
    return came


def _write(to: int, data: bytes) -> None:
    while data:
        data = data[os.write(to, data) :]


_DEATHS = {signal.SIGINT: -1073741510, signal.SIGSEGV: -1073741819, signal.SIGKILL: -1}
"""What Windows says of a program that ended so: Ctrl-C, an access violation, Stop-Process."""


def _status(process: subprocess.Popen[bytes]) -> int:
    code = process.returncode
    return code if code >= 0 else _DEATHS.get(signal.Signals(-code), 1)


def _exit(status: int) -> None:
    """End with a status of 32 bits, for which this machine has no room: the server reads it."""
    Path(os.environ["JOBDECK_DOUBLE_STATUS"]).write_text(str(status))
    os._exit(0 if status == 0 else 1)


def _stat(pid: int) -> list[str]:
    """The words of a process after its name; [] when it is gone, or a zombie."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [] if words[0] in "ZX" else words


def _birth(pid: int) -> str:
    words = _stat(pid)
    return words[19] if words else ""


def _parents() -> dict[int, int]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return {pid: int(words[1]) for pid in pids if (words := _stat(pid))}


if __name__ == "__main__":
    if sys.argv[1:] == ["end"]:
        end()
    else:
        main()

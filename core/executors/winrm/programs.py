"""Work -> what PowerShell is given on a Windows host: one program, the work's values, the work's text.

The command line holds only a reader. Program, values and text follow on standard input, a line of base
64 each, so nothing of them is in any argument list, and no code page touches them:

    program.ps1   always the same; see there for claims
    values        JSON: what to run, its environment, its claim
    text          the script's, or the command line's; becomes a file there

Pure: values in, text out.
"""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from core.domain.quoting import quote_cmd
from core.domain.tasks import Program
from core.domain.windows import WindowsShell
from core.executors.dialect import Ending
from core.executors.protocol import Claim, Position, Stream, Work
from core.executors.shell import Launch, Recoder, check
from core.executors.winrm.encodings import WindowsRecoder
from core.executors.winrm.statuses import meaning

_BYTES_OF = "$u.GetString([Convert]::FromBase64String($w.ReadLine()))"
_RUN = (
    "$u=[Text.Encoding]::UTF8;$t="
    f"{_BYTES_OF};$g={_BYTES_OF}|ConvertFrom-Json;Add-Member -InputObject $g text $t;"
    f"$x={_BYTES_OF};& ([ScriptBlock]::Create($t)) $w $g $x"
)
READER = f"$w=[Console]::In;{_RUN}"
"""Reads the three lines from standard input, and gives the rest of it to the program."""
WATCHER_READER = (
    "$p=New-Object IO.Pipes.NamedPipeClientStream '.','NAME','In';$p.Connect(20000);"
    f"$w=New-Object IO.StreamReader $p;{_RUN}"
)
"""The same from a pipe, whose name stands in the place of NAME."""

# Without an input format PowerShell leaves standard input to the reader.
REQUEST = (
    "powershell.exe -NoProfile -NonInteractive -InputFormat None -OutputFormat Text"
    " -ExecutionPolicy Bypass"
    f" -EncodedCommand {b64encode(READER.encode('utf-16-le')).decode('ascii')}"
)
"""The command line of every program of ours."""


def resource(name: str) -> str:
    """A program of this package, as it is sent."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")


PROGRAM = resource("program.ps1")
ENDING = resource("ending.ps1")

# What a command line's own end says becomes the status; PowerShell alone would say 0.
_STATUS_OF_COMMAND = """
if (-not $?) { if ($LASTEXITCODE) { exit $LASTEXITCODE } else { exit 1 } }
"""


def said(program: str, values: str, text: str) -> bytes:
    """The three lines for the reader."""
    return b"".join(_base64(line) + b"\n" for line in (program, values, text))


def _base64(text: str) -> bytes:
    return b64encode(text.encode("utf-8"))


def _native(words: Sequence[str]) -> str:
    # The grammar of Microsoft's C runtime, which all but cmd.exe read their command line by.
    return subprocess.list2cmdline(words)


def _batch(words: Sequence[str]) -> str:
    return " ".join(map(quote_cmd, words))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interpreter:
    """How a program is called that reads a script: `before "script" words after`."""

    program: str
    file: str
    before: str = ""
    after: str = ""
    bom: bool = False
    """The file begins with a byte order mark, without which it is read in an old code page."""
    quote: Callable[[Sequence[str]], str] = _native


_POWERSHELL = "-NoProfile -NonInteractive -OutputFormat Text -ExecutionPolicy Bypass -File "
_INTERPRETERS = {
    "powershell": _Interpreter(
        program="powershell.exe", file="script.ps1", before=_POWERSHELL, bom=True
    ),
    "pwsh": _Interpreter(program="pwsh.exe", file="script.ps1", before=_POWERSHELL, bom=True),
    "cmd": _Interpreter(
        program="cmd.exe",
        file="script.cmd",
        before='/e:ON /v:OFF /d /s /c "',
        after='"',
        quote=_batch,
    ),
}
"""By the name in a step's `language`; any other is started with the script's path and its words."""


class WindowsDialect:
    """Hosts with PowerShell. `shell` reads command lines; `code_page`: see `WinrmOptions`."""

    needs = "does PowerShell 5.1 run there, without a policy that forbids its programs?"

    def __init__(self, shell: WindowsShell, code_page: int | None = None) -> None:
        self._shell = shell
        self._code_page = code_page

    def launch(self, work: Work, token: str, *, as_other_user: bool) -> Launch:
        check(work)
        values = {"token": token, **self._work(work), **_claim(work)}
        text = said(PROGRAM, json.dumps(values), self._text(work.program))
        return Launch(
            token,
            REQUEST,
            text,
            collects=work.collect_outputs and work.claim is None,
            is_claimed=work.claim is not None,
            recoders=self._recoders(work.claim),
        )

    def _recoders(self, claim: Claim | None) -> dict[Stream, Recoder]:
        at = (claim and claim.resume) or Position()
        known = {Stream.OUT: at.out, Stream.ERR: at.err}
        return {stream: WindowsRecoder(self._code_page, skip) for stream, skip in known.items()}

    def ending(self, work: Work, pid: int, grace_s: float, token: str, word: str) -> Ending:
        env = {"JOBDECK_END_PID": str(pid), "JOBDECK_END_GRACE": str(round(grace_s * 1000))}
        if work.claim is not None:
            env |= {
                "JOBDECK_END_SPOOL": work.claim.spool,
                "JOBDECK_END_ATTEMPT": work.attempt_id,
                "JOBDECK_END_WORD": str(word),
            }
        return Ending(Program(text=ENDING, interpreter=WindowsShell.POWERSHELL), env)

    def meaning(self, status: int) -> str:
        return meaning(status)

    def _interpreter(self, program: Program) -> _Interpreter:
        name = program.interpreter or self._shell.value
        return _INTERPRETERS.get(name) or _Interpreter(program=name, file="script")

    def _text(self, program: Program) -> str:
        text, name = program.text, program.interpreter
        if name is None and self._shell is WindowsShell.POWERSHELL:
            return text + _STATUS_OF_COMMAND
        if name is None:
            text = f"@echo off\n{text}\n"
        if (name or self._shell) == WindowsShell.CMD:
            return "\r\n".join(text.splitlines()) + "\r\n"
        return text

    def _work(self, work: Work) -> dict[str, Any]:
        program, interpreter = work.program, self._interpreter(work.program)
        words = interpreter.quote(program.args)
        return {
            "program": interpreter.program,
            "file": interpreter.file,
            "bom": interpreter.bom,
            "before": interpreter.before,
            "after": (f" {words}" if words else "") + interpreter.after,
            "env": {name: _base64(value).decode("ascii") for name, value in work.env.items()},
            "cwd": program.cwd or "",
            "collects": work.collect_outputs,
        }


def _claim(work: Work) -> dict[str, Any]:
    claim = work.claim
    if claim is None:
        return {"mode": "direct", "attempt": work.attempt_id, "spool": ""}
    return {
        "mode": "start" if claim.resume is None else "visit",
        "attempt": work.attempt_id,
        "run": claim.run_id,
        "epoch": claim.epoch,
        "spool": claim.spool,
        # Positions count what was recoded, so a host's files are read again from their beginning.
        "out": 0,
        "err": 0,
        "watcher": WATCHER_READER,
    }

"""Looking at a host without running anything of the work: what is asked there, and what it means.

The program prints one `name=value` a line and leaves nothing behind. Where no work was
done, a target's state says how the work would begin: `success` is a host that is ready.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from core.domain.inventory import Protocol
from core.domain.run import TargetCode, TargetState
from core.domain.tasks import Program
from core.domain.windows import powershell

INTERPRETERS = "JOBDECK_PROBE_INTERPRETERS"
SPOOL = "JOBDECK_PROBE_SPOOL"

PROGRAM = """\
say() { printf '%s=%s\\n' "$1" "$2"; }
free() {
    df -Pk "$2" 2>/dev/null | {
        read -r titles; read -r device total used left rest && say "$1" "$left"
    }
}
say clock "$(date +%s)"
say user "$(id -un 2>/dev/null || id -u)"
for name in $JOBDECK_PROBE_INTERPRETERS; do
    say "interpreter $name" "$(command -v "$name" 2>/dev/null)"
done
spool=${JOBDECK_PROBE_SPOOL:-$HOME/.jobdeck}
say spool "$spool"
# What claims would need is tried in the folder itself, or where it would be made.
place=$spool
while [ "$place" ] && [ ! -d "$place" ]; do place=${place%/*}; done
place=${place:-/}
if refusal=$(umask 077; mkdir "$place/.jobdeck-probe-$$" 2>&1); then
    rmdir "$place/.jobdeck-probe-$$"
else
    say refusal "${refusal:-it cannot be written}"
fi
free free "$place"
free tmp_free "${TMPDIR:-/tmp}"
command -v setsid >/dev/null 2>&1 && say setsid yes
case $(tail --help 2>&1 </dev/null) in
    *BusyBox*) say tail busybox ;;
    *--pid*) say tail gnu ;;
    *) say tail other ;;
esac
"""
"""Given to /bin/sh, with the two variables above in its environment."""

WINDOWS_PROGRAM = """\
$ErrorActionPreference = 'Stop'
function Say($Name, $Value) { [Console]::Out.WriteLine("$Name=$Value") }
function Free($Name, $Folder) {
    try { $Drive = New-Object IO.DriveInfo (Split-Path -Qualifier $Folder) } catch { return }
    Say $Name ([long]($Drive.AvailableFreeSpace / 1024))
}
Say 'clock' ([DateTimeOffset]::UtcNow.ToUnixTimeSeconds())
Say 'user' ([Security.Principal.WindowsIdentity]::GetCurrent().Name)
foreach ($Name in -split $env:JOBDECK_PROBE_INTERPRETERS) {
    $Found = @(Get-Command $Name -CommandType Application -ErrorAction SilentlyContinue)
    Say "interpreter $Name" $(if ($Found) { $Found[0].Path })
}
$Spool = $env:JOBDECK_PROBE_SPOOL
if (-not $Spool) { $Spool = Join-Path ([Environment]::GetFolderPath('UserProfile')) '.jobdeck' }
Say 'spool' $Spool
$Place = $Spool
while ($Place -and -not (Test-Path -LiteralPath $Place)) { $Place = Split-Path -Parent $Place }
try {
    $Trial = Join-Path $Place ".jobdeck-probe-$PID"
    [void][IO.Directory]::CreateDirectory($Trial)
    [IO.Directory]::Delete($Trial)
} catch { Say 'refusal' ($_.Exception.GetBaseException().Message) }
Free 'free' $Place
Free 'tmp_free' ([IO.Path]::GetTempPath())
"""
"""The same for PowerShell."""


def program(protocol: Protocol) -> Program:
    """What is run on a host to look at it."""
    if protocol is Protocol.WINRM:
        return powershell(WINDOWS_PROGRAM)
    return Program(text=PROGRAM)


MOST_SKEW_S = 5
"""Seconds between a host's clock and the engine's that are worth no word."""
_CUT_OFF_S = 0.5
"""On average; the host's clock comes in whole seconds."""
LEAST_FREE_BYTES = 64 * 1024 * 1024


class Note(StrEnum):
    """What keeps no work from starting, and is worth knowing before it does."""

    SPOOL_UNUSABLE = "spool-unusable"
    """No claim can be kept there: the work would run directly, and a lost line may lose it."""
    LITTLE_SPACE = "little-space"
    CLOCK_SKEW = "clock-skew"


class Stage(StrEnum):
    """Where the way to a host stopped; in the order in which the stages are passed."""

    NAME = "name"
    """Its address was not found."""
    CONNECTION = "connection"
    HOST_KEY = "host-key"
    LOGIN = "login"
    SHELL = "shell"
    """Logged in, and what was asked there did not run to its end."""


STOPPED_AT: Mapping[TargetCode, Stage] = {
    TargetCode.HOST_NOT_FOUND: Stage.NAME,
    TargetCode.CONNECTION_FAILURE: Stage.CONNECTION,
    TargetCode.CONNECTION_TIMEOUT: Stage.CONNECTION,
    TargetCode.HOST_KEY_PENDING: Stage.HOST_KEY,
    TargetCode.HOST_KEY_CHANGED: Stage.HOST_KEY,
    TargetCode.HOST_KEY_REVOKED: Stage.HOST_KEY,
    TargetCode.AUTHENTICATION_FAILURE: Stage.LOGIN,
    TargetCode.INVALID_OPTIONS: Stage.LOGIN,
    TargetCode.BECOME_FAILURE: Stage.LOGIN,
}
"""Code -> stage; any other means that a shell was reached."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a host said about itself."""

    user: str = ""
    """Who the work would be, after becoming."""
    interpreters: dict[str, str] = {}
    """Interpreter -> its path there; "" where it is missing."""
    spool: str = ""
    """Folder that would keep claims."""
    spool_refusal: str = ""
    """Why claims cannot be kept there; "" where they can."""
    free_bytes: int | None = None
    """Where claims would be kept; None where they cannot, or where it cannot be said."""
    tmp_free_bytes: int | None = None
    skew_s: int | None = None
    """Its clock minus the engine's, in whole seconds."""
    setsid: bool = False
    tail: str = ""
    """gnu, busybox or other."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe found out about one host under one login."""

    ordinal: int
    host: str
    account: str | None
    steps: list[str]
    """The steps that would run there under this login."""
    state: TargetState
    code: TargetCode | None = None
    message: str = ""
    notes: list[Note] = []
    facts: Facts | None = None
    """None where nothing could be asked."""
    path: list[str] = []
    """The hosts on the way, in the order in which they are passed, and the host itself."""
    reached_ms: int | None = None
    """Until somebody was logged in; near 0 where a connection was kept. None: nobody was."""
    took_ms: int | None = None
    """Until all was over."""
    changes: str = ""
    """What a check says would become of files there, line by line."""

    @property
    def stopped_at(self) -> Stage | None:
        """None: the host is ready, or was not asked to the end."""
        if self.code is None or self.state is TargetState.TERMINATED:
            return None
        return STOPPED_AT.get(self.code, Stage.SHELL)


def read(answer: str, engine_clock_s: float) -> Facts:
    """What the program's output says; `engine_clock_s` is when it came, in seconds since 1970."""
    said: dict[str, str] = {}
    for line in answer.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            said.setdefault(name, value.strip())
    clock = _number(said.get("clock"))
    return Facts(
        user=said.get("user", ""),
        interpreters={
            name.partition(" ")[2]: value
            for name, value in said.items()
            if name.startswith("interpreter ")
        },
        spool=said.get("spool", ""),
        spool_refusal=said.get("refusal", "").rpartition(": ")[2],
        free_bytes=None if "refusal" in said else _kib(said.get("free")),
        tmp_free_bytes=_kib(said.get("tmp_free")),
        skew_s=None if clock is None else round(clock + _CUT_OFF_S - engine_clock_s),
        setsid="setsid" in said,
        tail=said.get("tail", ""),
    )


def judged(found: Finding, facts: Facts, *, wanted: Sequence[str], detached: bool) -> Finding:
    """A finding about a host that answered.

    `wanted`: the interpreters of the work. `detached`: the host is to keep some of the work.
    """
    found = msgspec.structs.replace(found, facts=facts, notes=_notes(facts, detached=detached))
    missing = [name for name in wanted if not facts.interpreters.get(name)]
    if not missing:
        return found
    return msgspec.structs.replace(
        found,
        state=TargetState.SUBMIT_FAILED,
        code=TargetCode.INTERPRETER_MISSING,
        message=f"the interpreter {', '.join(map(repr, missing))} is not installed there,"
        " or not on the account's PATH",
    )


def _notes(facts: Facts, *, detached: bool) -> list[Note]:
    spaces = [space for space in (facts.free_bytes, facts.tmp_free_bytes) if space is not None]
    found = {
        Note.SPOOL_UNUSABLE: detached and bool(facts.spool_refusal),
        Note.LITTLE_SPACE: any(space < LEAST_FREE_BYTES for space in spaces),
        Note.CLOCK_SKEW: facts.skew_s is not None and abs(facts.skew_s) > MOST_SKEW_S,
    }
    return [note for note, is_so in found.items() if is_so]


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _kib(text: str | None) -> int | None:
    number = _number(text)
    return None if number is None else number * 1024

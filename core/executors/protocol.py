"""What the runtime asks of a kind of access, and what it gets back.

An executor opens a session to a target; a session runs work and reports
output as bytes, then one `Outcome`. All values here are plain and
serialisable (msgspec), so an executor may live in another process.

An executor must: never block the event loop; report a far side's "no" as a
`TargetError` from `open` or as an `Outcome` from `run`; on `stop`, end the
work, verify that it ended, and say so; never put a secret into an argument
list, an error or a log.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from core.domain.hostkeys import KeyJudgement
from core.domain.run import TargetCode, TargetState
from core.domain.tasks import Program, Task
from core.executors.stopping import StopSignal


class Stream(StrEnum):
    """Where output came from."""

    OUT = "out"
    ERR = "err"
    NOTE = "note"
    """Jobdeck's own words and the noise of a login: not part of the work's output."""


class BecomeLogin(msgspec.Struct, frozen=True, kw_only=True):
    """Turning into another user after login."""

    method: str
    user: str
    password: str | None = None

    def __repr__(self) -> str:
        return f"BecomeLogin({self.method} {self.user})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("user", self.user)]


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """An account with its secrets opened: lives only as long as a connection is being made."""

    user: str
    """"": the account has none, only a token or a certificate of its own."""
    agent: bool = False
    key: str | None = None
    key_file: str | None = None
    passphrase: str | None = None
    certificate: str | None = None
    certificate_file: str | None = None
    password: str | None = None
    become: BecomeLogin | None = None
    token: str | None = None
    tls_certificate: str | None = None
    """PEM, like the key: a client's in a TLS handshake."""
    tls_key: str | None = None
    tls_passphrase: str | None = None

    def secrets(self) -> list[str]:
        """Every text in it that nobody may see."""
        proofs = [self.key, self.passphrase, self.password, self.token]
        proofs += [self.tls_key, self.tls_passphrase]
        if self.become is not None:
            proofs.append(self.become.password)
        return [proof for proof in proofs if proof]

    def __repr__(self) -> str:
        return f"Login({self.user})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("user", self.user)]


class HostKeyRule(msgspec.Struct, frozen=True, kw_only=True):
    """How this target's host key is judged."""

    pinned: str | None = None
    """A fingerprint `SHA256:…`; nothing else is then accepted."""
    accept_new: bool = False
    """A first key is approved by itself; a changed one still stops."""


class Winrm(msgspec.Struct, frozen=True, kw_only=True):
    """How a Windows host is entered: see `core.domain.windows.WinrmOptions`."""

    authentication: str = "ntlm"
    tls: bool = True
    ca: str | None = None
    certificate: str | None = None
    shell: str = "powershell"
    code_page: int | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One host and how to reach and enter it."""

    host: str
    """The host's name in the inventory; in every message."""
    address: str
    port: int = 22
    protocol: str = "ssh"
    """By which it is entered."""
    login: Login
    host_key: HostKeyRule = HostKeyRule()
    jumps: tuple[Target, ...] = ()
    """Hosts to pass, in the order in which they are passed."""
    sources: tuple[Target, ...] = ()
    """Hosts whose files are taken to it."""
    connect_timeout_s: float = 20.0
    winrm: Winrm | None = None
    """None: a host that is not reached through WinRM."""
    networks: tuple[str, ...] = ()
    """Networks that requests may reach; none: see `core.domain.addresses`."""

    @property
    def place(self) -> str:
        """The host in messages: its name, address and port."""
        return f"{self.host} ({self.address} port {self.port})"


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a claim's own files was received: bytes as the work wrote them, before masking."""

    out: int = 0
    err: int = 0


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the attempt on the target itself, by which it is started once and never lost.

    The target keeps output and exit status under the attempt's id until the session is told
    to `settle`; whoever comes later with the same id finds what is there.
    """

    run_id: str
    epoch: int
    """Rises with each owner of the run; a target refuses owners older than one it has seen."""
    spool: str = ""
    """Folder on the target that holds claims; "": `.jobdeck` in the home of the work's user."""
    resume: Position | None = None
    """None: take the claim and start the work, or follow it from its beginning where the claim is
    taken already. Otherwise: start nothing; follow the claim from here, and where there is none,
    see to it that the work can never start under this id."""
    running_s: float = 0.0
    """With `resume`: seconds since the work was started, which count towards its time-out."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt's work on one target."""

    attempt_id: str
    """Unique to this attempt on this target; names claims and temporary files."""
    task: Task
    env: dict[str, str] = {}
    """Values for the work, secrets included: an executor keeps them off every argument list."""
    timeout_s: float | None = None
    """Seconds the work may take after it started; None: no limit."""
    collect_outputs: bool = False
    """Offer the work a file, named by $JOBDECK_OUTPUT, and bring its content back."""
    claim: Claim | None = None
    """None: direct execution. The work dies, or goes on unseen, when the connection does."""

    @property
    def program(self) -> Program:
        """The task, for executors that run programs and are given no other."""
        assert isinstance(self.task, Program)
        return self.task

    def __repr__(self) -> str:
        return f"Work({self.attempt_id})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("attempt_id", self.attempt_id)]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one attempt on one target ended."""

    state: TargetState
    code: TargetCode | None = None
    """None exactly when `state` is success."""
    exit_code: int | None = None
    signal: str | None = None
    """Name without SIG, such as `KILL`."""
    message: str = ""
    """One sentence for a person: what, where, what to try; "" after a success."""
    outputs_file: bytes | None = None
    """What the work wrote to $JOBDECK_OUTPUT."""

    @property
    def may_be_followed(self) -> bool:
        """Whether the work may go on under its claim: another session can find out."""
        return self.code is TargetCode.LINE_LOST

    @property
    def never_started(self) -> bool:
        """Whether it is certain that nothing ran under this attempt's id, and never will."""
        return self.code is TargetCode.CLAIM_ABSENT


class Sink(Protocol):
    """Takes a target's output as it arrives."""

    def write(self, stream: Stream, data: bytes) -> bool:
        """Keep `data`. False asks the executor to stop reading until `ready` returns."""

    async def ready(self) -> None:
        """Returns when more can be taken; raises OutputLimitReached when the work must end."""

    async def unclaimed(self, reason: str) -> None:
        """The target can hold no claim, for `reason`: returns once it is on record that the
        attempt runs directly. Only then may it run.
        """


class OutputLimitReached(Exception):
    """The work printed more than its limit allows, and the limit says halt."""


class Session(Protocol):
    """An open way into one target."""

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        """Run `work` to its end, or until `stop` is set; never raises for a far side's no."""

    async def settle(self) -> None:
        """The last outcome is on disk: the target may forget its claim. Nothing without one."""


class Executor(Protocol):
    """One kind of access."""

    def open(self, target: Target) -> AbstractAsyncContextManager[Session]:
        """A session, perhaps on a connection that was kept; TargetError when there is none."""

    async def close(self) -> None:
        """Close everything that is kept open."""


class HostKeyBook(Protocol):
    """The approved host keys, in memory: asked in the middle of a handshake, so it never waits."""

    def authorities(self, address: str, port: int) -> tuple[str, ...]:
        """Public keys (OpenSSH, one line) of certificate authorities trusted for the host."""

    def approved(self, address: str, port: int) -> tuple[str, ...]:
        """Approved public keys (OpenSSH, one line) of the host: their algorithms are asked for first."""

    def revoked(self, address: str, port: int) -> tuple[str, ...]:
        """Public keys that are refused even when an authority signed them."""

    def judge(self, target: Target, public_key: str) -> KeyJudgement:
        """The verdict on a shown key; a first key is recorded as pending (or approved, by rule)."""

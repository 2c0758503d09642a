"""Working through an executor in a test: a sink that remembers, and short ways to say what to run."""

from __future__ import annotations

import asyncio
import getpass
import secrets
from dataclasses import dataclass, field
from functools import cache

import asyncssh

from core.clock import SystemClock
from core.domain.hostkeys import KeyStatus, KnownKey, name_on_record
from core.executors.attempt import Patience
from core.executors.hostkeybook import InMemoryHostKeys
from core.executors.protocol import (
    Executor,
    HostKeyRule,
    Login,
    Outcome,
    Program,
    Stream,
    Target,
    Work,
)
from core.executors.stopping import StopSignal
from tests.support.sshd import Sshd

QUICK = Patience(start_s=20, grace_s=0.5, linger_s=0.5)


class MemorySink:
    """Keeps all output, and always has room."""

    def __init__(self) -> None:
        self.streams = {stream: bytearray() for stream in Stream}
        self.heard = asyncio.Event()
        """Set by the first byte of the work's own output."""
        self.unclaimed_for: list[str] = []
        """Why the target could hold no claim."""

    @property
    def out(self) -> bytes:
        return bytes(self.streams[Stream.OUT])

    @property
    def err(self) -> bytes:
        return bytes(self.streams[Stream.ERR])

    @property
    def note(self) -> bytes:
        return bytes(self.streams[Stream.NOTE])

    def write(self, stream: Stream, data: bytes) -> bool:
        self.streams[stream] += data
        if stream is not Stream.NOTE:
            self.heard.set()
        return True

    async def ready(self) -> None:
        """There is always room."""

    async def unclaimed(self, reason: str) -> None:
        self.unclaimed_for.append(reason)


class NarrowSink(MemorySink):
    """Keeps all output, and asks to be waited for after every piece."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0

    def write(self, stream: Stream, data: bytes) -> bool:
        super().write(stream, data)
        return False

    async def ready(self) -> None:
        self.waits += 1


@dataclass(frozen=True, slots=True)
class Result:
    """An outcome, and what was printed before it."""

    outcome: Outcome
    sink: MemorySink = field(default_factory=MemorySink)

    @property
    def out(self) -> bytes:
        return self.sink.out


def command(text: str, **more: object) -> Work:
    return Work(attempt_id=new_token(), task=Program(text=text), **more)


def script(text: str, interpreter: str = "sh", *args: str, **more: object) -> Work:
    program = Program(text=text, interpreter=interpreter, args=args)
    return Work(attempt_id=new_token(), task=program, **more)


def new_token() -> str:
    return secrets.token_hex(16)


async def run(
    executor: Executor, target: Target, work: Work | str, stop: StopSignal | None = None
) -> Result:
    """Open a session, run `work` in it, and say how it went."""
    sink = MemorySink()
    if isinstance(work, str):
        work = command(work)
    async with executor.open(target) as session:
        outcome = await session.run(work, sink, stop or StopSignal())
    return Result(outcome, sink)


@cache  # OpenSSH's form is salted: the same key would be another text, and another login
def key_text(key: asyncssh.SSHKey, passphrase: str | None = None) -> str:
    # Few rounds: the passphrase protects nothing here.
    return key.export_private_key(
        "openssh", passphrase=passphrase, rounds=4, ignore_few_rounds=True
    ).decode()


def login(key: asyncssh.SSHKey | None = None, user: str | None = None, **more: object) -> Login:
    """A login of whoever runs the tests."""
    text = key_text(key) if key is not None else None
    return Login(user=user or getpass.getuser(), key=text, **more)


def target(sshd: Sshd, index: int = 0, **more: object) -> Target:
    """The host at one of sshd's addresses, entered with its client key."""
    fields = {
        "host": f"host{index + 1:03}",
        "address": sshd.addresses[index],
        "port": sshd.port,
        "login": login(sshd.client_key),
        "connect_timeout_s": 20.0,
        **more,
    }
    return Target(**fields)


def empty_book() -> InMemoryHostKeys:
    return InMemoryHostKeys(SystemClock().now)


def book_of(*sshds: Sshd, types: tuple[str, ...] = ()) -> InMemoryHostKeys:
    """A record in which the keys (of some `types`, or all) of these servers are approved."""
    book = empty_book()
    for sshd in sshds:
        for address in sshd.addresses:
            for type_ in types or sshd.host_keys:
                book.put(approved(sshd.public_host_key(type_), address, sshd.port))
    return book


def approved(public_key: str, address: str, port: int) -> KnownKey:
    return KnownKey(
        pattern=name_on_record(address, port),
        public_key=public_key,
        status=KeyStatus.APPROVED,
        decided_by="ada",
    )


ACCEPT_NEW = HostKeyRule(accept_new=True)

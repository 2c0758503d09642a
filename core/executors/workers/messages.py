"""What the engine and a worker say to each other, and how it is written on their socket.

    engine -> worker   Setup, then Open, Run, Room, Stop, Settle, Claimless, Close; Key; Ping
    worker -> engine   Opened | Refused, Printed, Unclaimed, Ended, Settled, Broke; Seen, Said; Pong

A session is a number that the engine chooses. Messages of one direction arrive in their order:
a key that was sent before an `Open` is on record when the session opens, and all that a work
printed comes before how it `Ended`.

A frame is the length of a message (4 bytes, big-endian) and the message (MessagePack).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from core.domain.hostkeys import KnownKey
from core.domain.run import TargetCode
from core.executors.attempt import Patience
from core.executors.connections import CHANNELS_A_CONNECTION, KeepAlive
from core.executors.protocol import Outcome, Stream, Target, Work

MAX_FRAME_BYTES = 256 << 20
"""More is no message of ours. A script and its values, or all keys on record, are the largest."""
_LENGTH_BYTES = 4


class ProtocolBroken(Exception):
    """What came is no message of this protocol: the two ends cannot go on."""


class _Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Written as an array: its class, then its fields."""


# ---------------------------------------------------------------------- engine -> worker


class Setup(_Message, frozen=True, kw_only=True):
    """The first message: what the worker's executor is made from."""

    patience: Patience
    idle_s: float
    kept: int
    channels: int = CHANNELS_A_CONNECTION
    keep_alive: KeepAlive = KeepAlive()
    environ: dict[str, str] | None = None
    """None: the environment that the worker has inherited."""
    window_bytes: int = 256 << 10
    """What a session may print before it is known that the engine has taken it."""
    keys: tuple[KnownKey, ...] = ()
    """Host keys on record."""

    def __repr__(self) -> str:
        return f"Setup({len(self.keys)} keys)"


class Open(_Message, frozen=True):
    session: int
    target: Target


class Run(_Message, frozen=True):
    session: int
    work: Work
    is_stopped: bool
    """It was stopped before it began."""


class Room(_Message, frozen=True):
    """The engine's sink took `size` bytes more, and has room again."""

    session: int
    size: int


class Stop(_Message, frozen=True):
    """End the work that runs in the session."""

    session: int


class Claimless(_Message, frozen=True):
    """The answer to `Unclaimed`: it is on record that the attempt runs directly."""

    session: int


class Settle(_Message, frozen=True):
    session: int


class Close(_Message, frozen=True):
    """Nobody waits for the session any more: drop what it still does."""

    session: int


class Key(_Message, frozen=True):
    """A host key was put on record, or taken off it."""

    key: KnownKey
    is_gone: bool


class Ping(_Message, frozen=True):
    number: int


# ---------------------------------------------------------------------- worker -> engine


class Opened(_Message, frozen=True):
    session: int


class Refused(_Message, frozen=True):
    """The session did not open: a `TargetError`."""

    session: int
    code: TargetCode
    message: str
    hint: str


class Printed(_Message, frozen=True):
    session: int
    stream: Stream
    data: bytes


class Unclaimed(_Message, frozen=True):
    """The target can hold no claim; the session waits for `Claimless`."""

    session: int
    reason: str


class Ended(_Message, frozen=True):
    session: int
    outcome: Outcome


class Settled(_Message, frozen=True):
    session: int


class Broke(_Message, frozen=True):
    """A bug of ours in the session; `trace` shows where."""

    session: int
    trace: str


class Seen(_Message, frozen=True):
    """A host showed a key that the worker had not on record, and it was put there."""

    key: KnownKey


class Said(_Message, frozen=True):
    """A log record of the worker."""

    level: int
    logger: str
    text: str


class Pong(_Message, frozen=True):
    """All that came before the `Ping` of this number was taken in."""

    number: int
    connections: int
    """Open at this moment."""


ToWorker: TypeAlias = Setup | Open | Run | Room | Stop | Claimless | Settle | Close | Key | Ping
ToEngine: TypeAlias = (
    Opened | Refused | Printed | Unclaimed | Ended | Settled | Broke | Seen | Said | Pong
)

_encoder = msgspec.msgpack.Encoder()
TO_WORKER = msgspec.msgpack.Decoder(ToWorker)
TO_ENGINE = msgspec.msgpack.Decoder(ToEngine)


def encode(message: ToWorker | ToEngine) -> bytes:
    """The frame of a message."""
    buffer = bytearray(_LENGTH_BYTES)
    _encoder.encode_into(message, buffer, _LENGTH_BYTES)
    buffer[:_LENGTH_BYTES] = (len(buffer) - _LENGTH_BYTES).to_bytes(_LENGTH_BYTES, "big")
    return bytes(buffer)


class Frames:
    """Cuts a stream of bytes, however it arrives, into the messages of one direction."""

    def __init__(
        self,
        decoder: msgspec.msgpack.Decoder[ToWorker] | msgspec.msgpack.Decoder[ToEngine],
        *,
        most_bytes: int = MAX_FRAME_BYTES,
    ) -> None:
        self._decoder = decoder
        self._most_bytes = most_bytes
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[ToWorker | ToEngine]:
        """The messages that are complete now; ProtocolBroken at the first that is none."""
        self._rest += data
        start = 0
        try:
            while len(self._rest) - start >= _LENGTH_BYTES:
                body = start + _LENGTH_BYTES
                size = int.from_bytes(self._rest[start:body], "big")
                if size > self._most_bytes:
                    raise ProtocolBroken(f"a message of {size:,} bytes")
                if len(self._rest) < body + size:
                    break
                start = body + size
                yield self._decode(bytes(self._rest[body:start]))
        finally:
            del self._rest[:start]

    def _decode(self, frame: bytes) -> ToWorker | ToEngine:
        try:
            return self._decoder.decode(frame)
        except (msgspec.MsgspecError, UnicodeDecodeError, MemoryError) as error:
            raise ProtocolBroken(f"a message that cannot be read: {error}") from error

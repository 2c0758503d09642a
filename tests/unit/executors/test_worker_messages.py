"""Messages between engine and worker: any cut, every kind, and bytes that are none of ours."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.hostkeys import KeyStatus, KnownKey
from core.domain.run import TargetCode, TargetState
from core.executors.attempt import Patience
from core.executors.protocol import (
    BecomeLogin,
    Claim,
    HostKeyRule,
    Login,
    Outcome,
    Position,
    Program,
    Stream,
    Target,
    Work,
)
from core.executors.workers import messages as m
from tests.support.keys import public_key

LOGIN = Login(
    user="ops",
    key="-----BEGIN",
    passphrase="é",
    become=BecomeLogin(method="sudo", user="root", password="hush"),
)
JUMP = Target(host="gate", address="10.0.0.1", login=LOGIN)
TARGET = Target(
    host="web1",
    address="fe80::1",
    port=2222,
    login=LOGIN,
    host_key=HostKeyRule(pinned="SHA256:x", accept_new=True),
    jumps=(JUMP,),
)
WORK = Work(
    attempt_id="a1",
    task=Program(text="echo é", interpreter="bash", args=("1", "")),
    env={"TOKEN": "hush"},
    timeout_s=0.5,
    collect_outputs=True,
    claim=Claim(run_id="r", epoch=3, resume=Position(out=2**40, err=1), running_s=1.5),
)
KEY = KnownKey(pattern="[h]:22", public_key=public_key(1), status=KeyStatus.PENDING)
OUTCOME = Outcome(
    state=TargetState.FAILED,
    code=TargetCode.SIGNALLED,
    signal="KILL",
    message="é",
    outputs_file=b"\x00\xff",
)
SETUP = m.Setup(patience=Patience(), idle_s=1.0, kept=3, environ={"A": "b"}, keys=(KEY,))

TO_WORKER: tuple[m.ToWorker, ...] = (
    SETUP,
    m.Open(1, TARGET),
    m.Run(1, WORK, is_stopped=True),
    m.Room(1, 5),
    m.Stop(1),
    m.Claimless(1),
    m.Settle(1),
    m.Close(1),
    m.Key(KEY, is_gone=True),
    m.Ping(7),
)
TO_ENGINE: tuple[m.ToEngine, ...] = (
    m.Opened(2**40),
    m.Refused(1, TargetCode.HOST_KEY_PENDING, "no", "why"),
    m.Printed(1, Stream.ERR, bytes(range(256))),
    m.Unclaimed(1, "read-only"),
    m.Ended(1, OUTCOME),
    m.Settled(1),
    m.Broke(1, "Traceback"),
    m.Seen(KEY),
    m.Said(30, "asyncssh", "oh"),
    m.Pong(7, 3),
)
DIRECTIONS = [(TO_WORKER, m.TO_WORKER), (TO_ENGINE, m.TO_ENGINE)]


@pytest.mark.parametrize(("sent", "decoder"), DIRECTIONS, ids=["to worker", "to engine"])
@given(data=st.data())
def test_messages_arrive_whole_and_in_order_however_they_are_cut(
    sent: tuple[m.ToWorker | m.ToEngine, ...], decoder: object, data: st.DataObject
) -> None:
    frames = m.Frames(decoder)  # type: ignore[arg-type]
    stream = b"".join(map(m.encode, sent))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20).map(sorted))

    received = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += list(frames.feed(stream[start:end]))

    assert tuple(received) == sent


def test_every_message_is_tried_above() -> None:
    sent = {type(message) for message in (*TO_WORKER, *TO_ENGINE)}

    assert sent == {*m.ToWorker.__args__, *m.ToEngine.__args__}


@pytest.mark.parametrize(("sent", "decoder"), DIRECTIONS, ids=["to worker", "to engine"])
@given(data=st.data())
@settings(max_examples=300)
def test_hostile_bytes_are_refused_or_wait_for_more(
    sent: tuple[m.ToWorker | m.ToEngine, ...], decoder: object, data: st.DataObject
) -> None:
    stream = bytearray(b"".join(map(m.encode, sent)))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(stream) - 1))
        stream[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
    frames = m.Frames(decoder, most_bytes=1 << 20)  # type: ignore[arg-type]

    try:
        received = list(frames.feed(bytes(stream)))
    except m.ProtocolBroken:
        return
    assert len(received) <= len(stream) // 5  # a length, and a tag at the least


@given(st.binary(max_size=200))
def test_noise_never_passes_for_a_message_of_ours(noise: bytes) -> None:
    frame = len(noise).to_bytes(4, "big") + noise
    try:
        (message,) = m.Frames(m.TO_ENGINE).feed(frame)
    except m.ProtocolBroken:
        return
    assert msgspec.msgpack.decode(noise)[0] == type(message).__name__


def test_a_message_that_is_too_large_is_refused_before_it_is_kept() -> None:
    frames = m.Frames(m.TO_ENGINE, most_bytes=1000)

    with pytest.raises(m.ProtocolBroken, match="1,001 bytes"):
        list(frames.feed((1001).to_bytes(4, "big")))


@pytest.mark.parametrize("head", [b"\xdd\xff\xff\xff\xff", b"\x95\xa5Setup\xdd\xff\xff\xff\xff"])
def test_a_huge_count_inside_a_message_takes_no_memory(head: bytes) -> None:
    frames = m.Frames(m.TO_WORKER)

    with pytest.raises(m.ProtocolBroken, match="cannot be read"):
        list(frames.feed(len(head).to_bytes(4, "big") + head))


def test_no_secret_is_in_what_a_trace_would_show_of_a_message() -> None:
    shown = repr([m.Open(1, TARGET), m.Run(1, WORK, is_stopped=False), SETUP])

    assert "hush" not in shown
    assert "BEGIN" not in shown

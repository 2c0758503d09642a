"""Marks are found wherever the bytes are cut, and everything else passes unchanged."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.executors.framing import MAX_OUTPUTS_BYTES, Frames

TOKEN = "0123456789abcdef"
START = f"jobdeck-{TOKEN} start 4711\n".encode()


def outputs(size: int | str) -> bytes:
    return f"jobdeck-{TOKEN} outputs {size}\n".encode()


def read(frames: Frames, pieces: Iterable[bytes]) -> tuple[bytes, bytes]:
    """All noise and all output of a stream."""
    parts = [*(frames.feed(piece) for piece in pieces), frames.finish()]
    return b"".join(noise for noise, _ in parts), b"".join(output for _, output in parts)


def test_what_comes_before_the_start_is_noise() -> None:
    frames = Frames(TOKEN)

    assert read(frames, [b"Welcome!\n", START, b"done\n"]) == (b"Welcome!\n", b"done\n")
    assert (frames.started, frames.pid) == (True, 4711)


def test_noise_without_a_line_end_does_not_hide_the_start() -> None:
    assert read(Frames(TOKEN), [b"fish> " + START + b"done\n"]) == (b"fish> ", b"done\n")


def test_without_a_start_all_is_noise() -> None:
    frames = Frames(TOKEN)

    assert read(frames, [b"This account is not available.\n"]) == (
        b"This account is not available.\n",
        b"",
    )
    assert not frames.started


def test_another_token_is_no_mark() -> None:
    other = b"jobdeck-ffffffffffffffff start 1\n"

    assert read(Frames(TOKEN), [other]) == (other, b"")


def test_a_refusal_has_its_reason() -> None:
    frames = Frames(TOKEN)
    read(frames, [f"jobdeck-{TOKEN} refuse interpreter\n".encode()])

    assert (frames.started, frames.refusal) == (False, "interpreter")


def test_a_door_says_ready_before_the_start() -> None:
    frames = Frames(TOKEN)
    frames.feed(f"jobdeck-{TOKEN} ready\n".encode())

    assert (frames.ready, frames.started) == (True, False)
    assert read(frames, [START, b"x"]) == (b"", b"x")


def test_a_mark_in_the_output_is_output_where_no_outputs_are_collected() -> None:
    assert read(Frames(TOKEN), [START, outputs(2), b"{}"]) == (b"", outputs(2) + b"{}")


def test_outputs_follow_the_output() -> None:
    frames = Frames(TOKEN, closes=True)

    assert read(frames, [START, b"no line end", outputs(2), b"{}"]) == (b"", b"no line end")
    assert frames.outputs == b"{}"


def test_a_work_that_left_no_outputs_has_none() -> None:
    frames = Frames(TOKEN, closes=True)
    read(frames, [START, b"done\n"])

    assert not frames.found_outputs
    assert frames.outputs is None


def test_outputs_of_another_size_than_announced_are_unusable() -> None:
    frames = Frames(TOKEN, closes=True)
    read(frames, [START, outputs(5), b"{}"])

    assert frames.found_outputs
    assert (frames.outputs, frames.outputs_size) == (None, 5)


def test_outputs_never_take_more_memory_than_their_limit() -> None:
    frames = Frames(TOKEN, closes=True)
    endless = [bytes(1 << 16)] * (2 * MAX_OUTPUTS_BYTES >> 16)
    read(frames, [START, outputs(2 * MAX_OUTPUTS_BYTES), *endless])

    assert frames.outputs is None
    assert len(frames._outputs or b"") <= MAX_OUTPUTS_BYTES + 1


def test_a_beginning_of_a_mark_that_never_ends_is_output() -> None:
    frames = Frames(TOKEN, closes=True)
    almost = f"jobdeck-{TOKEN} ".encode()

    assert read(frames, [START, almost + b"x" * 10_000]) == (b"", almost + b"x" * 10_000)


@given(
    noise=st.binary(max_size=60),
    output=st.lists(
        st.one_of(st.binary(max_size=20), st.just(START[:9]), st.just(START[:20])), max_size=5
    ),
    left=st.one_of(st.none(), st.binary(max_size=30)),
    cuts=st.lists(st.integers(0, 300), max_size=12),
)
def test_however_the_bytes_are_cut_they_are_the_same(
    noise: bytes, output: list[bytes], left: bytes | None, cuts: list[int]
) -> None:
    printed = b"".join(output)
    text = noise + START + printed
    if left is not None:
        text += outputs(len(left)) + left
    places = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
    pieces = [text[begin:end] for begin, end in pairwise(places)]
    frames = Frames(TOKEN, closes=True)

    assert read(frames, pieces) == (noise, printed)
    assert frames.outputs == left

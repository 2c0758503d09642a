"""A quoted value, read by the real shell and printed, is the same bytes.

Each shell runs a script file in which every line hands a batch of words to the
external printf, which prints them with NUL between them. The words: every
combination of up to three hostile pieces (25,260 of them), and random ones.
(A file, because tcsh 6.24 loses its place in a piped script with undecodable bytes.)
JOBDECK_QUOTING_ROUNDS sets the number of random rounds (4,000 words each).
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random  # noqa: TID251 - only the type of what Hypothesis hands out

import pytest
from _pytest.mark import ParameterSet
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.domain.quoting import (
    is_plain_for_any_login_shell,
    quote_csh,
    quote_fish,
    quote_posix,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shells are POSIX programs")

ROUNDS = int(os.environ.get("JOBDECK_QUOTING_ROUNDS", "2"))
WORDS_A_ROUND = 4_000
WORDS_A_LINE = 100

# Pieces that mean something to one of the shells, and bytes that are hard to carry.
PIECES = (*"'\"\\!$`%~=*?[{(#&|;<^-\n\r \x01", "$(id)", "%PATH%", "名😀", "\udcff\udc80")

Quoter = Callable[[str], str]


def shell(*command: str, quoter: Quoter, package: str = "") -> ParameterSet:
    """A shell to test; one with a `package` is left out, by name, where it is not installed."""
    missing = bool(package) and shutil.which(command[0]) is None
    reason = f"{command[0]} is not installed (Debian package {package})"
    return pytest.param(
        command, quoter, id=command[0], marks=pytest.mark.skipif(missing, reason=reason)
    )


SHELLS = [
    shell("sh", quoter=quote_posix),
    shell("dash", quoter=quote_posix),
    shell("bash", "--norc", quoter=quote_posix),
    shell("busybox", "sh", quoter=quote_posix, package="busybox"),
    shell("ksh", quoter=quote_posix, package="ksh"),
    shell("zsh", "-f", quoter=quote_posix, package="zsh"),
    shell("csh", "-f", quoter=quote_csh, package="csh"),
    shell("tcsh", "-f", quoter=quote_csh, package="tcsh"),
    shell("fish", "--no-config", quoter=quote_fish, package="fish"),
]


def hostile_words() -> list[str]:
    """Every combination of up to three pieces."""
    return [
        "".join(pieces)
        for length in range(4)
        for pieces in itertools.product(PIECES, repeat=length)
    ]


def random_words(random: Random, count: int) -> list[str]:
    """Words of up to 40 pieces, bytes and characters."""
    return ["".join(random_pieces(random)) for _ in range(count)]


def random_pieces(random: Random) -> list[str]:
    makers = (
        lambda: random.choice(PIECES),
        lambda: bytes([random.randrange(1, 256)]).decode("utf-8", "surrogateescape"),
        lambda: chr(random.randrange(0xE000, 0x110000)),
        lambda: chr(random.randrange(1, 0xD800)),
    )
    return [random.choice(makers)() for _ in range(random.randrange(1, 41))]


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def read_back(command: Sequence[str], quoted: Sequence[str], locale: str) -> list[bytes]:
    """The words that the shell makes of the texts in `quoted`."""
    printf = shutil.which("printf")
    assert printf is not None
    lines = [quoted[at : at + WORDS_A_LINE] for at in range(0, len(quoted), WORDS_A_LINE)]
    script = "".join(f"{printf} '%s\\000' {' '.join(line)}\n" for line in lines)
    file = Path(os.environ["HOME"], "words")
    file.write_bytes(to_bytes(script))
    done = subprocess.run(
        [*command, file],
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LC_ALL": locale},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.split(b"\0")[:-1]


def assert_round_trip(
    command: Sequence[str], quoter: Quoter, words: Sequence[str], locale: str
) -> None:
    printed = read_back(command, [quoter(word) for word in words], locale)
    wrong = [
        (word, got) for word, got in zip(words, printed, strict=False) if got != to_bytes(word)
    ]
    assert not wrong, f"{len(wrong)} words differ, the first: {wrong[0]!a}"
    assert len(printed) == len(words)


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize(("command", "quoter"), SHELLS)
def test_every_combination_of_hostile_pieces_reads_back(
    command: Sequence[str], quoter: Quoter, locale: str
) -> None:
    assert_round_trip(command, quoter, hostile_words(), locale)


@pytest.mark.parametrize(("command", "quoter"), SHELLS)
@settings(
    max_examples=ROUNDS,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(random=st.randoms(use_true_random=True), locale=st.sampled_from(["C", "C.UTF-8"]))
def test_random_bytes_and_characters_read_back(
    command: Sequence[str], quoter: Quoter, random: Random, locale: str
) -> None:
    assert_round_trip(command, quoter, random_words(random, WORDS_A_ROUND), locale)


@pytest.mark.parametrize(("command", "quoter"), SHELLS)
def test_a_plain_text_in_single_quotes_survives_every_login_shell(
    command: Sequence[str], quoter: Quoter
) -> None:
    words = [
        "".join(pair)
        for pair in itertools.product(map(chr, range(1, 128)), repeat=2)
        if is_plain_for_any_login_shell("".join(pair))
    ]
    assert len(words) == (95 - len("'!\\")) ** 2

    printed = read_back(command, [f"'{word}'" for word in words], "C")

    assert printed == [to_bytes(word) for word in words]

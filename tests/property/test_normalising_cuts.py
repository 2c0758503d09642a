"""The digest of an output does not depend on how it arrives in pieces."""

from __future__ import annotations

from hashlib import blake2b
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from core.domain import normalising
from core.domain.normalising import DIGEST_BYTES, Normaliser, Rule, normalise

WORDS = ("web01.example.com", "10.0.0.7")
PIECES = st.sampled_from(
    [
        *[bytes([byte]) for byte in b"a \t\r\n\x1b1:"],
        "名".encode(),
        b"\xff",
        b"\x1b[31m",
        b"\x1b]0;title",
        b"\x07",
        b"web01",
        b".example.com",
        b"10.0.0.7",
        b"Nov 23 ",
        b"2026-11-23T",
        b"07:35:00",
        b" UTC",
        b"50%\r",
        b"line\n",
        b"\n\n\n",
    ]
)
OUTPUTS = st.lists(PIECES, max_size=40).map(b"".join)
RULES = st.frozensets(st.sampled_from(Rule))


def digest_of(pieces: list[bytes], rules: frozenset[Rule]) -> str:
    normaliser = Normaliser(WORDS, rules)
    for piece in pieces:
        normaliser.feed(piece)
    return normaliser.digest()


@given(OUTPUTS, RULES, st.data(), st.integers(0, 60))
def test_any_cut_gives_the_same_digest(
    output: bytes, rules: frozenset[Rule], data: st.DataObject, bound: int
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(output)), max_size=8)))
    pieces = [output[a:b] for a, b in zip([0, *cuts], [*cuts, len(output)], strict=True)]

    # A small bound, so that the raw part begins at every kind of place.
    with patch.object(normalising, "NORMALISED_BYTES", bound):
        assert digest_of(pieces, rules) == digest_of([output], rules)
        assert digest_of([bytes([byte]) for byte in output], rules) == digest_of([output], rules)


@given(OUTPUTS, RULES)
def test_within_the_bound_the_digest_is_that_of_the_normalised_output(
    output: bytes, rules: frozenset[Rule]
) -> None:
    expected = blake2b(normalise(output, WORDS, rules), digest_size=DIGEST_BYTES).hexdigest()

    assert digest_of([output], rules) == expected


@given(OUTPUTS)
def test_normalising_twice_changes_nothing_more(output: bytes) -> None:
    rules = frozenset(Rule) - {Rule.HOST, Rule.NUMBERS}
    once = normalise(output, WORDS, rules)

    assert normalise(once, WORDS, rules) == once

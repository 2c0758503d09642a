"""Sealing: what opens, what does not, and that this release's bytes stay readable."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.vault.cipher import Cipher, Damaged, Sealed

PLACE = "01ABC account/ops/spec.password"
CIPHER = Cipher(bytes(range(32)), lambda size: bytes(range(100, 100 + size)))


def test_the_bytes_of_this_release_stay_the_same() -> None:
    sealed = CIPHER.seal("pässword", PLACE)
    assert sealed.nonce == bytes(range(100, 112))
    assert sealed.ciphertext.hex() == "d88623a47597018c9d4203cc5882353e42f7668cf979bbe8b1"
    assert sealed.wrapped_key is not None
    assert sealed.wrapped_key.hex() == (
        "6465666768696a6b6c6d6e6fe1148b9654834826ebaf9314ffed4c88dd10"
        "2bb42a29f3e4ec0ef440a68ad0b767725b5e55b59f74b7de8aaa56957be4"
    )
    assert CIPHER.key_id == "2c9afa93b044c6ba"
    assert (
        CIPHER.fingerprint("account/ops/spec.password", "pässword").hex()
        == "495d880bf2c59f10b1bf7137528fe2f8b95caa62353b02b42cd2f133f63406c5"
    )


def test_the_bytes_of_the_first_scheme_open_and_get_a_data_key_with_another_master_key() -> None:
    ciphertext = bytes.fromhex("bf29ca0f3113844d58fdc945e27a483691d8ba38542eb409ac")
    first = Sealed(bytes(range(100, 112)), ciphertext, None)
    assert CIPHER.open(first, PLACE) == "pässword"
    other = Cipher(b"k" * 32)
    renewed = CIPHER.rewrap(first, PLACE, other)
    assert renewed.wrapped_key is not None
    assert other.open(renewed, PLACE) == "pässword"


def test_another_master_key_wraps_data_keys_anew_and_leaves_texts_as_they_lie() -> None:
    other = Cipher(b"k" * 32, fingerprints=CIPHER.wrapped_fingerprints(Cipher(b"k" * 32)))
    sealed = CIPHER.seal("text", PLACE)
    renewed = CIPHER.rewrap(sealed, PLACE, other)
    assert (renewed.nonce, renewed.ciphertext) == (sealed.nonce, sealed.ciphertext)
    assert other.open(renewed, PLACE) == "text"
    assert other.fingerprint("a", "text") == CIPHER.fingerprint("a", "text")
    for cipher, place in ((CIPHER, PLACE), (other, PLACE + "x")):
        with pytest.raises(Damaged):
            cipher.open(renewed, place)
        with pytest.raises(Damaged):
            cipher.rewrap(renewed, place, other)


@given(st.text())
def test_what_is_sealed_opens_at_its_place(text: str) -> None:
    cipher = Cipher(b"k" * 32)
    assert cipher.open(cipher.seal(text, PLACE), PLACE) == text


@given(st.data())
def test_one_bit_of_difference_and_nothing_opens(data: st.DataObject) -> None:
    sealed = CIPHER.seal("a secret", PLACE)
    parts = [
        bytearray(part or b"") for part in (sealed.nonce, sealed.ciphertext, sealed.wrapped_key)
    ]
    part = data.draw(st.sampled_from(parts))
    bit = data.draw(st.integers(0, len(part) * 8 - 1))
    part[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(Damaged):
        CIPHER.open(Sealed(*(bytes(part) for part in parts)), PLACE)


@pytest.mark.parametrize("cut", [0, 1, 15, 23])
def test_a_part_of_it_does_not_open(cut: int) -> None:
    sealed = CIPHER.seal("a secret", PLACE)
    with pytest.raises(Damaged):
        CIPHER.open(replace(sealed, ciphertext=sealed.ciphertext[:cut]), PLACE)
    with pytest.raises(Damaged):
        CIPHER.open(replace(sealed, wrapped_key=(sealed.wrapped_key or b"")[:cut]), PLACE)


@pytest.mark.parametrize("place", ["", "01ABC account/ops2/spec.password", PLACE + " "])
def test_another_place_does_not_open_it(place: str) -> None:
    with pytest.raises(Damaged):
        CIPHER.open(CIPHER.seal("a secret", PLACE), place)


def test_another_key_does_not_open_it_and_has_another_name() -> None:
    other = Cipher(b"k" * 32)
    assert other.key_id != CIPHER.key_id
    with pytest.raises(Damaged):
        other.open(CIPHER.seal("a secret", PLACE), PLACE)


def test_each_sealing_has_a_nonce_of_its_own() -> None:
    cipher = Cipher(b"k" * 32)
    sealed = [cipher.seal("same", PLACE) for _ in range(1000)]
    assert len({s.nonce for s in sealed}) == len({s.ciphertext for s in sealed}) == 1000


def test_fingerprints_tell_equal_from_different_for_one_purpose_and_key() -> None:
    fingerprint = CIPHER.fingerprint("a", "text")
    assert fingerprint == CIPHER.fingerprint("a", "text")
    others = [
        CIPHER.fingerprint("a", "texT"),
        CIPHER.fingerprint("b", "text"),
        CIPHER.fingerprint("at", "ext"),
        Cipher(b"k" * 32).fingerprint("a", "text"),
    ]
    assert len({fingerprint, *others}) == 5


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Cipher(b"k" * size)

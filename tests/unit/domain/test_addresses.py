"""Which addresses a request may go to."""

from __future__ import annotations

import pytest

from core.domain.addresses import check_network, refusal


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2002:7f00:1::",
        "::7f00:1",
        "fe80::1",
        "fe80::1%eth0",
        "224.0.0.1",
        "ff02::1",
        "240.0.0.1",
        "255.255.255.255",
    ],
)
def test_the_engines_machine_and_link_are_refused_in_every_spelling(address: str) -> None:
    assert refusal(address, ()) is not None


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.0.1", "100.64.0.1", "8.8.8.8", "fd00::1"])
def test_all_others_may_be_reached(address: str) -> None:
    assert refusal(address, ()) is None


def test_a_list_allows_what_is_in_it_and_nothing_else() -> None:
    allowed = ("10.0.0.0/8", "127.0.0.1")
    assert refusal("10.1.2.3", allowed) is None
    assert refusal("127.0.0.1", allowed) is None
    assert refusal("::ffff:10.1.2.3", allowed) is None
    assert refusal("127.0.0.2", allowed) == (
        "127.0.0.2 is in none of the networks allowed: 10.0.0.0/8, 127.0.0.1"
    )
    assert refusal("8.8.8.8", allowed) is not None


def test_the_targets_own_address_was_approved_by_a_person() -> None:
    assert refusal("127.0.0.1", (), own="127.0.0.1") is None
    assert refusal("127.0.0.2", (), own="127.0.0.1") is not None


def test_a_network_is_checked() -> None:
    assert check_network("10.0.0.0/8") == "10.0.0.0/8"
    with pytest.raises(ValueError, match=r"not a network such as 10\.0\.0\.0/8"):
        check_network("10.0.0.1/8")

"""Where calls from outside are taken, and how often somebody may be refused."""

from __future__ import annotations

import pytest

from core.domain.listening import hook_listening
from core.domain.refusals import Refusals
from core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "certificate", "url"),
    [
        ("127.0.0.1:8480", "", "http://127.0.0.1:8480"),
        ("127.8.8.8:1", "", "http://127.8.8.8:1"),
        ("[::1]:8480", "", "http://[::1]:8480"),
        ("localhost:65535", "", "http://localhost:65535"),
        ("0.0.0.0:8443", "c.pem", "https://0.0.0.0:8443"),
        ("[::]:8443", "c.pem", "https://[::]:8443"),
        ("ops.example.org:443", "c.pem", "https://ops.example.org:443"),
    ],
)
def test_an_address_with_tls_or_of_this_machine(text: str, certificate: str, url: str) -> None:
    listening = hook_listening(text, certificate, "")

    assert listening is not None
    assert listening.url == url


def test_nothing_is_listened_to_unless_it_is_asked_for() -> None:
    assert hook_listening("", "", "") is None


@pytest.mark.parametrize(
    ("settings", "where", "what"),
    [
        (("0.0.0.0:8480", "", ""), "listen_hooks", "would cross the network in plain text"),
        (("ops.example.org:80", "", ""), "listen_hooks", "would cross the network in plain text"),
        (("[::]:80", "", ""), "listen_hooks", "would cross the network in plain text"),
        (("8443", "", ""), "listen_hooks", "is no address; try 127.0.0.1:8480"),
        (("127.0.0.1:0", "", ""), "listen_hooks", "is no address"),
        (("127.0.0.1:65536", "", ""), "listen_hooks", "is no address"),
        (("https://x:1", "", ""), "listen_hooks", "is no address"),
        (("127.0.0.1:8480", "", "k.pem"), "tls_key", "is the key of no certificate"),
        (("", "c.pem", ""), "tls_certificate", "is of no use without `listen_hooks`"),
        (("", "", "k.pem"), "tls_key", "is of no use without `listen_hooks`"),
    ],
)
def test_what_cannot_be_listened_to_is_refused_by_its_setting(
    settings: tuple[str, str, str], where: str, what: str
) -> None:
    with pytest.raises(Invalid) as refused:
        hook_listening(*settings)

    (problem,) = refused.value.problems
    assert problem.where == where
    assert what in problem.what


def test_who_is_refused_too_often_waits_until_the_first_is_a_minute_ago() -> None:
    refusals = Refusals(3)
    for at in (0, 10, 20):
        assert refusals.wait_s("192.0.2.1", at) == 0
        refusals.add("192.0.2.1", at)

    assert refusals.wait_s("192.0.2.1", 30) == 31
    assert refusals.wait_s("192.0.2.2", 30) == 0
    assert refusals.wait_s("192.0.2.1", 61) == 0


@pytest.mark.parametrize(
    ("refused", "asked"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
    ],
)
def test_addresses_of_one_neighbour_are_one_caller(refused: str, asked: str) -> None:
    refusals = Refusals(1)
    refusals.add(refused, 0)

    assert refusals.wait_s(asked, 1) > 0


def test_a_proxy_on_this_machine_is_not_counted() -> None:
    refusals = Refusals(1)
    refusals.add("127.0.0.1", 0)
    refusals.add("::1", 0)

    assert refusals.wait_s("127.0.0.1", 1) == refusals.wait_s("::1", 1) == 0


def test_only_so_many_callers_are_remembered() -> None:
    refusals = Refusals(1, most_callers=2)
    for number in range(3):
        refusals.add(f"192.0.2.{number}", number)

    assert [bool(refusals.wait_s(f"192.0.2.{number}", 3)) for number in range(3)] == [
        False,
        True,
        True,
    ]

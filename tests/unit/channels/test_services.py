"""Addresses for Apprise: what our help page shows is read by it, and mail is told as it is meant."""

from __future__ import annotations

from typing import Any

import pytest
from apprise import Apprise

from core.channels.services import _masked, mail_address
from core.domain.channel import Email

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "address",
    [
        f"slack://T1JJ3T3L2/A1BRTD4JD/{TOKEN[:24]}",
        f"workflows://example.webhook.office.com/{TOKEN}/{TOKEN}",
        f"feishu://{TOKEN}",
        f"lark://{TOKEN}",
        f"dingtalk://{TOKEN}",
        f"wecombot://{TOKEN}",
        f"schan://{TOKEN}",
    ],
)
def test_the_services_that_the_help_page_names_are_known(address: str) -> None:
    assert Apprise.instantiate(address) is not None


def email(**fields: Any) -> Email:
    given = {"server": "mx.example.org", "sender": "a@example.org", "to": ["b@example.org"]}
    return Email.model_validate({**given, **fields})


@pytest.mark.parametrize(
    ("fields", "password", "port", "mode"),
    [
        ({}, None, 587, "starttls"),
        ({"security": "tls", "user": "ann@example.org", "password": "p"}, "p@ss:/?#%&", 465, "ssl"),
        ({"security": "none", "port": 2525}, None, 2525, "insecure"),
        ({"server": "2001:db8::1", "security": "none"}, None, 25, "insecure"),
    ],
)
def test_mail_is_told_as_the_channel_says(
    fields: dict[str, Any], password: str | None, port: int, mode: str
) -> None:
    spec = email(**fields)
    made: Any = Apprise.instantiate(mail_address(spec, password, "01MESSAGE"))
    assert made is not None
    assert (made.smtp_host, made.port, made.secure_mode) == (spec.server, port, mode)
    assert (made.user, made.password) == (spec.user, password)
    assert made.from_addr[1] == "a@example.org"
    assert [target[1] for target in made.targets] == ["b@example.org"]
    assert made.headers == {"X-Jobdeck-Message": "01MESSAGE"}


def test_no_part_of_an_address_that_may_be_a_token_is_told() -> None:
    address = f"slack://T1JJ3T3L2/A1BRTD4JD/{TOKEN}/%23ops"
    told = _masked(f"POST https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{TOKEN}", address)
    assert told == "POST https://hooks.slack.com/services/***/***/***"
    mail = mail_address(email(user="ann", password="sesame-77"), "sesame-77", "01M")
    assert _masked("login of ann at mx.example.org: sesame-77", mail) == (
        "login of ann at mx.example.org: ***"
    )

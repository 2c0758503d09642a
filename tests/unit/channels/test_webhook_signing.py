"""Signatures of webhooks: the specification's own example, and secrets in both forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.channels.webhook import signed
from core.errors import Undelivered

AT = datetime.fromtimestamp(1614265330, UTC)
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'


def test_the_example_of_the_specification_is_signed_as_it_says() -> None:
    headers = dict(signed(ID, AT, BODY, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    assert headers == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_another_secret_body_or_second_gives_another_signature() -> None:
    later = datetime.fromtimestamp(1614265331, UTC)
    found = {
        dict(signed(ID, at, body, secret))["webhook-signature"]
        for at in (AT, later)
        for body in (BODY, BODY + b" ")
        for secret in ("a plain text", "another")
    }
    assert len(found) == 8


def test_without_a_secret_nothing_is_signed() -> None:
    assert "webhook-signature" not in dict(signed(ID, AT, BODY, None))


def test_a_secret_that_says_that_it_is_base64_and_is_none_is_refused_without_it() -> None:
    with pytest.raises(Undelivered) as refused:
        signed(ID, AT, BODY, "whsec_not base64!")
    assert "not base64!" not in str(refused.value)

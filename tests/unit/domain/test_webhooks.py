"""Calls from outside are let in by signature or token, within their window, and by nothing else."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest

from core.domain.happenings import WebhookSpec
from core.domain.webhooks import (
    Call,
    CallTooLarge,
    HookRefused,
    MalformedCall,
    body_of,
    delivery_of,
    refused,
    signature,
)
from core.storage.fires import KEPT_EVENTS

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SENT_AT = str(int(NOW.timestamp()))
SECRET = "hush"
BODY = b'{"ref": "main"}'


def spec(**more: Any) -> WebhookSpec:
    return WebhookSpec.model_validate({"secret": SECRET, **more})


def signed(**changes: str) -> dict[str, str]:
    headers = {
        "webhook-id": "m1",
        "webhook-timestamp": SENT_AT,
        "webhook-signature": signature(SECRET, "m1", SENT_AT, BODY),
    }
    return {**headers, **changes}


def let_in(headers: dict[str, str], body: bytes = BODY, now: datetime = NOW, **more: Any) -> Any:
    return delivery_of(spec(**more), SECRET, Call(headers=headers, body=body), now)


def test_the_example_of_the_specification_fits() -> None:
    # standardwebhooks/spec, section "Example of signature".
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'

    found = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)

    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert base64.b64decode(found[3:])


@pytest.mark.parametrize("beside", ["", "v1,b3RoZXI= ", "v2,x "])
def test_a_signed_call_is_let_in_also_with_signatures_of_other_secrets(beside: str) -> None:
    right = signed()["webhook-signature"]

    assert let_in(signed(**{"webhook-signature": beside + right})) == "m1"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(**{"webhook-signature": ""}),
        signed(**{"webhook-signature": "v1,AAAA"}),
        signed(**{"webhook-signature": "v1," + "ä"}),
        signed(**{"webhook-id": "m2"}),
        signed(**{"webhook-id": "m 1"}),
        signed(**{"webhook-timestamp": str(int(SENT_AT) + 1)}),
        signed(**{"webhook-timestamp": "now"}),
        {"authorization": f"Bearer {SECRET}"},
    ],
)
def test_a_call_that_is_not_signed_as_it_stands_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(HookRefused) as caught:
        let_in(headers)

    assert str(caught.value) == str(refused())


def test_another_body_is_another_call() -> None:
    with pytest.raises(HookRefused, match="neither the signature nor the token"):
        let_in(signed(), b"{}")


def test_a_secret_without_a_key_in_it_is_no_empty_key() -> None:
    everybody = hmac.digest(b"", b"m1.1.{}", "sha256")

    assert signature("whsec_", "m1", "1", b"{}") != f"v1,{base64.b64encode(everybody).decode()}"


def test_whoever_knows_the_secret_is_told_what_else_is_wrong() -> None:
    odd = {"webhook-id": "ä" * 200}
    token = {"authorization": f"Bearer {SECRET}", **odd}
    right = signature(SECRET, odd["webhook-id"], SENT_AT, BODY)
    for headers, auth in [
        (token, "token"),
        (signed(**odd, **{"webhook-signature": right}), "signature"),
    ]:
        with pytest.raises(HookRefused, match="webhook-id must be 1 to 128"):
            let_in(headers, auth=auth)


@pytest.mark.parametrize(("by_s", "fits"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_a_signed_call_is_good_for_its_window_alone(by_s: int, fits: bool) -> None:
    now = datetime.fromtimestamp(int(SENT_AT) + by_s, UTC)
    if fits:
        assert let_in(signed(), now=now) == "m1"
    else:
        with pytest.raises(HookRefused, match="the schedule takes 300 s"):
            let_in(signed(), now=now)


def test_slots_of_calls_are_known_for_longer_than_any_call_is_good() -> None:
    longest = spec(window_s=3600).window_s

    assert KEPT_EVENTS.total_seconds() >= 2 * longest


@pytest.mark.parametrize(
    ("headers", "fits"),
    [
        ({"authorization": "Bearer hush"}, True),
        ({"authorization": "bearer hush"}, True),
        ({"authorization": "Bearer hush!"}, False),
        ({"authorization": "Basic hush"}, False),
        ({"authorization": "Bearer ä"}, False),
        ({}, False),
        (signed(), False),
    ],
)
def test_a_token_is_the_secret_itself(headers: dict[str, str], fits: bool) -> None:
    if fits:
        assert let_in(headers, auth="token") is None
        assert let_in({**headers, "webhook-id": "d"}, auth="token") == "d"
    else:
        with pytest.raises(HookRefused) as caught:
            let_in(headers, auth="token")

        assert str(caught.value) == str(refused())


def test_a_body_is_json_or_nothing_and_bounded() -> None:
    assert body_of(spec(), Call(headers={}, body=BODY)) == {"ref": "main"}
    assert body_of(spec(), Call(headers={}, body=b" ")) is None
    for bad in (b"ref=main", b"\xff", b"[" * 9000, b'{"a": NaN}', b'{"a": "\\ud800"}'):
        with pytest.raises(MalformedCall):
            body_of(spec(), Call(headers={}, body=bad))
    with pytest.raises(CallTooLarge):
        body_of(spec(max_bytes=10), Call(headers={}, body=BODY))

"""Whether a call from outside is let in, and what tells it from all others. Pure.

Signed calls are those of the Standard Webhooks specification: `webhook-id`, `webhook-timestamp` in
seconds of Unix time, and `webhook-signature`, which is `v1,` and the base64 of HMAC-SHA256 over
`id.timestamp.body`; several signatures, as while a secret is changed, are parted by spaces.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from core.domain import expressions
from core.domain.happenings import HookAuth, WebhookSpec
from core.errors import RequestError

_ID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)
_ENCODED = "whsec_"
"""What stands before a secret that is base64 of its bytes."""


class HookRefused(RequestError):
    """A call that does not show that it may. It says the same of schedules that there are not."""

    code = "hook-refused"


class TooManyCalls(RequestError):
    """More calls than the schedule takes."""

    code = "too-many-calls"


class CallTooLarge(RequestError):
    """A body that is larger than the schedule takes."""

    code = "body-too-large"


class MalformedCall(RequestError):
    """A body that is not JSON."""

    code = "malformed-json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What came in. Names of headers are in small letters."""

    headers: Mapping[str, str]
    body: bytes


def refused(
    why: str = "it shows neither the signature nor the token of such a schedule",
) -> HookRefused:
    """One answer for all that is wrong before a caller has shown that it knows the secret."""
    return HookRefused(f"the call is not let in: {why}", hint="see `jobdeck help schedules`")


def delivery_of(spec: WebhookSpec, secret: str, call: Call, now: datetime) -> str | None:
    """The id of a call that is let in; None where it gives none. Raises: HookRefused."""
    knows = _has_token if spec.auth is HookAuth.TOKEN else _is_signed
    if not knows(secret, call):
        raise refused()
    id_ = call.headers.get("webhook-id")
    if id_ is not None and _ID.fullmatch(id_) is None:
        raise refused("webhook-id must be 1 to 128 visible letters of ASCII")
    if spec.auth is HookAuth.SIGNATURE:
        _check_age(spec, int(call.headers["webhook-timestamp"]), now)
    return id_


def _has_token(secret: str, call: Call) -> bool:
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return hmac.compare_digest(token.encode(), secret.encode()) and scheme.lower() == "bearer"


def _is_signed(secret: str, call: Call) -> bool:
    id_, sent_at = (call.headers.get(name) for name in ("webhook-id", "webhook-timestamp"))
    if id_ is None or sent_at is None or _SECONDS.fullmatch(sent_at) is None:
        return False
    wanted = signature(secret, id_, sent_at, call.body)
    # All are compared, so that time says nothing about which of them fits.
    fits = [
        hmac.compare_digest(each.encode(), wanted.encode())
        for each in call.headers.get("webhook-signature", "").split()
    ]
    return any(fits)


def _check_age(spec: WebhookSpec, sent_at: int, now: datetime) -> None:
    age_s = round(now.timestamp()) - sent_at
    if abs(age_s) > spec.window_s:
        when = f"{age_s} s old" if age_s > 0 else f"{-age_s} s ahead of the engine's clock"
        raise refused(f"it is {when}; the schedule takes {spec.window_s} s")


def body_of(spec: WebhookSpec, call: Call) -> Any:
    """What a call says; null where it says nothing. Raises: CallTooLarge, MalformedCall."""
    if len(call.body) > spec.max_bytes:
        raise CallTooLarge(f"the schedule takes bodies of {spec.max_bytes} bytes (`max_bytes`)")
    if not call.body.strip():
        return None
    try:
        body = msgspec.json.decode(call.body)
        expressions.as_value(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise MalformedCall("the body of the call is not JSON") from None
    return body


def signature(secret: str, id_: str, sent_at: str, body: bytes) -> str:
    """What a caller sends as webhook-signature."""
    signed = f"{id_}.{sent_at}.".encode() + body
    digest = hmac.digest(_key(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    if secret.startswith(_ENCODED):
        with suppress(binascii.Error):  # a secret of somebody's own that only begins so
            if key := base64.b64decode(secret.removeprefix(_ENCODED), validate=True):
                return key  # an empty one would be known to everybody
    return secret.encode()

"""Webhooks, signed as the specification Standard Webhooks 1.0.0 has it.

`webhook-id` is the message's id, `webhook-timestamp` the second in which it is sent, and
`webhook-signature` is `v1,` and the Base64 of HMAC-SHA256 over `id.timestamp.body`. The id is
the same at every try: a receiver that keeps the ids it has seen takes each message once. It
refuses an old timestamp, so nobody can send a message again that they have seen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

import msgspec

from core.channels.message import Message, json_of
from core.clock import Clock
from core.domain.channel import ChannelSpec
from core.domain.tasks import Expectations, HttpRequest
from core.errors import OpsError, Undelivered
from core.executors.protocol import Executor, Login, Stream, Target, Work
from core.executors.stopping import StopSignal

_TIMEOUT_S = 30.0
_MOST_ANSWER_BYTES = 64 * 1024
_ENCODED = "whsec_"
"""Begins a secret that is Base64, as the specification writes them."""


class WebhookWay:
    """Posts JSON through the engine's own requests: addresses are judged as theirs are."""

    def __init__(
        self, http: Executor, clock: Clock, networks: tuple[str, ...], connect_timeout_s: float
    ) -> None:
        self._http = http
        self._clock = clock
        self._networks = networks
        self._connect_timeout_s = connect_timeout_s

    async def send(self, spec: ChannelSpec, secrets: dict[str, str], message: Message) -> None:
        """Return when it answered 2xx; raise Undelivered otherwise."""
        assert spec.webhook is not None
        body = msgspec.json.encode(json_of(message))
        headers = [("Content-Type", "application/json"), ("User-Agent", "Jobdeck")]
        headers += signed(message.id, self._clock.now(), body, secrets.get("webhook.secret"))
        request = HttpRequest(
            method="POST",
            url=spec.webhook.url,
            headers=tuple(headers),
            body=body,
            may_repeat=True,
            redirects=0,
            tries=1,
            max_body_bytes=_MOST_ANSWER_BYTES,
            ca=spec.webhook.ca,
            expect=Expectations(status=("2xx",)),
            capture={},
        )
        target = Target(
            host="the webhook",
            address="",
            login=Login(user=""),
            connect_timeout_s=self._connect_timeout_s,
            networks=self._networks,
        )
        work = Work(attempt_id=message.id, task=request, timeout_s=_TIMEOUT_S)
        try:
            async with self._http.open(target) as session:
                outcome = await session.run(work, _Unheard(), StopSignal())
        except OpsError as error:
            raise Undelivered(str(error)) from error
        if outcome.code is not None:
            raise Undelivered(outcome.message or str(outcome.code))


def signed(id_: str, at: datetime, body: bytes, secret: str | None) -> list[tuple[str, str]]:
    """The headers that say which message it is, when it is sent, and by whom."""
    timestamp = str(int(at.timestamp()))
    headers = [("webhook-id", id_), ("webhook-timestamp", timestamp)]
    if secret is not None:
        text = f"{id_}.{timestamp}.".encode() + body
        digest = hmac.new(_key(secret), text, hashlib.sha256).digest()
        headers.append(("webhook-signature", f"v1,{base64.b64encode(digest).decode()}"))
    return headers


def _key(secret: str) -> bytes:
    if secret.startswith(_ENCODED):
        try:
            return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
        except (binascii.Error, ValueError):
            raise Undelivered(
                "the secret of the webhook begins with whsec_ and is no Base64"
            ) from None
    return secret.encode()


class _Unheard:
    """Nobody reads what a webhook answers."""

    def write(self, _stream: Stream, _data: bytes) -> bool:
        return True

    async def ready(self) -> None:
        return None

    async def unclaimed(self, reason: str) -> None:
        return None

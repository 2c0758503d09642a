"""What a request shows of an account: headers, a certificate, a token that is fetched first."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote_plus, urlencode
from weakref import WeakValueDictionary

import msgspec

from core.clock import Clock
from core.domain.run import TargetCode
from core.domain.tasks import HttpLogin
from core.errors import TargetError
from core.executors.http.exchange import Exchange, Hop, NoAnswer, url_of
from core.executors.http.repeating import BUSY, Tries, retry_after_s
from core.executors.protocol import Login, Sink
from core.vault.client_certificates import show_certificate

Headers = tuple[tuple[str, str], ...]

_MOST_TOKENS = 1000
_EARLY_S = 30.0
"""A token is not used in its last seconds: it would expire on its way."""
_LIFETIME_S = 300.0
"""Of a token whose server does not say; a shorter one is found out by a 401."""
_MOST_BYTES = 1 << 20
_MAY_PASS = BUSY | {500, 502, 504}
"""Statuses of a token server that may give one a moment later."""


class _Granted(msgspec.Struct):
    """A token server's answer (RFC 6749, 5.1)."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: float | None = None


class Tokens:
    """Tokens of all targets, until shortly before they expire; in memory alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[bytes, tuple[str, float]] = {}
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    def turn(self, key: bytes) -> asyncio.Lock:
        """Held while a token is looked for and fetched: many targets at once want the same one."""
        return self._turns.setdefault(key, asyncio.Lock())

    def find(self, key: bytes) -> str | None:
        """A token that is still good."""
        token, until_s = self._kept.get(key, ("", 0.0))
        return token if token and self._clock.monotonic() < until_s else None

    def keep(self, key: bytes, token: str, lifetime_s: float) -> None:
        while len(self._kept) >= _MOST_TOKENS:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (token, self._clock.monotonic() + lifetime_s - _EARLY_S)

    def drop(self, key: bytes, token: str) -> None:
        """Forget a token that was refused, unless another has taken its place."""
        if self.find(key) == token:
            del self._kept[key]


def key_of(auth: HttpLogin, login: Login) -> bytes:
    """Names what was asked for and by whom, without holding it."""
    asked = [auth.token_url, auth.scopes, auth.audience, login.user, login.password]
    shown = [login.tls_certificate, login.tls_key]
    return hashlib.sha256(json.dumps([asked, shown]).encode()).digest()


def headers_of(auth: HttpLogin, login: Login) -> Headers:
    """The headers of a kind that fetches nothing."""
    match auth.kind:
        case "basic":
            return (("Authorization", _basic(login.user, login.password or "")),)
        case "bearer":
            return bearer(login.token or "")
        case "api-key":
            return ((auth.header, _one_line(login.token or "")),)
        case _:
            return ()


def bearer(token: str) -> Headers:
    return (("Authorization", f"Bearer {_one_line(token)}"),)


async def fetch(
    auth: HttpLogin,
    login: Login,
    exchange: Exchange,
    tls: ssl.SSLContext,
    sink: Sink,
    tries: Tries,
) -> tuple[str, float]:
    """A token and its lifetime in seconds; TargetError when the server gives none.

    It is asked for again as often as the step's request may be: nothing is done by it.
    """
    form = {"grant_type": "client_credentials"}
    if auth.scopes:
        form["scope"] = " ".join(auth.scopes)
    if auth.audience:
        form["audience"] = auth.audience
    headers = [
        ("Accept", "application/json"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ]
    password = login.password or ""
    if auth.in_body:
        form |= {"client_id": login.user, "client_secret": password}
    else:  # RFC 6749, 2.3.1: encoded as in a form, then as Basic
        headers.append(("Authorization", _basic(quote_plus(login.user), quote_plus(password))))
    hop = Hop("POST", url_of(auth.token_url), tuple(headers), urlencode(form).encode(), tls, tls)
    while True:
        try:
            answer, _ = await exchange.ask(hop, _MOST_BYTES, lambda _: None, sink)
        except NoAnswer as failure:
            reason = f"no token came from {hop.url.host}: {failure}"
            if tries.is_last:
                raise TargetError(TargetCode.CONNECTION_FAILURE, reason) from failure
            await tries.pause(reason, sink)
            continue
        if answer.status not in _MAY_PASS or tries.is_last:
            break
        await tries.pause(
            f"no token came from {hop.url.host}: status {answer.status}",
            sink,
            retry_after_s(answer),
        )
    if answer.status != 200:
        why = _error_in(answer.body)
        raise TargetError(
            TargetCode.UNAUTHORIZED,
            f"{hop.url.host} gives no token: status {answer.status}{why}",
            hint="look at the account's user (client id) and password (client secret)",
        )
    try:
        granted = msgspec.json.decode(answer.body, type=_Granted)
    except msgspec.MsgspecError as error:
        raise TargetError(
            TargetCode.UNAUTHORIZED, f"{hop.url.host} gives no token: its answer holds none"
        ) from error
    if granted.token_type.lower() != "bearer":
        raise TargetError(
            TargetCode.UNAUTHORIZED, f"{hop.url.host} gives a token that is no bearer token"
        )
    return granted.access_token, _LIFETIME_S if granted.expires_in is None else granted.expires_in


def context_of(ca: str | None, login: Login) -> ssl.SSLContext:
    """A context that shows the login's certificate, if it has one. Blocks: for a thread."""
    if login.tls_certificate is None or login.tls_key is None:
        return plain_context(ca)
    context = ssl.create_default_context(cadata=ca)
    try:
        show_certificate(context, login.tls_certificate, login.tls_key, login.tls_passphrase)
    except ValueError as error:
        raise TargetError(TargetCode.INVALID_OPTIONS, f"the account's {error}") from error
    return context


@lru_cache(maxsize=64)
def plain_context(ca: str | None) -> ssl.SSLContext:
    """Certificates are always checked: against the system's authorities, or the step's own."""
    return ssl.create_default_context(cadata=ca)


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _one_line(token: str) -> str:
    if _has_controls(token):
        raise TargetError(
            TargetCode.INVALID_OPTIONS,
            "the account's token cannot stand in a header: it holds line ends or control"
            " characters",
        )
    return token


def _has_controls(text: Iterable[str]) -> bool:
    return any(ord(each) < 0x20 or ord(each) == 0x7F for each in text)


def _error_in(body: bytes) -> str:
    """The server's own word for it, one of a list in RFC 6749, 5.2; nothing else is shown."""
    try:
        found = msgspec.json.decode(body, type=dict[str, object]).get("error")
    except msgspec.MsgspecError:
        return ""
    is_word = isinstance(found, str) and found.replace("_", "").isalpha() and len(found) < 40
    return f", {found}" if is_word else ""

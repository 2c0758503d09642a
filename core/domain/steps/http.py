"""HTTP requests, from the engine's machine: to each target's own service, or once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import quote, quote_plus, urlsplit

from pydantic import AfterValidator, Field, model_validator

from core.domain.access import AccountSpec
from core.domain.certificates import Authorities
from core.domain.command_rules.values import CommandText, Judged, Language
from core.domain.filling import Filled, FilledLines, check_places, fill, fill_known
from core.domain.http_rules import HeaderName, check_path, check_status
from core.domain.steps.base import Given, ServiceStep
from core.domain.steps.http_auth import HttpAuth
from core.domain.tasks import Capture, Expectations, HttpRequest
from core.domain.values import EnvName, Regex, Value

MAX_BODY_CHARACTERS = 1 << 20


class Method(StrEnum):
    GET = "GET"
    HEAD = "HEAD"
    OPTIONS = "OPTIONS"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


SAFE = frozenset({Method.GET, Method.HEAD, Method.OPTIONS})
"""Changes nothing at the far side (RFC 9110, 9.2.1)."""
REPEATABLE = SAFE | {Method.PUT, Method.DELETE}
"""Twice has the effect of once (RFC 9110, 9.2.2)."""

Status = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(check_status)]
JsonPath = Annotated[str, AfterValidator(check_path)]


class Expect(Value):
    """What makes an answer a good one; everything given must hold."""

    status: tuple[Status, ...] = Field(
        ("2xx",), min_length=1, description="statuses: 200, 2xx, or 200-299"
    )
    headers: dict[HeaderName, Regex] = Field(
        default_factory=dict, description="header -> regular expression found in its value"
    )
    json_paths: dict[JsonPath, Any] = Field(
        default_factory=dict,
        description="JSONPath (RFC 9535) -> the value that it must find",
    )
    body: Regex | None = Field(None, description="regular expression found in the body")
    max_bytes: int | None = Field(None, ge=0, description="most bytes of the body")
    within_s: float | None = Field(None, gt=0, description="longest time until the answer begins")


class CaptureFrom(Value):
    """Where in an answer an output comes from: one of the three."""

    json_path: JsonPath | None = Field(None, description="JSONPath (RFC 9535)")
    header: HeaderName | None = None
    regex: Regex | None = Field(None, description="in the body: its first group, or all of it")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(each is not None for each in (self.json_path, self.header, self.regex)) != 1:
            raise ValueError("give `json_path`, `header` or `regex`, one of the three")
        return self


class HttpStep(ServiceStep):
    """An HTTP request from the engine's machine, to each target's service or once.

    `${NAME}` stands for an environment variable of the step; ${JOBDECK_ADDRESS} is the target's.
    """

    access: ClassVar[str | None] = "http"

    kind: Literal["http"]
    timeout_s: float | None = Field(60, gt=0, le=30 * 86400, description="per target, all tries")
    method: Method = Method.GET
    url: Filled = Field(
        min_length=1,
        max_length=4096,
        description="http:// or https://; a value at its beginning is taken as it stands, any"
        " other is percent-encoded",
    )
    auth: HttpAuth | None = Field(
        None, description="logs in with the account of `run_as`, or else of the target"
    )
    query: dict[str, Filled] = Field(default_factory=dict)
    headers: dict[HeaderName, Filled] = Field(default_factory=dict)
    data: Any = Field(None, description="sent as JSON")
    form: dict[str, Filled] | None = Field(None, description="sent as a form")
    text: FilledLines | None = Field(
        None, max_length=MAX_BODY_CHARACTERS, description="sent as it is"
    )
    expect: Expect = Expect()
    capture: dict[EnvName, CaptureFrom] = Field(
        default_factory=dict, description="outputs for later steps"
    )
    redirects: int = Field(5, ge=0, le=20, description="followed at most")
    tries: int = Field(
        3, ge=1, le=10, description="of a request that may be repeated, while nobody answers it"
    )
    max_body_bytes: int = Field(
        8 << 20, ge=0, le=1 << 30, description="of the answer's body; a longer one is a failure"
    )
    ca: Authorities | None = Field(
        None, max_length=1 << 18, description="PEM: trust these authorities, and no others"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.url.startswith(("http://", "https://", "${")):
            raise ValueError("`url` must begin with http:// or https://")
        bodies = [name for name in ("data", "form", "text") if getattr(self, name) is not None]
        if len(bodies) > 1:
            raise ValueError(f"give one body, not {' and '.join(f'`{name}`' for name in bodies)}")
        if bodies and self.method in SAFE:
            raise ValueError(f"a {self.method} request has no body; drop `{bodies[0]}`")
        if self.once and (self.targets, self.rolling) != (None, None):
            raise ValueError("with `once` there are no targets; drop `targets`, `rolling`")
        if self.once and (self.auth is None) != (self.run_as is None):
            raise ValueError("with `once`, `run_as` names the account of `auth`: give both or none")
        if self.auth is not None:
            self._check_auth(self.auth)
        _with_texts(self.data, check_places)
        return self

    def _check_auth(self, auth: HttpAuth) -> None:
        if self.url.startswith("http://") and not auth.unencrypted:
            raise ValueError(
                "`auth` over http:// can be read on its way; use https://, or say"
                " `unencrypted: true` in `auth`"
            )
        taken = auth.login().header.lower() or "authorization"
        if auth.kind != "certificate" and taken in {name.lower() for name in self.headers}:
            raise ValueError(f"`auth` sets the header {taken} already; drop yours")

    @property
    def may_repeat(self) -> bool:
        return self.idempotent or self.method in REPEATABLE

    @property
    def logs_in(self) -> bool:
        return self.auth is not None

    def lacks(self, account: AccountSpec) -> str:
        return "" if self.auth is None else self.auth.lacks(account)

    def rehearsal(self, given: Given) -> HttpRequest | None:
        """The request itself, where its method changes nothing."""
        return self.task(given) if self.method in SAFE else None

    def judged(self, given: Given) -> Sequence[Judged]:
        text = f"{self.method} {fill_known(self.url, given.env)}"
        return [CommandText(language=Language.HTTP, text=text, where="url")]

    def task(self, given: Given) -> HttpRequest:
        """ValueError where a value is missing, or cannot stand in its place."""
        headers = [(name, _header(text, given.env)) for name, text in self.headers.items()]
        body, media_type = self._body(given.env)
        named = {name.lower() for name, _ in headers}
        if media_type and "content-type" not in named:
            headers.append(("Content-Type", media_type))
        url = self._url(given.env)
        if self.auth is not None and url.startswith("http://") and not self.auth.unencrypted:
            raise ValueError("the filled `url` is http://, where `auth` could be read on its way")
        return HttpRequest(
            method=self.method.value,
            url=url,
            auth=None if self.auth is None else self.auth.login(),
            headers=tuple(headers),
            body=body,
            may_repeat=self.may_repeat,
            redirects=self.redirects,
            tries=self.tries,
            max_body_bytes=self.max_body_bytes,
            ca=self.ca,
            expect=Expectations(
                status=self.expect.status,
                headers=self.expect.headers,
                json_paths=self.expect.json_paths,
                body=self.expect.body,
                max_bytes=self.expect.max_bytes,
                within_s=self.expect.within_s,
            ),
            capture={
                name: Capture(json_path=source.json_path, header=source.header, regex=source.regex)
                for name, source in self.capture.items()
            },
        )

    def _url(self, env: Mapping[str, str]) -> str:
        base, rest = "", self.url
        if rest.startswith("${"):
            end = rest.index("}") + 1
            base, rest = fill(rest[:end], env), rest[end:]
        url = base + fill(rest, env, lambda value: quote(value, safe=""))
        if not url.startswith(("http://", "https://")) or not urlsplit(url).hostname:
            raise ValueError("the filled `url` does not begin with http:// or https:// and a host")
        if urlsplit(url).username is not None:
            raise ValueError("`url` holds a login, which would be shown; put it into a header")
        if self.query:
            pairs = "&".join(
                f"{quote_plus(name)}={quote_plus(fill(text, env))}"
                for name, text in self.query.items()
            )
            url += ("&" if urlsplit(url).query else "?") + pairs
        return url

    def _body(self, env: Mapping[str, str]) -> tuple[bytes | None, str]:
        """The body, and its media type."""
        if self.data is not None:
            filled = _with_texts(self.data, lambda text: fill(text, env))
            text = json.dumps(filled, ensure_ascii=False)
            return text.encode(), "application/json"
        if self.form is not None:
            pairs = (f"{quote_plus(n)}={quote_plus(fill(t, env))}" for n, t in self.form.items())
            return "&".join(pairs).encode(), "application/x-www-form-urlencoded"
        if self.text is not None:
            return fill(self.text, env).encode(), "text/plain; charset=utf-8"
        return None, ""


def _header(text: str, env: Mapping[str, str]) -> str:
    value = fill(text, env)
    if any(ord(each) < 0x20 or ord(each) == 0x7F for each in value.replace("\t", " ")):
        raise ValueError("a header's value cannot hold line ends or control characters")
    return value


def _with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value whose texts are changed; what is no text, and every name, stays."""
    match value:
        case str():
            return change(value)
        case dict():
            return {name: _with_texts(each, change) for name, each in value.items()}
        case list() | tuple():
            return [_with_texts(each, change) for each in value]
    return value

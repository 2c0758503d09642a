"""An HTTP API that answers what a test tells it to, and remembers what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

Reply = Callable[[httpx.Request], httpx.Response]


def answer(body: Any, status: int = 200, **headers: str) -> Reply:
    """Always this JSON."""
    return lambda _request: httpx.Response(status, json=body, headers=headers)


def problem(status: int, code: str, detail: str, **more: Any) -> Reply:
    """A problem document, as the API answers what it refuses."""
    body = {"code": code, "detail": detail, "status": status, "title": code, **more}
    media_type = {"Content-Type": "application/problem+json"}
    return lambda _request: httpx.Response(status, content=json.dumps(body), headers=media_type)


def stream(*events: tuple[str, str, Any]) -> Reply:
    """Server-sent events: (type, id, data)."""
    text = "".join(
        f"event: {type_}\nid: {id_}\ndata: {json.dumps(data)}\n\n" for type_, id_, data in events
    )
    media_type = {"Content-Type": "text/event-stream"}
    return lambda _request: httpx.Response(200, content=text.encode(), headers=media_type)


@dataclass
class FakeApi:
    """Answers by method and path below /api/v1; remembers what was asked."""

    replies: dict[tuple[str, str], list[Reply]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def on(self, method: str, path: str, *replies: Reply) -> Self:
        """Answer in this order; the last reply is repeated."""
        self.replies[method, path] = list(replies)
        return self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.raw_path.decode().partition("?")[0].removeprefix("/api/v1")
        replies = self.replies.get((request.method, path))
        assert replies, f"nobody told the test what {request.method} {path} answers"
        return (replies.pop(0) if len(replies) > 1 else replies[0])(request)

    def sent(self, method: str, path: str) -> list[Any]:
        """Bodies that were sent there, in order."""
        return [
            json.loads(request.content) if request.content else None
            for request in self.requests
            if (request.method, request.url.path) == (method, f"/api/v1{path}")
        ]

    def asked(self, path: str) -> dict[str, list[str]]:
        """Query of the last GET of this path."""
        found = [r for r in self.requests if r.url.path == f"/api/v1{path}" and r.method == "GET"]
        params = found[-1].url.params
        return {name: params.get_list(name) for name in params}


@dataclass(frozen=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str


Jobdeck = Callable[..., Ended]

"""An engine that answers what a real one once answered: the same picture every time.

Answers are recorded through `Recorder` and given again by `Replayed`. The journal's stream is open
and silent: nothing happens on a picture.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

_STREAM = "text/event-stream"


def _key(request: httpx.Request) -> str:
    """A question by its method, path, query and body."""
    path = request.url.raw_path.decode().removeprefix("/api/v1")
    body = request.read().decode()
    return f"{request.method} {path} {body}".rstrip()


@dataclass
class Recorder:
    """Asks a real engine, and remembers its answers. What is in `hidden` is written otherwise."""

    engine: httpx.BaseTransport
    hidden: Mapping[str, str]
    answers: dict[str, Any] = field(default_factory=dict)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if _STREAM in request.headers.get("Accept", ""):
            return self.engine.handle_request(request)
        key = _key(request)
        response = self.engine.handle_request(request)
        text = response.read().decode()
        for real, shown in self.hidden.items():
            text = text.replace(real, shown)
        self.answers[key] = {"status": response.status_code, "body": json.loads(text or "null")}
        return httpx.Response(response.status_code, headers=_JSON, content=text)


_JSON = {"Content-Type": "application/json"}


@dataclass
class Replayed:
    """What was recorded: when, what things are called, and every answer."""

    at: datetime
    names: Mapping[str, str]
    """What a case calls a thing -> its id."""
    answers: Mapping[str, Any]
    closed: threading.Event = field(default_factory=threading.Event)
    """Ends the journal's stream."""

    @classmethod
    def read(cls, file: Path) -> Replayed:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return cls(datetime.fromisoformat(kept["at"]), kept["names"], kept["answers"])

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if _STREAM in request.headers.get("Accept", ""):
            return httpx.Response(200, headers={"Content-Type": _STREAM}, content=self._silence())
        answer = self.answers.get(_key(request))
        if answer is None:
            problem = {"code": "not-recorded", "detail": f"not recorded: {_key(request)}"}
            return httpx.Response(400, json=problem)
        return httpx.Response(answer["status"], json=answer["body"])

    def _silence(self) -> Iterator[bytes]:
        self.closed.wait()
        yield b"event: bye\ndata: {}\n\n"


def write(file: Path, at: datetime, names: Mapping[str, str], answers: Mapping[str, Any]) -> None:
    """Keep what was recorded, in an order that does not change."""
    kept = {"at": at.isoformat(), "names": dict(names), "answers": dict(sorted(answers.items()))}
    file.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

"""What the engine itself talks to, beside hosts: a web server that counts, and a database."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.webserver import Reply, WebServer

HTTP, SQL = "http", "sql"
ANSWER = b"noted\n"

_DELAY_S = 0.05
"""The server's, so that engines are killed between a request and its answer."""
_SCHEMA = """\
CREATE TABLE ledger (
  run text, step text, target text, attempt text, at timestamp, PRIMARY KEY (run, step, target));
CREATE TABLE effect (run text, step text, attempt text, host text);
"""
_EFFECT = "INSERT INTO effect VALUES (:run, :step, :attempt, :host)"
_PLACE = {
    "run": "${JOBDECK_RUN}",
    "step": "${JOBDECK_STEP}",
    "attempt": "${JOBDECK_ATTEMPT}",
    "host": "${JOBDECK_HOST}",
}


@dataclass(frozen=True, slots=True)
class Services:
    """A web server whose path /effect notes each request, and a database with a ledger."""

    web: WebServer
    database: Path

    def step(self, kind: str) -> dict[str, Any]:
        """A step that has one effect for each target, under the target's place."""
        if kind == HTTP:
            return {"kind": HTTP, "method": "POST", "url": self.web.url("/effect"), "query": _PLACE}
        return {
            "kind": SQL,
            "database": "sqlite",
            "path": str(self.database),
            "statements": [_EFFECT],
            "parameters": _PLACE,
            "ledger": "ledger",
        }

    def requests(self) -> Counter[tuple[str, str, int, str]]:
        """Place of a target -> how many requests came from there."""
        return Counter(_place(dict(_query(request.target))) for request in self.web.received)

    def keys(self) -> Counter[str]:
        """Idempotency-Key -> how often it came."""
        return self.web.keys

    def effects(self) -> Counter[tuple[str, str, int, str]]:
        """Place of a target -> how many rows its statement left."""
        with closing(sqlite3.connect(self.database)) as database:
            rows = database.execute("SELECT run, step, attempt, host FROM effect").fetchall()
        return Counter((run, step, int(attempt), host) for run, step, attempt, host in rows)

    def forget(self) -> None:
        """What was looked at is not looked at again."""
        self.web.received.clear()
        self.web.keys.clear()
        with closing(sqlite3.connect(self.database)) as database:
            database.execute("DELETE FROM effect")
            database.commit()


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """Both of them, new."""
    path = folder / "effects.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_SCHEMA)
    with WebServer() as web:
        web.serve("/effect", Reply(body=ANSWER, delay_s=_DELAY_S))
        yield Services(web, path)


def _query(target: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(target).query)


def _place(said: dict[str, str]) -> tuple[str, str, int, str]:
    return said["run"], said["step"], int(said["attempt"]), said["host"]

"""The HTTP API: every family of resources behind one door, `/api/v1`.

A family is loaded when it is first asked for: making its routes takes as long as starting the rest
of the engine, and most of them are never asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import chain
from threading import Lock
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from starlette.types import Receive, Scope, Send

from core.api import openapi
from core.api.outside import CALLER, is_outside
from core.api.problems import HANDLERS, internal_error
from core.api.routes import ApiRoute, engine_of
from core.domain.authorization import Actor
from core.runtime.engine import Engine

log = structlog.get_logger(__name__)

PREFIX = "/api/v1"

FAMILIES: Mapping[str, Sequence[str]] = {
    "apply": ["apply"],
    "approvals": ["approvals"],
    "backups": ["backups"],
    "channels": ["channels"],
    "contents": ["contents"],
    "docs": ["docs"],
    "documents": ["document_history", "documents"],
    "engine": ["engine", "queue"],
    "events": ["events"],
    "facts": ["facts"],
    "hooks": ["hooks"],
    "host-keys": ["hostkeys"],
    "flows": ["flows"],
    "hosts": ["hosts", "facts"],
    "inventory": ["inventory"],
    "kinds": ["kinds"],
    "openapi.json": ["docs"],
    "plans": ["plans"],
    "pulse": ["pulse"],
    "queue": ["queue"],
    "retention": ["retention"],
    "runs": [
        "runs",
        "run_actions",
        "run_targets",
        "run_groups",
        "run_comparison",
        "run_executed",
        "run_output",
        "run_index",
        "run_merged",
        "run_export",
    ],
    "schedules": ["schedules"],
    "search": ["search"],
    "targets": ["inventory"],
    "vault": ["vault"],
}
"""First part of a path under the prefix -> the modules of this package with its routes."""

DESCRIPTION = """\
Everything that Jobdeck's consoles do goes through this API.

Times are UTC in ISO 8601. Lists are read page by page with `next_cursor`. A problem is
`application/problem+json` (RFC 9457) with a stable `code`. Unknown fields and parameters
are refused. Secrets are write-only: reading gives their references."""


class Api(FastAPI):
    """The application; its description is made once, when it is first asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._loaded: set[str] = set()
        self._loading = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            modules = FAMILIES.get(_first_part(scope["path"]), ())
            if not self._loaded.issuperset(modules):
                await asyncio.to_thread(self._load, modules)
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self._load([*chain(*FAMILIES.values())])
            self.openapi_schema = openapi.describe(self)
        return self.openapi_schema

    def every_route(self) -> Iterator[tuple[ApiRoute, str, Sequence[str]]]:
        """Each with its path and methods."""
        self._load([*chain(*FAMILIES.values())])
        return openapi.api_routes(self)

    def _load(self, modules: Sequence[str]) -> None:
        """Whoever comes while a family is being loaded waits for it: half of it would be a 404."""
        with self._loading:
            for name in modules:
                if name not in self._loaded:
                    self.include_router(import_module(f"core.api.{name}").routes, prefix=PREFIX)
                    self._loaded.add(name)


def _first_part(path: str) -> str:
    return path.removeprefix(f"{PREFIX}/").partition("/")[0]


def create_app(engine: Engine, actor: Callable[[Request], Actor]) -> Api:
    """The API of `engine`; `actor` says who makes a request over its own socket."""
    app = Api(
        title="Jobdeck",
        version=engine.version,
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={**HANDLERS, Exception: _outside_a_route},
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.engine = engine
    app.state.actor = lambda request: CALLER if is_outside(request) else actor(request)
    return app


async def _outside_a_route(request: Request, bug: Exception) -> Response:
    """A bug of the framework or of what surrounds the routes."""
    instance = engine_of(request).ids.new()
    log.error("api.bug", id=instance, method=request.method, exc_info=bug)
    return internal_error(instance)

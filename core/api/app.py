"""The HTTP API: every family of resources behind one door, `/api/v1`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response

from core.api import (
    apply,
    approvals,
    backups,
    contents,
    docs,
    document_history,
    documents,
    engine,
    events,
    facts,
    hostkeys,
    hosts,
    inventory,
    kinds,
    openapi,
    plans,
    queue,
    retention,
    run_actions,
    run_comparison,
    run_export,
    run_groups,
    run_merged,
    run_output,
    run_targets,
    runs,
    schedules,
    search,
    vault,
)
from core.api.problems import HANDLERS, internal_error
from core.api.routes import engine_of
from core.domain.authorization import Actor
from core.runtime.engine import Engine

log = structlog.get_logger(__name__)

PREFIX = "/api/v1"

FAMILIES = (
    engine,
    approvals,
    backups,
    retention,
    contents,
    kinds,
    document_history,
    documents,
    apply,
    inventory,
    hosts,
    facts,
    runs,
    run_actions,
    run_targets,
    run_groups,
    run_comparison,
    run_output,
    run_merged,
    run_export,
    search,
    plans,
    queue,
    schedules,
    events,
    hostkeys,
    vault,
    docs,
)

DESCRIPTION = """\
Everything that Jobdeck's consoles do goes through this API.

Times are UTC in ISO 8601. Lists are read page by page with `next_cursor`. A problem is
`application/problem+json` (RFC 9457) with a stable `code`. Unknown fields and parameters
are refused. Secrets are write-only: reading gives their references."""


class Api(FastAPI):
    """The application; its description is made once, when it is first asked for."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = openapi.describe(self)
        return self.openapi_schema


def create_app(engine: Engine, actor: Callable[[Request], Actor]) -> FastAPI:
    """The API of `engine`; `actor` says who makes a request."""
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
    app.state.actor = actor
    for family in FAMILIES:
        app.include_router(family.routes, prefix=PREFIX)
    return app


async def _outside_a_route(request: Request, bug: Exception) -> Response:
    """A bug of the framework or of what surrounds the routes."""
    instance = engine_of(request).ids.new()
    log.error("api.bug", id=instance, method=request.method, exc_info=bug)
    return internal_error(instance)

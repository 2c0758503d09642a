"""The API's description: OpenAPI 3.1, with the right each operation needs and its problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from core.api.problems import MEDIA_TYPE, ProblemOut
from core.api.routes import ApiRoute

_ALWAYS = (403, 422, 500, 503)
_WITH_NAMES = (404,)
"""Problems of operations whose path names something."""
_WITH_BODY = (400, 413, 415)

TAGS = (
    ("engine", "The engine itself, and backups."),
    ("contents", "Files that belong to jobs, each kept once under its SHA-256."),
    ("vault", "The vault as a whole: what opens it, and its master key."),
    ("kinds", "Kinds of documents and their schemas."),
    ("documents", "What people define: hosts, groups, accounts, environments, scripts, jobs."),
    ("flows", "What stands against a flow now."),
    ("inventory", "Target expressions, and hosts from other tools' files."),
    ("hosts", "What is observed on hosts and said of them: facts, health, maintenance, notes."),
    ("runs", "Starting work, watching it, and what it printed."),
    ("pulse", "What goes on, what failed, what waits for a person and what comes next."),
    ("queue", "Runs that wait for their turn, and why; freezing and draining the engine."),
    ("plans", "Dry runs: what a start would do, and whether hosts are ready for it."),
    ("approvals", "What waits for a person before a run goes on, and votes on it."),
    ("channels", "Where people are told: how each is, the outbox, test messages."),
    ("schedules", "When saved jobs start by themselves, and what became of every slot."),
    ("events", "The journal of everything that was committed."),
    ("host keys", "Which keys of hosts are trusted."),
    ("api", "This description."),
)


def fails(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that has problems of its own, besides those that all have."""
    return {status: _problem(status) for status in statuses}


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole description, as JSON values."""
    description = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS],
    )
    schemas = description["components"]["schemas"]
    for generated in ("HTTPValidationError", "ValidationError"):
        schemas.pop(generated, None)
    problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for route, path, methods in api_routes(app):
        for method in methods:
            operation = description["paths"].get(path, {}).get(method.lower())
            if operation is not None:
                operation["x-permission"] = f"{route.question.verb} {route.question.kind}"
                _add_problems(operation, has_names="{" in path)
    return description


def api_routes(app: FastAPI) -> Iterator[tuple[ApiRoute, str, Sequence[str]]]:
    """Every route with its path and methods; a TypeError for one that was made another way."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, ApiRoute):
            raise TypeError(f"{route} is no ApiRoute: it would not ask whether its caller may")
        yield route, context.path or "", sorted(context.methods or ())


def _add_problems(operation: dict[str, Any], *, has_names: bool) -> None:
    responses = operation["responses"]
    responses.pop("422", None)  # the framework's own shape
    statuses = _ALWAYS + (_WITH_NAMES if has_names else ())
    statuses += _WITH_BODY if "requestBody" in operation else ()
    for status in statuses:
        responses.setdefault(str(status), _problem(status))


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": schema}},
    }

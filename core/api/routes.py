"""The one way to make a route, so that no route can forget what all must do.

Before an endpoint runs, its route has asked `authorize` exactly once, refused
unknown query parameters and read the body strictly. An endpoint without a
question is refused when the program starts. A bug inside becomes a problem with
an id that the log has too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_args, get_origin

import structlog
from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from core.api.bodies import JsonRequest
from core.api.problems import internal_error
from core.domain.authorization import VERBS, Actor, Object, ObjectKind, Verb, authorize
from core.domain.findings import suggest
from core.errors import Invalid, OpsError, Problem
from core.runtime.engine import Engine

log = structlog.get_logger(__name__)

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True)
class Question:
    """What a route asks before it does anything."""

    verb: Verb
    kind: ObjectKind
    name: str = ""
    """The object's name, from path parameters: `{kind}/{name}`; "" is all of the kind."""

    def ask(self, actor: Actor, path_params: dict[str, Any]) -> None:
        """Raise Forbidden unless `actor` may."""
        authorize(actor, self.verb, Object(self.kind, self.name.format(**path_params)))


def asks(verb: Verb, kind: ObjectKind, name: str = "") -> Callable[[Endpoint], Endpoint]:
    """Declare what an endpoint does to what; stands directly above the function."""
    assert verb in VERBS[kind], f"{verb} {kind} is no question"

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.question = Question(verb, kind, name)  # type: ignore[attr-defined]
        return endpoint

    return mark


class ApiRoute(APIRoute):
    """A route that asks, and is strict about what it is given."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        question = getattr(endpoint, "question", None)
        if not isinstance(question, Question):
            raise TypeError(f"{endpoint.__name__} has no @asks(…): every route must ask")
        self.question = question
        super().__init__(path, endpoint, **settings)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        known = {
            field.alias: _takes_many(field.field_info.annotation)
            for field in self.dependant.query_params
        }

        async def strict(request: Request) -> Response:
            request = JsonRequest(request.scope, request.receive)
            try:
                request.state.actor = request.app.state.actor(request)
                self.question.ask(request.state.actor, request.path_params)
                _check_query(request.query_params.multi_items(), known)
                if self.body_field is not None:
                    await request.read()
                return await handle(request)
            except (OpsError, HTTPException, RequestValidationError):
                raise
            except ClientDisconnect:
                return Response(status_code=400)  # to nobody: it left before its body was here
            except Exception:
                instance = engine_of(request).ids.new()
                log.exception("api.bug", id=instance, method=request.method, route=self.path)
                return internal_error(instance)

        return strict


def router(tag: str) -> APIRouter:
    """A router for one family of resources."""
    return APIRouter(route_class=ApiRoute, tags=[tag])


def engine_of(request: Request) -> Engine:
    """The engine behind this door."""
    engine: Engine = request.app.state.engine
    return engine


async def _engine(request: Request) -> Engine:
    return engine_of(request)


async def _actor(request: Request) -> Actor:
    actor: Actor = request.state.actor
    return actor


TheEngine = Annotated[Engine, Depends(_engine)]
TheActor = Annotated[Actor, Depends(_actor)]


def _takes_many(annotation: Any) -> bool:
    return any(get_origin(branch) is list for branch in (annotation, *get_args(annotation)))


def _check_query(given: Iterable[tuple[str, str]], known: Mapping[str, bool]) -> None:
    """Refuse unknown parameters, and repeated ones unless `known` says that they take many.

    A misspelt filter that is silently ignored shows the wrong list as the right one.
    """
    problems = []
    for name, count in Counter(name for name, _ in given).items():
        if name not in known:
            hint = suggest(name, sorted(known)) or "this path takes none"
            problems.append(Problem(where=name, what="is not a known parameter", hint=hint))
        elif count > 1 and not known[name]:
            problems.append(Problem(where=name, what="stands more than once"))
    if problems:
        raise Invalid("the query is not valid", problems)

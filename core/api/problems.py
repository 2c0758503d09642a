"""Errors as problem details (RFC 9457): one shape, stable codes, never the caller's input.

`STATUS` is the only place that gives an error a status. Clients rely on `code`;
`detail`, `hint` and `problems` are for people and may be worded anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core import errors
from core.domain import webhooks
from core.domain.findings import describe
from core.errors import Invalid, OpsError, RequestError
from core.runtime.runs import KeyReused

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "https://jobdeck.invalid/problems/"
"""Names a kind of problem; `.invalid` never resolves, so nothing is ever fetched from there."""


class PreconditionRequired(RequestError):
    """A replacement that does not say which revision it is based on."""

    code = "precondition-required"


class MalformedJson(RequestError):
    """A body that is not JSON."""

    code = "malformed-json"


class BodyTooLarge(RequestError):
    code = "body-too-large"


class UnsupportedMediaType(RequestError):
    """A body that does not say that it is what is asked for; a page of another site cannot say so."""

    code = "unsupported-media-type"


STATUS: Mapping[type[OpsError], int] = {
    BodyTooLarge: 413,
    webhooks.CallTooLarge: 413,
    webhooks.HookRefused: 401,
    webhooks.TooManyCalls: 429,
    UnsupportedMediaType: 415,
    KeyReused: 422,
    PreconditionRequired: 428,
    errors.Invalid: 422,
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.AcknowledgementRequired: 409,
    errors.ConfirmationRequired: 409,
    errors.RequestError: 400,
    errors.StaleRevision: 412,
    errors.Conflict: 409,
    errors.TargetError: 502,
    errors.Undelivered: 502,
    errors.EnvironmentFault: 503,
}
"""Class of an error -> status; the nearest class of an error's bases counts."""

_ROUTING = {
    404: ("no-such-route", "the API has no such path", "/api/v1/openapi.json lists every path"),
    405: ("method-not-allowed", "this path does not take this method", "see the header Allow"),
}
"""What the router itself refuses."""


class FieldProblem(BaseModel):
    """One thing that is wrong, and where."""

    model_config = ConfigDict(frozen=True)

    where: str = Field(description="such as `spec.steps[1].timeout_s`, `limit` or `column 7`")
    what: str
    hint: str = ""


class ProblemOut(BaseModel):
    """Problem details, RFC 9457."""

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="stable; what programs tell problems apart by")
    hint: str = Field("", description="what to try")
    problems: list[FieldProblem] = []
    hosts: int | None = Field(
        None, description="code confirmation-required: the number to confirm in `confirm_hosts`"
    )
    touched: dict[str, str] | None = Field(
        None,
        description="code confirmation-required: environment -> its hosts, folded; an empty name"
        " stands for hosts that belong to none",
    )
    rules: list[str] | None = Field(
        None, description="code acknowledgement-required: what `acknowledge` must name"
    )
    instance: str | None = Field(None, description="code internal-error: its id in the log")


def respond(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    problems: Sequence[errors.Problem] = (),
    hosts: int | None = None,
    touched: Mapping[str, str] | None = None,
    rules: Sequence[str] | None = None,
    instance: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer that says what went wrong."""
    problem = ProblemOut(
        type=TYPE_PREFIX + code,
        title=code.replace("-", " ").capitalize(),
        status=status,
        detail=detail,
        code=code,
        hint=hint,
        problems=[FieldProblem(where=p.where, what=p.what, hint=p.hint) for p in problems],
        hosts=hosts,
        touched=None if touched is None else dict(touched),
        rules=None if rules is None else list(rules),
        instance=instance,
    )
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, status, dict(headers or {}), MEDIA_TYPE)


def status_of(error: OpsError) -> int:
    """The status of an error, by the nearest of its classes in `STATUS`."""
    return next(STATUS[class_] for class_ in type(error).__mro__ if class_ in STATUS)


async def ops_error(_: Request, error: Exception) -> Response:
    """What Jobdeck raised on purpose."""
    assert isinstance(error, OpsError)
    asked = error if isinstance(error, errors.ConfirmationRequired) else None
    return respond(
        status_of(error),
        error.code,
        error.message,
        hint=error.hint,
        problems=error.problems,
        hosts=None if asked is None else asked.hosts,
        touched=None if asked is None else asked.touched,
        rules=error.rules if isinstance(error, errors.AcknowledgementRequired) else None,
    )


async def invalid_request(request: Request, error: Exception) -> Response:
    """A body or a query that does not fit its model."""
    assert isinstance(error, RequestValidationError)
    route = request.scope["route"]
    of_body, others = list[dict[str, Any]](), list[dict[str, Any]]()
    for finding in error.errors():
        origin, *place = finding["loc"]
        is_body = origin == "body" and route.body_field is not None
        (of_body if is_body else others).append({**finding, "loc": tuple(place)})
    problems = describe(others)
    if any(not finding["loc"] and finding["type"] == "missing" for finding in of_body):
        problems.append(errors.Problem(where="", what="the body is required"))
    elif of_body:
        problems += describe(of_body, route.body_field.field_info.annotation)
    return respond(422, Invalid.code, "the request is not valid", problems=problems)


async def http_error(_: Request, error: Exception) -> Response:
    """What the router or the framework refused."""
    assert isinstance(error, HTTPException)
    standard = (f"http-{error.status_code}", HTTPStatus(error.status_code).phrase.lower(), "")
    code, detail, hint = _ROUTING.get(error.status_code, standard)
    return respond(error.status_code, code, detail, hint=hint, headers=error.headers)


def internal_error(instance: str) -> Response:
    """Our own bug. The log says more under the same id."""
    hint = f"the engine's log has the details; look for {instance}"
    return respond(500, "internal-error", "Jobdeck made a mistake", hint=hint, instance=instance)


HANDLERS: Mapping[Any, Any] = {
    OpsError: ops_error,
    RequestValidationError: invalid_request,
    HTTPException: http_error,
}

"""Every error that Jobdeck raises has a status and a stable code."""

from __future__ import annotations

import json
from collections.abc import Iterator

from starlette.requests import Request

import core.api.app  # noqa: F401 - brings in every module that defines an error
from core.api.problems import ops_error, status_of
from core.errors import ConfirmationRequired, Forbidden, Invalid, NotFound, OpsError, Problem

CODES = {
    "already-decided": 409,
    "already-exists": 409,
    "undelivered": 502,
    "already-voted": 409,
    "bad-request": 400,
    "body-too-large": 413,
    "acknowledgement-required": 409,
    "confirmation-required": 409,
    "conflict": 409,
    "contents-full": 409,
    "engine-draining": 409,
    "hook-refused": 401,
    "too-many-calls": 429,
    "engine-halted": 503,
    "queue-full": 409,
    "engine-stopped": 503,
    "engine-unreachable": 503,
    "environment-fault": 503,
    "forbidden": 403,
    "idempotency-key-reused": 422,
    "illegal-transition": 409,
    "in-use": 409,
    "invalid": 422,
    "malformed-json": 400,
    "not-found": 404,
    "nothing-to-resolve": 409,
    "nothing-to-retry": 409,
    "outcome-unknown": 409,
    "precondition-required": 428,
    "plan-out-of-date": 409,
    "stale-revision": 412,
    "storage-fault": 503,
    "target-error": 502,
    "unsupported-media-type": 415,
    "vault-locked": 503,
}
"""Programs rely on these; a code is never given another meaning."""

REQUEST = Request({"type": "http", "headers": []})


def classes(base: type[OpsError] = OpsError) -> Iterator[type[OpsError]]:
    for class_ in base.__subclasses__():
        if class_.__module__.startswith("core."):
            yield class_
            yield from classes(class_)


def test_every_error_of_the_core_has_its_code_and_status() -> None:
    found = {}
    for class_ in classes():
        error = class_.__new__(class_)
        found.setdefault(class_.code, set()).add(status_of(error))
    assert found == {code: {status} for code, status in CODES.items()}


async def body(error: OpsError) -> dict[str, object]:
    answer = await ops_error(REQUEST, error)
    assert answer.media_type == "application/problem+json"
    found: dict[str, object] = json.loads(answer.body)
    return found


async def test_a_problem_says_what_where_and_what_to_try() -> None:
    problem = Problem(where="spec.port", what="must be a number", hint="22")
    assert await body(Invalid("host web1 is not valid", [problem], hint="look")) == {
        "type": "https://jobdeck.invalid/problems/invalid",
        "title": "Invalid",
        "status": 422,
        "detail": "host web1 is not valid",
        "code": "invalid",
        "hint": "look",
        "problems": [{"where": "spec.port", "what": "must be a number", "hint": "22"}],
    }


async def test_a_missing_name_comes_with_the_nearest_one() -> None:
    assert (await body(NotFound("host", "wbe1", ["web1", "db1"])))["hint"] == "did you mean 'web1'?"


async def test_what_must_be_confirmed_is_a_field_of_its_own() -> None:
    asked = await body(ConfirmationRequired("confirm", hosts=7, touched={"prod": "web[1-7]"}))
    assert (asked["hosts"], asked["touched"]) == (7, {"prod": "web[1-7]"})


async def test_any_refusal_lists_all_that_stands_against_it() -> None:
    problem = Problem(where="environment prod", what="is read-only")
    refused = await body(Forbidden("guard rails forbid it", problems=[problem]))
    assert refused["problems"] == [
        {"where": "environment prod", "what": "is read-only", "hint": ""}
    ]

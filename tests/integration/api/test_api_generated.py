"""Requests made from the API's own description keep its promises, good and bad ones alike."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.support.api import Api, command, host, running_api

EXAMPLES = 12
"""Of each operation."""
LEFT_OUT = {"stopEngine", "createBackup", "lockVault"}
"""They end the engine, write to places of the request's choosing, and take its secrets away."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_generated_request_finds_a_broken_promise(home: Path) -> None:
    with asyncio.Runner() as runner:
        running = running_api(home / "j")
        api = runner.run(running.__aenter__())
        try:
            runner.run(_some_content(api))
            description = runner.run(api.get("/openapi.json")).json()
            schema = schemathesis.openapi.from_dict(description)
            count = 0
            for result in schema.get_all_operations():
                operation = result.ok()
                if operation.definition.raw["operationId"] in LEFT_OUT:
                    continue

                @given(case=operation.as_strategy())
                @settings(
                    max_examples=EXAMPLES,
                    derandomize=True,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                )
                def holds(case: Case) -> None:
                    nonlocal count
                    count += 1
                    answer = runner.run(_send(api, case))
                    case.validate_response(answer, checks=CHECKS)

                holds()
            assert count > 300
        finally:
            runner.run(running.__aexit__(None, None, None))


async def _some_content(api: Api) -> None:
    await api.apply(host("web1"), {"kind": "group", "name": "web", "spec": {"hosts": ["web1"]}})
    await api.run(command(targets="web1"))


async def _send(api: Api, case: Case) -> httpx.Response:
    prepared = requests.Request(**case.as_transport_kwargs(base_url="http://jobdeck")).prepare()
    return await api.http.request(
        str(prepared.method),
        str(prepared.url),
        headers=dict(prepared.headers),
        content=prepared.body,
    )

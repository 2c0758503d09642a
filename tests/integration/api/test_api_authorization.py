"""Every route asks once, before anything else; a route that does not cannot be made."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.api import routes
from core.domain import authorization
from core.domain.authorization import Actor, Object, Verb
from tests.support.api import OWNER, Api, command, host, running_api

SAFE = {"GET"}
READS_WITH_A_BODY = {
    "/runs/preview",
    "/runs/{run}/actions/preview",
    "/targets/resolve",
    "/inventory/import",
}


@pytest.fixture
async def nobody(home: Path) -> AsyncIterator[Api]:
    """The API as somebody sees it whom the table does not know."""
    async with running_api(home / "j", actor=lambda _: Actor("mallory", "guest")) as running:
        yield running


def all_routes(api: Api) -> list[tuple[str, str]]:
    """Every (method, path) with its parameters filled in."""
    found = [
        (method, re.sub(r"\{\w+\}", "x", path))
        for _, path, methods in api.app.every_route()
        for method in methods
    ]
    assert len(found) > 30
    return found


async def test_who_has_no_right_is_refused_on_every_route(nobody: Api) -> None:
    before = nobody.journal_end
    for method, path in all_routes(nobody):
        answer = await nobody.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path)
    assert nobody.journal_end == before
    assert not nobody.engine.stop_requested.is_set()


async def test_rights_come_before_bodies_and_queries(nobody: Api) -> None:
    """Who may nothing learns nothing, not even what is wrong with a request."""
    for path in ("/runs?nonsense=1", "/documents/nonsense/x"):
        answer = await nobody.http.get(f"/api/v1{path}")
        assert answer.status_code == 403
    answer = await nobody.http.post("/api/v1/runs", content=b"{", headers={"Content-Type": "x/y"})
    assert answer.status_code == 403


async def test_every_route_asks_exactly_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Actor, Verb, Object]] = []

    def record(actor: Actor, verb: Verb, object_: Object) -> None:
        asked.append((actor, verb, object_))
        authorization.authorize(actor, verb, object_)

    monkeypatch.setattr(routes, "authorize", record)
    for method, path in all_routes(api):
        if path.endswith("/engine/stop"):
            continue  # it would end the others; the refusals above have asked it
        asked.clear()
        await api.http.request(method, path)
        assert len(asked) == 1, (method, path)
        assert asked[0][0] == OWNER


async def test_only_reads_are_asked_as_reads(api: Api) -> None:
    for route, path, methods in api.app.every_route():
        is_read = set(methods) <= SAFE or path.removeprefix("/api/v1") in READS_WITH_A_BODY
        assert (route.question.verb is Verb.READ) == is_read, (methods, path)


async def test_the_question_names_the_object(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(routes, "authorize", lambda _, verb, it: asked.append(f"{verb} {it.name}"))
    await api.apply(host("web1"))
    run_id = await api.run(command(targets="web1"))
    asked.clear()
    await api.get("/documents/host/web1")
    await api.delete("/documents/host/web1")
    await api.get(f"/runs/{run_id}/groups")
    assert asked == ["read host/web1", "delete host/web1", f"read {run_id}"]


def test_a_route_without_a_question_cannot_be_made() -> None:
    family = routes.router("api")

    async def silent() -> dict[str, Any]:
        return {}

    with pytest.raises(TypeError, match="silent has no @asks"):
        family.get("/silent")(silent)

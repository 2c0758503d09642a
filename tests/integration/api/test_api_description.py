"""The API describes itself: OpenAPI 3.1, and a page that needs nothing from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest

from core.domain.documents import KINDS
from tests.support.api import Api, host

ASSETS = {path.name: path.read_text() for path in (files("assets") / "apidocs").iterdir()}


@pytest.fixture
async def description(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/openapi.json")).json()
    return found


def operations(description: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


async def test_it_is_valid_openapi_3_1(description: dict[str, Any]) -> None:
    assert description["openapi"] == "3.1.0"
    known = {f"#/components/schemas/{name}" for name in description["components"]["schemas"]}
    refs = re.findall(r"'\$ref': '([^']+)'", repr(description))
    assert refs
    assert set(refs) <= known
    for name in description["components"]["schemas"]:
        schema = {**description, "$ref": f"#/components/schemas/{name}"}
        jsonschema_rs.Draft202012Validator(schema)


async def test_every_route_is_described_but_the_page_s_own_files(
    api: Api, description: dict[str, Any]
) -> None:
    routes = {
        f"{method} {path}" for _, path, methods in api.app.every_route() for method in methods
    }
    described = {title for title, _ in operations(description)}
    assert routes - described == {"GET /api/v1/docs", "GET /api/v1/docs/{name}"}


async def test_operations_have_names_of_their_own_and_say_what_they_do(
    description: dict[str, Any],
) -> None:
    names = [operation["operationId"] for _, operation in operations(description)]
    assert len(names) == len(set(names))
    for title, operation in operations(description):
        assert re.fullmatch(r"[a-z][A-Za-z]+", operation["operationId"]), title
        assert operation["description"].endswith((".", ":")), title
        assert len(operation["tags"]) == 1, title
        assert re.fullmatch(r"[a-z]+ [a-z-]+", operation["x-permission"]), title


async def test_every_problem_has_the_one_shape(description: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/Problem"}
    for title, operation in operations(description):
        problems = {s: r for s, r in operation["responses"].items() if s >= "400"}
        assert {"403", "422", "500", "503"} <= set(problems), title
        for answer in problems.values():
            assert answer["content"] == {"application/problem+json": {"schema": schema}}, title


async def test_a_document_is_one_of_the_kinds(description: dict[str, Any]) -> None:
    create = description["paths"]["/api/v1/documents/{kind}"]["post"]
    body = create["requestBody"]["content"]["application/json"]["schema"]
    assert body["discriminator"]["propertyName"] == "kind"
    assert set(body["discriminator"]["mapping"]) == set(KINDS)
    assert len(body["oneOf"]) == len(KINDS)


@pytest.mark.parametrize("kind", list(KINDS))
async def test_a_kind_s_schema_says_what_the_api_says(api: Api, kind: str) -> None:
    schema = (await api.get(f"/kinds/{kind}/schema")).json()
    validator = jsonschema_rs.Draft202012Validator(schema)
    assert not validator.is_valid({"kind": kind, "name": "x", "spec": {"nonsense": 1}})
    assert not validator.is_valid({"kind": "other", "name": "x", "spec": {}})
    if kind == "host":
        assert validator.is_valid(host("web1", port=22))
        assert not validator.is_valid(host("web1", port=70_000))


class _Page(HTMLParser):
    """What a page loads and links to, and the operations that it lists."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: set[str] = set()
        self.operations: set[str] = set()
        self.inline = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loads |= {str(given[name]) for name in ("src", "href") if name in given}
        self.inline |= (
            tag == "style" or "style" in given or (tag == "script" and "src" not in given)
        )
        if tag == "details":
            self.operations.add(f"{str(given['data-method']).upper()} {given['data-path']}")


async def test_the_page_lists_every_operation_without_its_script(
    api: Api, description: dict[str, Any]
) -> None:
    answer = await api.get("/docs")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert _Page(answer.text).operations == {title for title, _ in operations(description)}
    assert str(api.engine.home.socket) in answer.text


async def test_the_page_loads_its_own_files_only(api: Api) -> None:
    answer = await api.get("/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = _Page(answer.text)
    assert not page.inline
    for place in page.loads:
        if not place.startswith("#"):
            assert (await api.get(f"/{place}")).status_code == 200, place


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_no_file_of_the_page_names_an_outside_address(name: str) -> None:
    addresses = re.findall(
        r"""(?:https?:)?//[\w.-]+""", re.sub(r"(?m)(^|\s)//\s.*$", "", ASSETS[name])
    )
    # The name that curl is told to say to the socket; nothing loads it.
    assert set(addresses) <= {"http://jobdeck"}
    assert "@import" not in ASSETS[name]
    assert not re.search(r"\burl\(", ASSETS[name])


async def test_no_other_file_is_served(api: Api) -> None:
    for name in ("docs.html", "..", "%2e%2e%2fdocs.css", "..%2f..%2fcore%2ferrors.py"):
        assert (await api.get(f"/docs/{name}")).status_code == 404

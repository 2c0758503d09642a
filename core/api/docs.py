"""The API's own pages: its description, and a page to read it, from packaged files only.

The list of operations is in the page itself, so it can be read without scripts;
the script adds schemas and command lines from `openapi.json`.
"""

from __future__ import annotations

import asyncio
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from fastapi import Request, Response

from core.api.openapi import TAGS
from core.api.routes import TheEngine, asks, router
from core.domain.authorization import ObjectKind, Verb
from core.errors import NotFound

routes = router("api")

_TYPES = {"docs.css": "text/css", "docs.js": "text/javascript"}
"""Files that the page loads -> media type."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@routes.get("/openapi.json", operation_id="getOpenApi")
@asks(Verb.READ, ObjectKind.API)
async def openapi(request: Request) -> dict[str, Any]:
    """This description."""
    return await _description(request)


@routes.get("/docs", operation_id="getDocs", response_class=Response, include_in_schema=False)
@asks(Verb.READ, ObjectKind.API)
async def page(request: Request, engine: TheEngine) -> Response:
    """A page to read the API by."""
    parts = {
        "socket": escape(str(engine.home.socket)),
        "families": "".join(f'<a href="#{_anchor(name)}">{name}</a>' for name, _ in TAGS),
        "operations": _operations(await _description(request)),
    }
    html = _asset("docs.html")
    for name, part in parts.items():
        html = html.replace(f"<!-- {name} -->", part)
    return Response(html, media_type="text/html", headers=_HEADERS)


@routes.get("/docs/{name}", response_class=Response, include_in_schema=False)
@asks(Verb.READ, ObjectKind.API)
async def asset(name: str) -> Response:
    """A file that the page loads."""
    if name not in _TYPES:
        raise NotFound("file", name, list(_TYPES))
    return Response(_asset(name), media_type=_TYPES[name], headers=_HEADERS)


async def _description(request: Request) -> dict[str, Any]:
    """Made once, which takes long enough to be done in a thread."""
    return await asyncio.to_thread(request.app.openapi)


@cache
def _asset(name: str) -> str:
    return (files("assets") / "apidocs" / name).read_text(encoding="utf-8")


def _operations(description: dict[str, Any]) -> str:
    """The operations as HTML, by tag; the script fills in the bodies when they are opened."""
    by_tag: dict[str, list[str]] = {name: [] for name, _ in TAGS}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append(_operation(method, path, operation))
    return "\n".join(
        f'<section id="{_anchor(name)}"><h2>{escape(name)}</h2><p>{escape(text)}</p>'
        f"{''.join(by_tag[name])}</section>"
        for name, text in TAGS
        if by_tag[name]
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    lines = operation.get("description", "").split("\n\n")
    return (
        f'<details class="operation" id="{operation["operationId"]}"'
        f' data-path="{escape(path)}" data-method="{method}">'
        f'<summary><span class="method {method}">{method}</span>'
        f"<code>{escape(path)}</code> <span>{escape(lines[0])}</span></summary>"
        f"{''.join(f'<p>{escape(line)}</p>' for line in lines[1:])}</details>"
    )


def _anchor(name: str) -> str:
    return name.replace(" ", "-")

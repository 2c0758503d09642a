"""Where things are: the paths of the API, with names and ids as parts of them."""

from __future__ import annotations

from urllib.parse import quote

from console.i18n import _
from core.errors import RequestError


def part(text: str) -> str:
    """A name or an id as a part of a path, where nothing would be another path."""
    if not text.strip():
        raise RequestError(
            _("a name or an id is empty"), hint=_("`--help` shows what it stands for")
        )
    return quote(text, safe="")


def document(kind: str, name: str) -> str:
    return f"/documents/{part(kind)}/{part(name)}"


def host(name: str) -> str:
    return f"/hosts/{part(name)}"


def run(run_id: str) -> str:
    return f"/runs/{part(run_id)}"

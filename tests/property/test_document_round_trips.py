"""Documents of every kind: YAML -> API -> storage -> API -> YAML, and nothing has changed."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from core.domain import yamlsafe
from core.domain.documents import KINDS, Document, parse
from core.domain.values import SecretRef
from tests.support.api import Api, running_api
from tests.support.documents import FOUNDATION, documents

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

EXAMPLES = 40
"""Of each kind, for each law."""


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def api(runner: asyncio.Runner) -> Iterator[Api]:
    with tempfile.TemporaryDirectory(prefix="jd-", dir="/tmp") as folder:
        context = running_api(Path(folder) / "j")
        api = runner.run(context.__aenter__())
        runner.run(api.apply(*FOUNDATION))
        yield api
        runner.run(context.__aexit__(None, None, None))


def read(text: str) -> Document:
    """A document from YAML, as `jobdeck apply` reads it."""
    return parse(yamlsafe.load(text).value)


async def put(api: Api, text: str) -> str:
    """Apply YAML; what that did."""
    answer = await api.post("/apply", {"documents": [yamlsafe.load(text).value]})
    assert answer.status_code == 200, answer.text
    [change] = answer.json()["changes"]
    return str(change["action"])


async def got(api: Api, raw: Mapping[str, Any]) -> tuple[str, int]:
    """The document as YAML, as `jobdeck get -o yaml` writes it, and its revision."""
    answer = await api.get(f"/documents/{raw['kind']}/{raw['name']}")
    assert answer.status_code == 200, answer.text
    stored = answer.json()
    body = {part: stored[part] for part in ("kind", "name", "labels", "spec")}
    return yamlsafe.dump(body), stored["revision"]


async def history(api: Api, raw: Mapping[str, Any]) -> list[str]:
    answer = await api.get(f"/documents/{raw['kind']}/{raw['name']}/history")
    return [item["change"] for item in answer.json().get("items", ())]


async def removed(api: Api, raw: Mapping[str, Any]) -> None:
    """The document is not there; nor are those of earlier examples that refer to it."""
    answer = await api.delete(f"/documents/{raw['kind']}/{raw['name']}")
    if answer.status_code == 409:
        for kind, name in re.findall(r"([a-z-]+)/([^\s,/]+)", answer.json()["detail"]):
            await removed(api, {"kind": kind, "name": name})
        await removed(api, raw)
        return
    assert answer.status_code in (204, 404), answer.text


def without_secrets(value: Any) -> Any:
    """A spec in which every secret, text or reference, is the same mark."""
    if isinstance(value, SecretRef | SecretStr):
        return "(secret)"
    if isinstance(value, BaseModel):
        return {name: without_secrets(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, tuple):
        return [without_secrets(item) for item in value]
    return value


def same(one: Document, other: Document) -> bool:
    return (one.kind, one.name, one.labels, without_secrets(one.spec)) == (
        other.kind,
        other.name,
        other.labels,
        without_secrets(other.spec),
    )


thorough = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("kind", KINDS)
@thorough
@given(data=st.data())
def test_a_document_comes_back_as_it_was_written(
    runner: asyncio.Runner, api: Api, kind: str, data: st.DataObject
) -> None:
    raw = data.draw(documents(kind))

    async def trip() -> None:
        written = yamlsafe.dump(raw)
        await removed(api, raw)
        assert await put(api, written) == "create"
        returned, revision = await got(api, raw)
        assert same(read(returned), read(written))

        assert await put(api, written) == "unchanged"
        assert await put(api, returned) == "unchanged"
        assert await got(api, raw) == (returned, revision)

    runner.run(trip())


@pytest.mark.parametrize("kind", KINDS)
@thorough
@given(data=st.data())
def test_history_grows_by_each_change_and_by_nothing_else(
    runner: asyncio.Runner, api: Api, kind: str, data: st.DataObject
) -> None:
    first = data.draw(documents(kind))
    second = {**data.draw(documents(kind)), "name": first["name"]}

    async def change() -> None:
        await removed(api, first)
        before = len(await history(api, first))
        await put(api, yamlsafe.dump(first))
        stored, _ = await got(api, first)
        action = await put(api, yamlsafe.dump(second))
        replaced, _ = await got(api, second)
        assert action == ("unchanged" if stored == replaced else "change")
        expected = ["create"] if action == "unchanged" else ["create", "change"]
        grown = sorted(await history(api, first))
        assert len(grown) == before + len(expected)
        assert await put(api, yamlsafe.dump(second)) == "unchanged"
        assert sorted(await history(api, first)) == grown

    runner.run(change())

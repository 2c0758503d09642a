"""The terminal UI over a real engine: one engine a module, one application a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.support.deck import Deck, open_deck
from tests.support.product import Product

_TIMEOUT_S = 180
"""Of a test: it paints for seconds where the machine is busy."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and not item.get_closest_marker(
            "timeout"
        ):
            item.add_marker(pytest.mark.timeout(_TIMEOUT_S))


OpenDeck = Callable[..., AbstractAsyncContextManager[Deck]]


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A home with an engine and three hosts that are this machine."""
    with Product() as product:
        product.apply(
            """
{kind: environment, name: sealed, spec: {read_only: true}}
---
{kind: host, name: web1, labels: {role: web}, spec: {protocol: local}}
---
{kind: host, name: web2, labels: {role: web}, spec: {protocol: local}}
---
{kind: host, name: 数据库, labels: {role: db}, spec: {protocol: local}}
"""
        )
        yield product


@pytest.fixture
def deck(product: Product) -> OpenDeck:
    """`async with deck("runs state:failed", size=(80, 24)) as d`: an application on the engine."""

    @asynccontextmanager
    async def opened(start: str = "runs", **settings: object) -> AsyncIterator[Deck]:
        async with open_deck(product, start, **settings) as found:  # type: ignore[arg-type]
            yield found

    return opened

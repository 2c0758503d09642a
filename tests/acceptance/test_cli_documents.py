"""Documents from the command line, as a real engine answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.product import Product

pytestmark = pytest.mark.slow


@pytest.fixture
def product() -> Iterator[Product]:
    with Product() as product:
        yield product


def host(name: str, address: str) -> str:
    return f"{{kind: host, name: {name}, spec: {{address: {address}}}}}"


def test_what_changed_in_a_document_can_be_seen(product: Product) -> None:
    product.apply(host("web01", "10.0.0.1"))
    product.apply(host("web01", "10.0.0.2"))
    product.apply(host("web01", "10.0.0.3"))

    assert product.run("diff", "host", "web01").out == "spec.address: 10.0.0.2 -> 10.0.0.3\n"
    older = product.run("diff", "host", "web01", "--from", "1", "--to", "2", "--json").json()
    assert older == [{"path": "spec.address", "before": "10.0.0.1", "after": "10.0.0.2"}]
    history = product.run("history", "host", "web01", "--json").json()
    assert [entry["revision"] for entry in history] == [3, 2, 1]


def test_an_edit_shows_what_somebody_else_changed_meanwhile(product: Product) -> None:
    product.apply(host("web01", "10.0.0.1"))
    editor = product.folder / "slow-editor"
    newer = host("web01", "10.0.0.2")
    apply = " ".join(map(str, product.command("apply", "-f", "-")))
    editor.write_text(
        f"#!/bin/sh\necho '{newer}' | {apply} 2>&1\nsed -i 's/10.0.0.1/10.0.0.9/' \"$1\"\n"
    )
    editor.chmod(0o700)

    ended = product.cli("edit", "host", "web01", env={"EDITOR": str(editor)})

    assert ended.code == 4, ended.said
    assert "spec.address: 10.0.0.1 -> 10.0.0.2\n" in ended.said
    assert "10.0.0.2" in product.run("get", "host", "web01").out

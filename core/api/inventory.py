"""The inventory: what a target expression stands for, and hosts from other tools' files."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import Field

from core.api.openapi import fails
from core.api.routes import TheEngine, asks, router
from core.api.values import Answer
from core.domain import importing, targets
from core.domain.authorization import ObjectKind, Verb
from core.domain.values import Labels, Name, Value
from core.storage.documents import snapshot

routes = router("inventory")


class ExpressionIn(Value):
    """A target expression."""

    expression: str = Field(max_length=10_000, description="such as `env=prod,role in (web,api)`")


class Resolved(Answer):
    """The hosts that an expression stands for, in the order in which runs take them."""

    hosts: list[str]
    count: int
    folded: str


class InventoryIn(Value):
    """A file of another tool."""

    source: str = Field(
        description=f"chosen explicitly: {', '.join(importing.SOURCES)}", max_length=40
    )
    text: str = Field(max_length=importing.MAX_CHARACTERS)
    account: Name | None = Field(None, description="for hosts that the file gives no user")
    labels: Labels = Field(default_factory=dict, description="added to every host")


class InventoryPreview(Answer):
    """What applying would create; nothing is stored yet."""

    documents: list[dict[str, Any]] = Field(description="as `POST /apply` takes them")
    notices: list[str] = Field(description="what was left out or changed, with its line")


@routes.post("/targets/resolve", operation_id="resolveTargets", responses=fails(404))
@asks(Verb.READ, ObjectKind.DOCUMENT)
async def resolve(body: ExpressionIn, engine: TheEngine) -> Resolved:
    """The hosts of an expression. An error points at the character."""
    expression = targets.parse(body.expression)
    documents = await engine.store.reader.read(snapshot)
    hosts = await asyncio.to_thread(targets.resolve, expression, documents.inventory)
    return Resolved(hosts=list(hosts), count=len(hosts), folded=targets.fold(hosts))


@routes.post("/inventory/import", operation_id="importInventory", responses=fails(404))
@asks(Verb.READ, ObjectKind.DOCUMENT)
async def import_inventory(body: InventoryIn) -> InventoryPreview:
    """Documents for the hosts, groups and accounts of a file. Secrets in it are left behind."""
    return await asyncio.to_thread(_preview, body)


def _preview(body: InventoryIn) -> InventoryPreview:
    plan = importing.read(body.source, body.text)
    documents = [_completed(document, body) for document in importing.documents(plan)]
    return InventoryPreview(documents=documents, notices=[str(notice) for notice in plan.notices])


def _completed(document: dict[str, Any], body: InventoryIn) -> dict[str, Any]:
    """A host with the account and the labels that the request adds; other kinds as they are."""
    if document["kind"] != "host":
        return document
    spec = dict(document["spec"])
    if body.account is not None and spec.get("protocol") != "local":
        spec.setdefault("account", body.account)
    labels = {**document.get("labels", {}), **body.labels}
    return {**document, **({"labels": labels} if labels else {}), "spec": spec}

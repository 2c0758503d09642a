"""The inventory: what a target expression stands for, hosts from other tools' files, and sources."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import Field

from core.api.document_history import FieldChangeOut
from core.api.openapi import fails
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.values import Answer
from core.domain import importing, targets
from core.domain.authorization import ObjectKind, Verb
from core.domain.sources import HostAction
from core.domain.values import Labels, Name, Value
from core.storage import sources
from core.storage.documents import get as get_document
from core.storage.documents import snapshot
from core.storage.reading import Connection

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


class SourceOut(Answer):
    """How an inventory source answered."""

    source: str
    asked_at: str | None = Field(description="null: it was never asked")
    good_at: str | None = Field(description="when it last gave an answer that could be read")
    failure: str = Field(description="why the latest look failed; empty: it did not")
    hosts: int = Field(description="hosts that it made")
    vanished: int = Field(description="of them, those that it does not name any more")


class RefreshIn(Value):
    """How to refresh a source."""

    apply: bool = Field(False, description="make its hosts what it says; else only compare")
    overwrite: bool = Field(
        False, description="take back what people changed on hosts that it made"
    )


class HostChangeOut(Answer):
    """What a refresh does, or did, to one host."""

    host: str
    action: HostAction
    why: str = Field(description="why it is kept as it is")
    diff: list[FieldChangeOut]


class RefreshedOut(Answer):
    """What a refresh found, and did."""

    source: str
    failure: str = Field(description="why the source gave no answer; then nothing was changed")
    changes: list[HostChangeOut]
    notices: list[str] = Field(description="what was left out of its answer")
    applied: bool


@routes.get("/inventory/sources", operation_id="listSources")
@asks(Verb.READ, ObjectKind.DOCUMENT)
async def list_sources(engine: TheEngine) -> list[SourceOut]:
    """Every inventory source, and how it answered when it was last asked."""
    documents = await engine.store.reader.read(snapshot)
    states, owned = await engine.store.reader.read(lambda c: (sources.states(c), sources.owned(c)))
    return [
        SourceOut(
            source=name,
            asked_at=state.asked_at if state else None,
            good_at=state.good_at if state else None,
            failure=state.failure if state else "",
            hosts=len(made),
            vanished=sum(each.vanished_at is not None for each in made),
        )
        for name in documents.sources
        for state in [states.get(name)]
        for made in [[each for each in owned.values() if each.source == name]]
    ]


@routes.post("/inventory/sources/{source}/refresh", operation_id="refreshSource")
@asks(Verb.APPLY, ObjectKind.DOCUMENT, "inventory-source/{source}")
async def refresh(source: str, body: RefreshIn, engine: TheEngine, actor: TheActor) -> RefreshedOut:
    """Ask a source; with `apply`, make its hosts what it says. Hosts are never deleted by it.

    A source that does not answer is no error of the request: `failure` says why.
    """
    found = await engine.sources.refresh(
        source, actor.name, apply=body.apply, overwrite=body.overwrite
    )
    return RefreshedOut.model_validate(found)


@routes.get("/inventory/sources/{source}/hosts", operation_id="getSourceHosts")
@asks(Verb.READ, ObjectKind.DOCUMENT, "inventory-source/{source}")
async def last_good(source: str, engine: TheEngine) -> list[dict[str, Any]]:
    """The host documents of the source's last good answer."""

    def read(c: Connection) -> list[dict[str, Any]]:
        get_document(c, "inventory-source", source)
        return sources.last_good(c, source) or []

    return await engine.store.reader.read(read)

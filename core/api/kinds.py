"""Kinds of documents and their JSON Schemas, from which forms, flags and API docs are derived."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from core.api.routes import asks, router
from core.api.values import Answer
from core.domain.authorization import ObjectKind, Verb
from core.domain.documents import KINDS, Kind, kind_of
from core.domain.values import Labels, Name, Value

routes = router("kinds")


class KindOut(Answer):
    """A kind of document."""

    kind: str
    plural: str
    summary: str
    schema_url: str = Field(description="JSON Schema of a whole document of this kind")


def _whole(kind: Kind) -> type[Value]:
    """The model of a whole document; only its schema is used, `documents.parse` checks bodies."""
    fields: dict[str, Any] = {
        "kind": (Literal[kind.name], ...),
        "name": (Name, ...),
        "labels": (Labels, Field(default_factory=dict)),
        "spec": (kind.spec, ...),
    }
    about = f"A document of kind {kind.name}: {kind.summary}."
    name = f"{kind.name.capitalize()}Document"
    return create_model(name, __base__=Value, __doc__=about, **fields)


DOCUMENTS: Mapping[str, type[Value]] = {kind.name: _whole(kind) for kind in KINDS.values()}
"""Kind -> model of a whole document."""


class _AnyKind:
    """Takes any value; its schema is the union of all kinds of documents."""

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(_any_schema())


@cache
def _any_schema() -> CoreSchema:
    union: Any = Union[tuple(DOCUMENTS.values())]  # noqa: UP007
    schema: CoreSchema = TypeAdapter(Annotated[union, Field(discriminator="kind")]).core_schema
    return schema


RawDocument = Annotated[Any, _AnyKind()]
"""A document as it was sent; the endpoint hands it to `documents.parse`."""


@routes.get("/kinds", operation_id="listKinds")
@asks(Verb.READ, ObjectKind.API)
async def kinds() -> list[KindOut]:
    """Every kind of document; what a document refers to comes before it."""
    return [
        KindOut(
            kind=kind.name,
            plural=kind.plural,
            summary=kind.summary,
            schema_url=f"/api/v1/kinds/{kind.name}/schema",
        )
        for kind in KINDS.values()
    ]


@routes.get("/kinds/{kind}/schema", operation_id="getKindSchema")
@asks(Verb.READ, ObjectKind.API)
async def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a whole document."""
    return schema_of(kind_of(kind).name)


@cache
def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema of a whole document of this kind."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **DOCUMENTS[kind].model_json_schema(),
    }

"""Facts of hosts: gathering them, the newest, how they changed, and samples."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from core.api.document_history import FieldChangeOut
from core.api.openapi import fails
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.values import Answer
from core.domain.authorization import ObjectKind, Verb
from core.domain.facts import FACTS, FactKind
from core.domain.run import TargetCode, TargetState
from core.domain.values import Name, Value
from core.runtime.gathering import MOST_HOSTS
from core.storage import documents, facts
from core.storage.reading import Connection

routes = router("hosts")


class GatherIn(Value):
    """Whom to ask for facts."""

    hosts: tuple[Name, ...] = Field(
        max_length=MOST_HOSTS, description="exact hosts; ask in parts where there are more"
    )
    run_as: Name | None = Field(None, description="account, instead of each host's")


class GatheredOut(Answer):
    """How one host answered; state `success`: its facts are on record."""

    host: str
    state: TargetState
    code: TargetCode | None
    message: str
    facts: dict[str, Any]
    changes: list[FieldChangeOut] = Field(description="what is not as it was at the last time")


class SpanOut(Answer):
    """A time in which no lasting fact of a host changed."""

    first_at: str
    last_at: str = Field(description="when they were seen for the last time")
    changes: list[FieldChangeOut] = Field(description="against the span before")


class FactsOfHost(Answer):
    """What is known of a host."""

    host: str
    at: str | None = Field(description="when it was observed; null: never")
    facts: dict[str, Any]
    history: list[SpanOut] = Field(description="newest first")


class SampleOut(Answer):
    """What is another at every look: load, free memory, free space."""

    at: str
    facts: dict[str, Any]


class FactOut(Answer):
    """A fact that is gathered, and that target expressions can ask for."""

    name: str
    kind: FactKind
    about: str
    passing: bool = Field(description="whether it is another at every look")


@routes.get("/facts", operation_id="listFacts")
@asks(Verb.READ, ObjectKind.API)
async def list_facts() -> list[FactOut]:
    """Every fact there is, in the order in which people read them."""
    return [FactOut.model_validate(fact) for fact in FACTS.values()]


@routes.post("/facts/gather", operation_id="gatherFacts", responses=fails(404))
@asks(Verb.ACT, ObjectKind.HOST)
async def gather(body: GatherIn, engine: TheEngine, actor: TheActor) -> list[GatheredOut]:
    """Ask hosts for their facts, once each, in one round trip. It answers when all have."""
    found = await engine.gathering.gather(body.hosts, actor.name, body.run_as)
    return [GatheredOut.model_validate(each) for each in found]


@routes.get("/hosts/{host}/facts", operation_id="getFacts")
@asks(Verb.READ, ObjectKind.HOST, "{host}")
async def get(host: str, engine: TheEngine) -> FactsOfHost:
    """What is known of a host, and how it came to be so."""

    def read(c: Connection) -> list[facts.Span]:
        documents.get(c, "host", host)
        return facts.history(c, host)

    spans = await engine.store.reader.read(read)
    older = [span.facts for span in spans[1:]]
    return FactsOfHost(
        host=host,
        at=spans[0].last_at if spans else None,
        facts=spans[0].facts if spans else {},
        history=[
            SpanOut(
                first_at=span.first_at,
                last_at=span.last_at,
                changes=[
                    FieldChangeOut.model_validate(change)
                    for change in (facts.changes(older[at], span.facts) if at < len(older) else ())
                ],
            )
            for at, span in enumerate(spans)
        ],
    )


@routes.get("/hosts/{host}/samples", operation_id="listSamples")
@asks(Verb.READ, ObjectKind.HOST, "{host}")
async def samples(
    host: str,
    engine: TheEngine,
    limit: Annotated[int, Query(ge=1, le=facts.KEPT_SAMPLES)] = 100,
) -> list[SampleOut]:
    """Samples of a host, newest first."""

    def read(c: Connection) -> list[facts.Sample]:
        documents.get(c, "host", host)
        return facts.samples(c, host, limit=limit)

    return [SampleOut.model_validate(each) for each in await engine.store.reader.read(read)]

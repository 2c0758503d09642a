"""Applying a batch of documents: shown as a plan first, carried out all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from core import failpoints
from core.api.dangers import FoundDanger
from core.api.document_history import FieldChangeOut
from core.api.kinds import RawDocument
from core.api.openapi import fails
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.values import Answer
from core.domain.authorization import ObjectKind, Verb
from core.domain.documents import Document, parse
from core.domain.patterns import SHA256
from core.domain.values import Value
from core.errors import Invalid, NotFound, Problem
from core.storage.documents import Action

routes = router("documents")


class ApplyIn(Value):
    """Documents to put in place."""

    documents: list[RawDocument] = Field(description="in any order")
    dry_run: bool = Field(False, description="only say what would happen")
    prune: str | None = Field(
        None, description="selector: documents that it chooses and that are not listed are deleted"
    )
    coming: list[Annotated[str, Field(pattern=SHA256)]] = Field(
        [], description="for a dry run: contents that will be there before it is carried out"
    )


class ChangeOut(Answer):
    """What applying does, or did, to one document."""

    kind: str
    name: str
    action: Action
    diff: list[FieldChangeOut]
    dangers: list[FoundDanger] = Field(
        description="rules for dangerous commands that it meets: a start will ask, or refuse"
    )


class Applied(Answer):
    """The plan, and whether it was carried out."""

    changes: list[ChangeOut]
    applied: bool


@routes.post("/apply", operation_id="applyDocuments", responses=fails(409))
@asks(Verb.APPLY, ObjectKind.DOCUMENT)
async def apply(body: ApplyIn, engine: TheEngine, actor: TheActor) -> Applied:
    """Create and replace documents, all or nothing; every problem of every document at once."""
    batch = await asyncio.to_thread(_parse_all, body.documents)
    if body.dry_run:
        planned = await engine.store.reader.read(
            lambda c: engine.documents.plan(c, batch, body.prune, body.coming)
        )
    else:
        planned = await engine.store.writer.write(
            lambda tx: engine.documents.apply(tx, batch, actor.name, body.prune)
        )
        failpoints.reach("documents.applied")
    return Applied(
        changes=[ChangeOut.model_validate(change) for change in planned],
        applied=not body.dry_run,
    )


def _parse_all(raw: Sequence[Any]) -> list[Document]:
    """The documents; Invalid with every problem, each place beginning with `documents[n]`."""
    parsed, problems = list[Document](), list[Problem]()
    for index, item in enumerate(raw):
        where = f"documents[{index}]"
        try:
            parsed.append(parse(item))
        except NotFound as error:
            problem = Problem(where=f"{where}.kind", what=error.message, hint=error.hint)
            problems.append(problem)
        except Invalid as error:
            found = error.problems or (Problem(where="", what=error.message, hint=error.hint),)
            problems += [
                Problem(where=f"{where}.{p.where}".rstrip("."), what=p.what, hint=p.hint)
                for p in found
            ]
    if problems:
        raise Invalid("the documents are not valid; nothing was changed", problems)
    return parsed

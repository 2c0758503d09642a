"""Search through what all runs printed."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.api import cursors
from core.api.moments import since as read_since
from core.api.routes import TheEngine, asks, router
from core.api.run_output import Match, match_fields
from core.api.values import Cursor, Limit, Page
from core.domain.authorization import ObjectKind, Verb
from core.storage.output_search import RunsFilter, search_all
from core.storage.writer import timestamp

routes = router("runs")


class RunMatch(Match):
    """A line of output that a search found, and the run it belongs to."""

    run: str = Field(description="id of the run")


class RunMatchPage(Page[RunMatch]):
    """What a search found."""


@routes.get("/search", operation_id="searchOutput")
@asks(Verb.READ, ObjectKind.RUN)
async def search(
    engine: TheEngine,
    q: Annotated[str, Query(min_length=1, max_length=1000, description="letter case is ignored")],
    job: Annotated[str, Query(description="of this job; `adhoc`: of none")] = "",
    host: Annotated[str, Query(description="printed by this host")] = "",
    since: Annotated[str | None, Query(description="a time in ISO 8601, or `2h`, `3d` ago")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> RunMatchPage:
    """What hosts printed in any run that contains a text, newest first; each host of a run once.

    How much is read for one page is bounded: a page may be short, or empty, and still have a
    `next_cursor`.
    """
    scope = f"search {q} {job} {host} {since}"
    before = cursors.number_position(scope, cursor) or None
    where = RunsFilter(
        origin=job,
        host=host,
        since="" if since is None else timestamp(read_since(since, engine.clock.now())),
    )
    found = await engine.store.reader.read(
        lambda c: search_all(c, engine.store.indexer, q, where, limit=limit, before=before)
    )
    return RunMatchPage(
        items=[RunMatch(run=item.run_id, **match_fields(item)) for item in found.items],
        next_cursor=None if found.position is None else cursors.encode(scope, found.position),
    )

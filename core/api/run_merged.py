"""What all hosts of a run printed, merged in the order of arrival."""

from __future__ import annotations

from pydantic import Field

from core.api import cursors
from core.api.routes import TheEngine, asks, router
from core.api.run_output import Piece
from core.api.values import Cursor, Page, readable
from core.domain.authorization import ObjectKind, Verb
from core.executors.protocol import Stream
from core.storage import output, runs
from core.storage.output import Arrival
from core.storage.reading import Connection
from core.storage.runs import TargetRow

routes = router("runs")

_CHUNKS = 16
"""Chunks (of up to 64 KiB) of one page."""


class MergedPiece(Piece):
    """Consecutive output of one stream of one target, and whose it is."""

    host: str
    step: str
    attempt: int
    ordinal: int = Field(description="place of the target in the run's order, from 0")


class MergedPage(Page[MergedPiece]):
    """A part of what all targets printed."""


@routes.get("/runs/{run}/output/merged", operation_id="mergeRunOutput")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def merged(run: str, engine: TheEngine, cursor: Cursor = None) -> MergedPage:
    """Output of all targets in the order in which it arrived, about 1 MiB a page."""
    scope = f"merged {run}"
    after = cursors.number_position(scope, cursor)

    def read(c: Connection) -> tuple[list[Arrival], dict[int, TargetRow]]:
        run_id = runs.get(c, run).id
        arrivals = output.arrivals(c, run_id, after, _CHUNKS)
        return arrivals, runs.targets_by_id(c, {arrival.target_run_id for arrival in arrivals})

    arrivals, targets = await engine.store.reader.read(read)
    items = [
        MergedPiece(
            host=target.host,
            step=target.step,
            attempt=target.attempt,
            ordinal=target.ordinal,
            offset=segment.offset,
            stream=Stream(segment.stream),
            at=segment.at,
            **readable(segment.data),
        )
        for arrival in arrivals
        for target in (targets[arrival.target_run_id],)
        for segment in arrival.segments
    ]
    more = len(arrivals) == _CHUNKS
    return MergedPage(
        # What was committed together is put in order of its times; the sort keeps equal ones.
        items=sorted(items, key=lambda item: item.at),
        next_cursor=cursors.encode(scope, arrivals[-1].seq) if more else None,
    )

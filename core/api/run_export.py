"""A run's whole output as one document, streamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Literal

from fastapi import Query
from fastapi.responses import StreamingResponse

from core.api.export_formats import FORMATS, Format
from core.api.routes import TheEngine, asks, router
from core.domain.authorization import ObjectKind, Verb
from core.executors.protocol import Stream
from core.runtime.engine import Engine
from core.storage import output, runs
from core.storage.output import Segment
from core.storage.runs import RunRow, TargetRow

routes = router("runs")

READ_BYTES = 1024 * 1024
"""Output read at once: what a slow reader keeps in memory."""
_TARGETS = 200

_AT_ONCE: Sequence[tuple[str, ...]] = ((),)
_ONE_BY_ONE = tuple((stream.value,) for stream in Stream)


@routes.get(
    "/runs/{run}/export",
    operation_id="exportRun",
    response_class=StreamingResponse,
    responses={
        200: {"content": {made().media_type.partition(";")[0]: {} for made in FORMATS.values()}}
    },
)
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def export(
    run: str,
    engine: TheEngine,
    format_: Annotated[
        Literal["text", "jsonl", "html", "zip"],
        Query(alias="format", description="zip has the exact bytes, a file for each stream"),
    ] = "text",
) -> StreamingResponse:
    """Everything that the targets of a run printed, each with how it ended."""
    row = await engine.store.reader.read(lambda c: runs.get(c, run))
    written = FORMATS[format_]()
    name = f'attachment; filename="run-{row.id}.{written.ending}"'
    return StreamingResponse(
        _written(engine, row, written),
        media_type=written.media_type,
        headers={"Content-Disposition": name, "X-Content-Type-Options": "nosniff"},
    )


async def _written(engine: Engine, run: RunRow, written: Format) -> AsyncIterator[bytes]:
    yield written.begin(run)
    after = 0
    while targets := await engine.store.reader.read(
        lambda c, after=after: runs.targets_of(c, run.id, after=after, limit=_TARGETS)  # type: ignore[misc]
    ):
        for target in targets:
            yield written.target(target)
            for streams in _ONE_BY_ONE if written.by_stream else _AT_ONCE:
                async for part in _pieces(engine, target, written, streams):
                    yield part
            yield written.end_target()
        after = targets[-1].id
    yield written.end()


def _joined(written: Format, segments: Sequence[Segment]) -> bytes:
    return b"".join(map(written.piece, segments))


async def _pieces(
    engine: Engine, target: TargetRow, written: Format, streams: tuple[str, ...]
) -> AsyncIterator[bytes]:
    offset, end = 0, None
    while end is None or offset < end:
        page = await engine.store.reader.read(
            lambda c, start=offset: output.read(c, target.id, start, READ_BYTES, streams)  # type: ignore[misc]
        )
        end = page.size if end is None else end  # of a run that goes on: what there was
        # In a thread: colours or compression of a mebibyte take longer than the loop may stand.
        yield await asyncio.to_thread(_joined, written, page.segments)
        if page.next_offset == offset:
            return
        offset = page.next_offset

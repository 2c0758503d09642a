"""Hosts that answered alike, one sample for each answer, and what differs between two.

Two answers are alike when they are the same after normalising. The digest by the
default rules is kept with each target; other rules are applied to the stored
output, of which a bounded part is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.api.routes import TheEngine, asks, router
from core.api.run_places import attempt_of, targets_of
from core.api.values import Answer
from core.domain import grouping, textdiff
from core.domain.authorization import ObjectKind, Verb
from core.domain.findings import suggest
from core.domain.grouping import DEFAULT_RULES, Group, Row, Rule, normalise
from core.domain.normalising import OutputDigest
from core.domain.run import TargetState
from core.domain.targets import fold
from core.domain.textdiff import LineKind
from core.domain.wholelines import WholeLines
from core.errors import Invalid, NotFound, Problem
from core.flow.definition import FrozenHost
from core.storage import output, runs
from core.storage.reading import Connection
from core.storage.runs import StepRow, TargetRow

routes = router("runs")

PRINTED = ("out", "err")
"""Streams that a host printed; notes are Jobdeck's own."""
MOST_LOOKED_AT_BYTES = 256 * 1024 * 1024
"""Of all targets together, where rules other than the default ones are asked for."""
MOST_OF_ONE_BYTES = 1024 * 1024
MOST_SAMPLES = 100
NO_RULES = "none"

Rules = Annotated[
    list[str] | None,
    Query(
        description="what is taken out before answers are compared, separated by commas:"
        f" {', '.join(Rule)}; `{NO_RULES}` compares bytes; empty: {', '.join(sorted(DEFAULT_RULES))}"
    ),
]
Attempt = Annotated[int, Query(ge=0, description="0 is the latest")]
StepName = Annotated[str, Query(description="empty: the step that started last")]


class Sample(Answer):
    """What one host of a group printed; undecodable bytes are shown as U+FFFD."""

    host: str
    ordinal: int
    text: str
    truncated: bool


class GroupOut(Answer):
    """Targets with the same state, exit status (or reason) and normalised output."""

    state: TargetState
    resolved_by: str = Field(description="who said that it ended so; empty where the hosts did")
    exit_code: int | None
    reason: str = Field(description="why, of the first; empty where an exit status says it")
    digest: str
    count: int
    hosts: str = Field(description="folded, such as `web[01-40]`")
    ordinals: list[int]
    sample: Sample | None = Field(description=f"null after the first {MOST_SAMPLES} groups")


class Groups(Answer):
    """All groups of one attempt of one step, in reading order: failures first."""

    step: str
    attempt: int
    rules: dict[Rule, bool]
    groups: list[GroupOut]


class DiffLineOut(Answer):
    kind: LineKind
    text: str = Field(description="without control characters")


class Diff(Answer):
    """The lines in which two outputs differ after normalising."""

    lines: list[DiffLineOut]
    truncated: bool


@routes.get("/runs/{run}/groups", operation_id="groupRunTargets")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def groups(
    run: str,
    engine: TheEngine,
    step: StepName = "",
    attempt: Attempt = 0,
    rules: Rules = None,
    sample_bytes: Annotated[int, Query(ge=0, le=1 << 20)] = 8192,
) -> Groups:
    """Hosts with the same answer, together."""
    chosen = chosen_rules(rules)

    def read(c: Connection) -> Groups:
        run_id = runs.get(c, run).id
        place = attempt_of(c, run_id, step, attempt)
        targets = targets_of(c, run_id, place)
        rows = _rows(c, run_id, targets, chosen)
        found = grouping.group(rows)
        return Groups(
            step=place.step,
            attempt=place.attempt,
            rules={rule: rule in chosen for rule in Rule},
            groups=list(_groups_out(c, found, targets, sample_bytes)),
        )

    return await engine.store.reader.read(read)


@routes.get("/runs/{run}/groups/diff", operation_id="diffRunGroups")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def diff(
    run: str,
    engine: TheEngine,
    a: Annotated[int, Query(ge=0, description="ordinal of a target of one group")],
    b: Annotated[int, Query(ge=0, description="ordinal of a target of the other")],
    step: StepName = "",
    attempt: Attempt = 0,
    rules: Rules = None,
) -> Diff:
    """What differs between the answers of two targets."""
    chosen = chosen_rules(rules)

    def read(c: Connection) -> list[bytes]:
        run_id = runs.get(c, run).id
        place = attempt_of(c, run_id, step, attempt)
        hosts = runs.definition_of(c, run_id).hosts
        by_ordinal = {row.ordinal: row for row in targets_of(c, run_id, place)}
        return [
            normalised(c, _target(by_ordinal, place, ordinal), hosts[ordinal], chosen)
            for ordinal in (a, b)
        ]

    before, after = await engine.store.reader.read(read)
    found = await asyncio.to_thread(textdiff.line_diff, before, after)
    return Diff.model_validate(found)


def normalised(c: Connection, row: TargetRow, host: FrozenHost, rules: frozenset[Rule]) -> bytes:
    """What a target printed, as it is compared; of a very long output its beginning."""
    return normalise(b"".join(_printed(c, row, textdiff.MAX_BYTES)), _words(host), rules)


def chosen_rules(given: Sequence[str] | None) -> frozenset[Rule]:
    names = [name.strip() for item in given or () for name in item.split(",") if name.strip()]
    if not names:
        return DEFAULT_RULES
    if names == [NO_RULES]:
        return frozenset()
    known = [*Rule, NO_RULES]
    problems = [
        Problem(where="rules", what="is no rule", hint=suggest(name, known))
        for name in names
        if name not in list(Rule)
    ]
    if problems:
        raise Invalid("the rules cannot be used", problems)
    return frozenset(map(Rule, names))


def _rows(
    c: Connection, run_id: str, targets: Sequence[TargetRow], rules: frozenset[Rule]
) -> list[Row]:
    digests = [row.digest for row in targets]
    if rules != DEFAULT_RULES and targets:
        hosts = runs.definition_of(c, run_id).hosts
        each = min(MOST_OF_ONE_BYTES, MOST_LOOKED_AT_BYTES // len(targets))
        digests = [_digest(c, row, hosts[row.ordinal], rules, each) for row in targets]
    return [
        Row(
            host=row.host,
            state=row.state,
            exit_code=row.exit_code,
            digest=digest,
            ordinal=row.ordinal,
            resolved_by=row.resolved_by,
            message=row.message or row.code or "",
        )
        for row, digest in zip(targets, digests, strict=True)
    ]


def _digest(
    c: Connection, row: TargetRow, host: FrozenHost, rules: frozenset[Rule], limit: int
) -> str:
    digest = OutputDigest(_words(host), rules)
    left = limit
    for segment in output.iter_all(c, row.id, PRINTED):
        digest.feed(segment.stream, segment.data[:left])
        left -= len(segment.data)
        if left <= 0:
            break
    # What lies beyond the part looked at tells outputs apart by its length at least.
    beyond = f"+{row.size_bytes}" if row.size_bytes > limit else ""
    return digest.digest() + beyond


def _printed(c: Connection, row: TargetRow, limit: int) -> Iterator[bytes]:
    """What a target printed, from its beginning, in whole lines, up to `limit` bytes."""
    lines = WholeLines()
    for segment in output.iter_all(c, row.id, PRINTED):
        data = lines.feed(segment.stream, segment.data)
        yield data[:limit]
        limit -= len(data)
        if limit <= 0:
            return
    yield lines.rest()[:limit]


def _words(host: FrozenHost) -> tuple[str, str]:
    """What a host may call itself; the same words as when the output arrived."""
    return (host.name, host.address)


def _groups_out(
    c: Connection,
    found: Sequence[Group],
    targets: Sequence[TargetRow],
    sample_bytes: int,
) -> Iterator[GroupOut]:
    by_ordinal = {row.ordinal: row for row in targets}
    for place, group in enumerate(found):
        wanted = place < MOST_SAMPLES
        yield GroupOut(
            state=group.state,
            resolved_by=group.resolved_by,
            exit_code=group.exit_code,
            reason=group.reason,
            digest=group.digest,
            count=group.count,
            hosts=fold(group.hosts),
            ordinals=list(group.ordinals),
            sample=_sample(c, by_ordinal[group.sample], sample_bytes) if wanted else None,
        )


def _sample(c: Connection, row: TargetRow, limit: int) -> Sample:
    data = b"".join(_printed(c, row, limit + 1))
    return Sample(
        host=row.host,
        ordinal=row.ordinal,
        text=data[:limit].decode(errors="replace"),
        truncated=len(data) > limit,
    )


def _target(by_ordinal: dict[int, TargetRow], place: StepRow, ordinal: int) -> TargetRow:
    if ordinal not in by_ordinal:
        raise NotFound("target", str(ordinal), place=f"step {place.step}")
    return by_ordinal[ordinal]

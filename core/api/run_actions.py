"""What operators do with runs: act on them, look at what was asked, leave notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from core.api import cursors
from core.api.openapi import fails
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.runs import RunOut
from core.api.values import Answer, Cursor, Limit, Page
from core.domain.actions import Action
from core.domain.authorization import ObjectKind, Verb
from core.domain.run import QueueAction, RunAction
from core.domain.targets import fold
from core.domain.values import Value
from core.errors import NotFound
from core.storage import notes, operations, runs

routes = router("runs")

MAX_NOTE_CHARACTERS = 4000


class OperationOut(Answer):
    """One thing that somebody asked of a run."""

    at: str
    actor: str
    action: RunAction | QueueAction
    step: str = Field(description="empty where it is about the run as a whole")
    attempt: int = Field(description="the attempt that it is about; 0 is none")
    batch: int | None = Field(description="the batch that it is about, from 0")
    targets: list[str] = Field(description="hosts that it is about; empty where it names none")
    reason: str
    change: str = Field(description="the change number under which it was asked, or empty")


class OperationPage(Page[OperationOut]):
    """A part of what was asked of a run."""


class Affected(Answer):
    """A step or another node that an action is about."""

    step: str
    count: int = Field(description="number of hosts")
    hosts: str = Field(description="folded, such as `web[01-40]`; empty: it has none")


class ActionPreview(Answer):
    """What an action would do."""

    about: Affected | None = Field(
        description="the step or node that it is about, with the hosts that it means there; null:"
        " the run as a whole"
    )
    begins: list[Affected] = Field(
        description="what would run, in order, and what may follow it on some way"
    )
    ends: list[Affected] = Field(description="what is under way and would be ended")


class NoteOut(Answer):
    """A note on a run."""

    at: str
    actor: str
    text: str


class NotePage(Page[NoteOut]):
    """A part of the notes on a run."""


class NoteIn(Value):
    """What to note."""

    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NOTE_CHARACTERS),
    ] = Field(description="such as `handled, ticket 123`; a note is never changed")


class RequestOut(Answer):
    """What a run was asked to do, ready to be asked again."""

    request: dict[str, Any] = Field(description="a body for `POST /runs`")
    secrets: list[str] = Field(
        description="secrets that it was started with: `parameters` where the job declares them,"
        " else `secrets`"
    )
    origin: str = Field(description="`adhoc` or `job/NAME@REVISION`, as it was then")


@routes.post(
    "/runs/{run}/actions", status_code=202, operation_id="actOnRun", responses=fails(404, 409)
)
@asks(Verb.ACT, ObjectKind.RUN, "{run}")
async def act(run: str, body: Action, engine: TheEngine, actor: TheActor) -> RunOut:
    """Ask something of a run; `actions` of the run says what its state allows.

    When this answers, the action is on disk and the run's state has changed with it.
    """
    return RunOut.model_validate(await engine.runs.act(run, body, actor.name))


@routes.post("/runs/{run}/actions/preview", operation_id="previewAction", responses=fails(404, 409))
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def preview(run: str, body: Action, engine: TheEngine) -> ActionPreview:
    """What an action would do now: what it ends, what it begins, and where. Nothing is changed."""
    foreseen = await engine.runs.foresee(run, body)
    about = _affected({foreseen.step: foreseen.about}) if foreseen.step else [None]
    return ActionPreview(
        about=about[0], begins=_affected(foreseen.begins), ends=_affected(foreseen.ends)
    )


def _affected(nodes: Mapping[str, Sequence[str]]) -> list[Affected]:
    return [
        Affected(step=name, count=len(hosts), hosts=fold(hosts)) for name, hosts in nodes.items()
    ]


@routes.get("/runs/{run}/request", operation_id="getRunRequest")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def get_request(run: str, engine: TheEngine) -> RequestOut:
    """The request that a run was started with, without its secrets and confirmations.

    Sent again it means the documents of that moment: a job's current revision, the hosts
    that an expression matches now.
    """
    frozen = await engine.store.reader.read(lambda c: runs.definition_of(c, runs.get(c, run).id))
    if frozen.request is None:
        raise NotFound("request of run", run)
    return RequestOut(
        # What chance decided then is drawn anew.
        request=frozen.request.model_dump(mode="json", exclude_defaults=True, exclude={"seed"}),
        secrets=list(frozen.secrets),
        origin=frozen.origin,
    )


@routes.get("/runs/{run}/operations", operation_id="listRunOperations")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def list_operations(
    run: str, engine: TheEngine, cursor: Cursor = None, limit: Limit = 100
) -> OperationPage:
    """What people asked of a run since its start, oldest first."""
    scope = f"operations {run}"
    after = cursors.number_position(scope, cursor)
    rows = await engine.store.reader.read(
        lambda c: operations.of_run(c, runs.get(c, run).id, after=after, limit=limit + 1)
    )
    return OperationPage(
        items=[OperationOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursors.encode(scope, rows[limit - 1].id) if len(rows) > limit else None,
    )


@routes.post("/runs/{run}/notes", status_code=201, operation_id="noteRun", responses=fails(404))
@asks(Verb.ACT, ObjectKind.RUN, "{run}")
async def note(run: str, body: NoteIn, engine: TheEngine, actor: TheActor) -> NoteOut:
    """Leave a note on a run, whatever its state."""
    found = await engine.store.writer.write(
        lambda tx: notes.add(tx, runs.get(tx.connection, run).id, actor.name, body.text)
    )
    return NoteOut.model_validate(found)


@routes.get("/runs/{run}/notes", operation_id="listRunNotes")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def list_notes(
    run: str, engine: TheEngine, cursor: Cursor = None, limit: Limit = 100
) -> NotePage:
    """Notes on a run, oldest first."""
    scope = f"notes {run}"
    after = cursors.number_position(scope, cursor)
    rows = await engine.store.reader.read(
        lambda c: notes.of_run(c, runs.get(c, run).id, after=after, limit=limit + 1)
    )
    return NotePage(
        items=[NoteOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursors.encode(scope, rows[limit - 1].id) if len(rows) > limit else None,
    )

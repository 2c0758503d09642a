"""Backups of the database, made while the engine works."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

from pydantic import Field

from core.api.openapi import fails
from core.api.routes import TheEngine, asks, router
from core.api.values import Answer
from core.domain.authorization import ObjectKind, Verb
from core.domain.values import Value
from core.errors import Invalid, Problem
from core.runtime.engine import Engine
from core.storage import backup

routes = router("engine")

FOLDER = "backups"


class BackupIn(Value):
    """Where the backup goes."""

    path: str | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="a new file, or a folder to make one in; absolute, on the engine's machine;"
        " empty: the home's own folder of backups",
    )


class BackupOut(Answer):
    """A finished backup. Its secrets stay sealed: the master key is not in it."""

    path: str
    size_bytes: int
    integrity: Literal["ok"] = Field(description="the whole copy was read and verified")
    last_seq: int = Field(description="number of the last journal entry in it")
    contents: int = Field(description="files of jobs in it, in the folder `path`.contents")
    secrets: int = Field(description="sealed secrets in it, which only the master key opens")


@routes.post("/backups", status_code=201, operation_id="createBackup", responses=fails(409))
@asks(Verb.BACKUP, ObjectKind.ENGINE)
async def create(body: BackupIn, engine: TheEngine) -> BackupOut:
    """Copy the database to a new file and check the copy; work goes on meanwhile."""
    place = _place(body.path)
    done = await asyncio.to_thread(_back_up, engine, place)
    return BackupOut(
        path=done.path,
        size_bytes=done.size_bytes,
        integrity="ok",
        last_seq=done.last_seq,
        contents=done.contents,
        secrets=done.secrets,
    )


def _place(given: str | None) -> Path | None:
    if given is None:
        return None
    if not Path(given).is_absolute() or "\0" in given:
        hint = "the engine has a working folder of its own"
        problem = Problem(where="path", what="must be an absolute path", hint=hint)
        raise Invalid("the backup has no place", [problem])
    return Path(given)


def _back_up(engine: Engine, place: Path | None) -> backup.BackedUp:
    """Blocks; a folder, which may be the home's own, gets a file named after the time."""
    with backup.faults(f"the backup {place or FOLDER} cannot be written"):
        if place is None:
            place = engine.home.root / FOLDER
            place.mkdir(mode=0o700, exist_ok=True)
        into = place.is_dir()
    if into:
        place /= f"jobdeck-{engine.clock.now():%Y%m%dT%H%M%S.%fZ}.db"
    return backup.backup(engine.home.database, place)

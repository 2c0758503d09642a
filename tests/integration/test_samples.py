"""The sample documents: valid, applied as they are, and the same after every round trip."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import assets
from core.domain import yamlsafe
from core.domain.documents import KINDS, parse
from tests.support.api import Api, running_api

FOLDER = Path(assets.__file__).parent
FILES = sorted((FOLDER / "samples").glob("*.yaml"))
WINDOWS = sorted((FOLDER / "samples-windows").glob("*.yaml"))


def read(*files: Path) -> list[Any]:
    return [
        document.value
        for file in files
        for document in yamlsafe.load_all(file.read_text(encoding="utf-8"))
    ]


@pytest.fixture
async def api(home: Path) -> AsyncIterator[Api]:
    async with running_api(home / "j") as running:
        yield running


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_reads_the_same_after_it_was_written_again(file: Path) -> None:
    documents = [parse(value) for value in read(file)]

    written = yamlsafe.dump_all(document.body() for document in documents)

    assert [parse(found.value) for found in yamlsafe.load_all(written)] == documents


def test_there_is_a_sample_of_every_kind() -> None:
    assert {value["kind"] for value in read(*FILES)} == set(KINDS)


async def test_a_dry_run_on_an_empty_engine_would_create_all_and_creates_nothing(api: Api) -> None:
    before = api.journal_end

    answer = await api.post("/apply", {"documents": read(*FILES), "dry_run": True})

    assert answer.status_code == 200, answer.text
    assert {change["action"] for change in answer.json()["changes"]} == {"create"}
    assert len(answer.json()["changes"]) == len(read(*FILES))
    assert not answer.json()["applied"]
    assert api.journal_end == before


async def test_applied_samples_are_stored_as_written_and_unchanged_when_applied_again(
    api: Api,
) -> None:
    await api.apply(*read(*FILES))

    again = await api.post("/apply", {"documents": read(*FILES)})

    assert {change["action"] for change in again.json()["changes"]} == {"unchanged"}
    for value in read(*FILES):
        stored = (await api.get(f"/documents/{value['kind']}/{value['name']}")).json()
        assert parse({key: stored[key] for key in ("kind", "name", "labels", "spec")}) == parse(
            value
        )


@pytest.mark.parametrize(
    ("job", "parameters", "hosts"),
    [
        ("health-check", {}, 12),
        ("disk-report", {"top": 3}, 12),
        ("patch-report", {"details": "full"}, 12),
        ("careful-restart", {"service": "nginx"}, 8),
        ("web-health", {}, 5),
        ("web-motd", {}, 5),
        ("order-archive", {"cutoff": "2026-01-01"}, 2),
    ],
)
async def test_every_job_can_be_started(
    api: Api, job: str, parameters: dict[str, Any], hosts: int
) -> None:
    await api.apply(*read(*FILES))

    preview = await api.post("/runs/preview", {"job": job, "parameters": parameters})

    assert preview.status_code == 200, preview.text
    assert preview.json()["hosts"] == hosts


async def test_the_job_for_windows_can_be_started(api: Api) -> None:
    await api.apply(*read(*WINDOWS))

    preview = await api.post("/runs/preview", {"job": "windows-service"})

    assert preview.status_code == 200, preview.text
    assert preview.json()["hosts"] == 1


def test_every_job_is_tried_above() -> None:
    marks = test_every_job_can_be_started.pytestmark  # type: ignore[attr-defined]
    tried = {case[0] for case in marks[0].args[1]}
    assert tried == {value["name"] for value in read(*FILES) if value["kind"] == "job"}


@pytest.mark.parametrize(
    "script",
    [value for value in read(*FILES) if value["kind"] == "script"],
    ids=lambda value: value["name"],
)
def test_a_script_is_one_for_its_shell(script: dict[str, Any]) -> None:
    shell = shutil.which(script["spec"]["language"])
    assert shell is not None
    checked = subprocess.run(
        [shell, "-n"], input=script["spec"]["text"], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")

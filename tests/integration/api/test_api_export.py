"""Export and merged output through the API: streamed, complete, for every host."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from core.executors.protocol import Stream
from core.executors.scripted import Behaviour
from tests.support.api import Api, command, host


@pytest.fixture
async def web(api: Api) -> Api:
    await api.apply(host("web1"), host("web2"))
    whole = b"line of output\n" * 100_000  # more than one page of a read
    api.hosts.behaviours["web1"] = Behaviour(
        output=((Stream.OUT, whole), (Stream.ERR, b"careful\n"))
    )
    api.hosts.behaviours["web2"] = Behaviour(output=((Stream.OUT, b"\x1b[1m\xffbin\n"),))
    return api


@pytest.mark.parametrize("name", ["text", "jsonl", "html"])
async def test_every_host_is_in_an_export(web: Api, name: str) -> None:
    run_id = await web.run(command(targets="web*"))
    answer = await web.get(f"/runs/{run_id}/export?format={name}")
    assert answer.status_code == 200
    assert f'filename="run-{run_id}.' in answer.headers["Content-Disposition"]
    text = answer.text
    if name == "jsonl":  # a piece may end within a line
        lines = [json.loads(line) for line in text.splitlines()]
        text = "".join(line["target"]["host"] if "target" in line else "" for line in lines)
        text += "".join(line["output"].get("text", "") for line in lines if "output" in line)
    assert text.count("line of output") == 100_000
    assert "careful" in text
    assert text.index("web1") < text.index("web2")


async def test_a_zip_gives_back_the_bytes(web: Api) -> None:
    run_id = await web.run(command(targets="web*"))
    answer = await web.get(f"/runs/{run_id}/export?format=zip")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    manifest = json.loads(archive.read("manifest.json"))
    files = {target["host"]: target["files"] for target in manifest["targets"]}
    assert archive.read(files["web1"]["out"]) == b"line of output\n" * 100_000
    assert archive.read(files["web1"]["err"]) == b"careful\n"
    assert archive.read(files["web2"]["out"]) == b"\x1b[1m\xffbin\n"


async def test_merged_output_is_complete_and_in_order(web: Api) -> None:
    run_id = await web.run(command(targets="web*"))
    pieces, cursor = [], ""
    while True:
        page = (await web.get(f"/runs/{run_id}/output/merged{cursor}")).json()
        pieces += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"?cursor={page['next_cursor']}"
    assert cursor, "there was more than one page"
    printed: dict[tuple[str, str], str] = {}
    for piece in pieces:
        place = (piece["host"], piece["stream"])
        printed[place] = printed.get(place, "") + (piece.get("text") or piece["base64"])
    assert printed["web1", "out"] == "line of output\n" * 100_000
    assert printed["web1", "err"] == "careful\n"
    assert "web2" in {host for host, _ in printed}

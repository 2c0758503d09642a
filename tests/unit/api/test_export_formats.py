"""A run as one document: exact texts, hostile output, file names that cannot leave their folder."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence

import pytest

from core.api.export_formats import FORMATS
from core.domain.run import RunState, TargetState
from core.storage.output import Segment
from core.storage.runs import RunRow, TargetRow

AT = "2026-01-31T09:30:00.000000Z"
HOSTILE = b"\x1b[31mred\x1b]0;owned\x07\x00</script><script>alert(1)</script>\n"

RUN = RunRow(
    id="01KAAAAAAAAAAAAAAAAAAAAAAA", title="<uptime>", origin="adhoc", state=RunState.FAILED,
    reason="", actor="ada", created_at=AT, started_at=AT, finished_at=None, target_count=2,
    counts={},
)  # fmt: skip


def target(ordinal: int, host: str, exit_code: int | None, message: str = "") -> TargetRow:
    return TargetRow(
        id=ordinal + 1, step="main", attempt=1, ordinal=ordinal, host=host, attempt_id="",
        state=TargetState.SUCCESS if exit_code == 0 else TargetState.FAILED, code=None,
        exit_code=exit_code, signal=None, message=message, started_at=None, finished_at=None,
        size_bytes=0, dropped_bytes=0, digest="", outputs={}, batch=0, claimed=0, positions={},
    )  # fmt: skip


def exported(name: str, targets: Sequence[tuple[TargetRow, Sequence[tuple[str, bytes]]]]) -> bytes:
    written = FORMATS[name]()
    parts = [written.begin(RUN)]
    for row, pieces in targets:
        parts.append(written.target(row))
        offset = 0
        for stream, data in pieces:
            parts.append(written.piece(Segment(offset=offset, stream=stream, data=data, at=AT)))
            offset += len(data)
        parts.append(written.end_target())
    return b"".join([*parts, written.end()])


TWO = [
    (target(0, "web1", 0), [("out", b"up 3 "), ("out", b"days\n"), ("err", b"warn")]),
    (target(1, "web2", 2, "it failed"), [("out", HOSTILE)]),
]


def test_text_has_lines_under_their_hosts() -> None:
    assert exported("text", TWO).decode() == (
        "run 01KAAAAAAAAAAAAAAAAAAAAAAA  <uptime>  adhoc  failed\n"
        f"started {AT}  ended -  by ada\n"
        "\n==== web1 · main #1 · success · exit 0\n"
        "up 3 days\n"
        "warn\n"
        "\n==== web2 · main #1 · failed · exit 2 · it failed\n"
        "\\x1b[31mred\\x1b]0;owned\\x07\\x00</script><script>alert(1)</script>\n"
    )


def test_json_lines_give_back_what_was_printed() -> None:
    lines = [json.loads(line) for line in exported("jsonl", TWO).splitlines()]
    assert [next(iter(line)) for line in lines] == [
        "run", "target", "output", "output", "output", "target", "output",
    ]  # fmt: skip
    assert lines[2]["output"] == {
        "step": "main", "attempt": 1, "ordinal": 0, "host": "web1", "offset": 0,
        "stream": "out", "at": AT, "text": "up 3 ",
    }  # fmt: skip
    assert lines[6]["output"]["text"].encode() == HOSTILE


def test_html_is_one_page_that_cannot_act() -> None:
    page = exported("html", TWO).decode()
    body = page[page.index("<body>") :]
    assert body == (
        "<body>\n<h1>&lt;uptime&gt;</h1>\n"
        f"<p>01KAAAAAAAAAAAAAAAAAAAAAAA · adhoc · failed · ada · {AT}</p>\n"
        '<details open>\n<summary class="good">web1 · main #1 · success · exit 0</summary>\n'
        '<pre>up 3 days\n<span class="err">warn</span></pre>\n</details>\n'
        '<details open>\n<summary class="bad">web2 · main #1 · failed · exit 2 · it failed'
        '</summary>\n<pre><span class="f1">red</span>'
        '<span class="f1">\\x00&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;\n</span>'
        "</pre>\n</details>\n</body>\n</html>\n"
    )
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "prefers-color-scheme:dark" in page


def test_a_zip_has_the_exact_bytes_and_a_manifest() -> None:
    archive = zipfile.ZipFile(io.BytesIO(exported("zip", TWO)))
    assert archive.testzip() is None
    assert archive.namelist() == [
        "00000-web1/main.1.out.txt", "00000-web1/main.1.err.txt", "00001-web2/main.1.out.txt",
        "manifest.json",
    ]  # fmt: skip
    assert archive.read("00000-web1/main.1.out.txt") == b"up 3 days\n"
    assert archive.read("00001-web2/main.1.out.txt") == HOSTILE
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["run"]["id"] == RUN.id
    assert [t["exit_code"] for t in manifest["targets"]] == [0, 2]
    assert manifest["targets"][0]["files"]["err"] == "00000-web1/main.1.err.txt"


@pytest.mark.parametrize(
    "host", ["../../etc/passwd", "/abs", "..", "C:\\x", "a\0b", "nul\n", "盘", "x" * 500, "-rf"]
)
def test_no_name_of_a_host_leaves_its_folder(host: str) -> None:
    archive = zipfile.ZipFile(io.BytesIO(exported("zip", [(target(7, host, 0), [("out", b"x")])])))
    name, _ = archive.namelist()
    folder, file = name.split("/")
    assert folder.startswith("00007-")
    assert file == "main.1.out.txt"
    assert len(folder) <= 70
    assert set(folder) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_what_a_format_holds_does_not_grow_with_the_output() -> None:
    for name in FORMATS:
        written = FORMATS[name]()
        written.begin(RUN)
        written.target(TWO[0][0])
        piece = Segment(offset=0, stream="out", data=b"x" * 999 + b"\n", at=AT)
        sizes = [len(written.piece(piece)) for _ in range(3000)]
        # Compressed data comes in bursts, everything else at once.
        assert name == "zip" or min(sizes) > 0
        assert sum(sizes) > 0
        assert len(written.end_target()) < 100_000

"""`push` and `pull` against a fake API: what is sent, and what is refused before."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem


def test_a_push_may_leave_its_files_with_the_engine(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    (tmp_path / "motd").write_bytes(b"hello")
    sha256 = hashlib.sha256(b"hello").hexdigest()
    known = {"sha256": sha256, "size_bytes": 5, "added_at": "", "added_by": "", "used_at": ""}
    api.on("GET", "/contents", answer({"items": []}))
    api.on("PUT", f"/contents/{sha256}/bytes", answer(known))
    api.on("POST", "/plans", problem(409, "conflict", "enough seen"))
    words = ("--on", "all", "--to", "/etc/", "--attach", "--limit-total", "1M", "--plan")

    jobdeck("push", str(tmp_path / "motd"), *words)

    [sent] = api.sent("POST", "/plans")
    assert sent["request"]["step"] == {
        "name": "push", "kind": "push", "template": False, "to": "/etc/", "diff": True,
        "exists": "overwrite", "bytes_per_s_total": 1_000_000, "contents": [{"name": "motd", "sha256": sha256}],
    }  # fmt: skip
    assert [r.content for r in api.requests if r.method == "PUT"] == [b"hello"]
    assert "only files of this machine" in jobdeck("push", "http://x/y", *words).err
    assert "no patterns" in jobdeck("push", "/x/*", *words).err


def test_a_folder_that_would_become_a_file_is_refused_with_what_to_write(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()

    one = jobdeck("push", str(tmp_path / "site"), "--on", "all", "--to", "/srv/www")
    two = jobdeck("push", "a", "b", "--on", "all", "--to", "/srv/www")

    assert (one.code, two.code) == (2, 2)
    assert "site is a folder, and no file to be called so" in one.err
    assert "write --to /srv/www/; what arrives is /srv/www/site/..." in one.err
    assert "several files cannot become one" in two.err
    assert api.requests == []

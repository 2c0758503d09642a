"""The place that is found again after a line that broke."""

from __future__ import annotations

from pathlib import Path

from console.tui.bookmark import Bookmark


def test_the_last_place_is_found(tmp_path: Path) -> None:
    bookmark = Bookmark(tmp_path / "place")
    bookmark.put("runs state:failed")
    bookmark.put("run 01 失败")

    assert Bookmark(tmp_path / "place").found() == "run 01 失败"
    assert [file.name for file in tmp_path.iterdir()] == ["place"]


def test_who_leaves_leaves_nothing(tmp_path: Path) -> None:
    bookmark = Bookmark(tmp_path / "place")
    bookmark.put("queue")
    bookmark.take_out()
    bookmark.take_out()

    assert bookmark.found() == ""


def test_what_cannot_be_written_or_read_is_nothing(tmp_path: Path) -> None:
    nowhere = Bookmark(tmp_path / "no" / "place")
    nowhere.put("queue")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")

    assert nowhere.found() == ""
    assert Bookmark(tmp_path / "bytes").found() == ""

"""Plain files are opened; whatever else a name leads to holds up nobody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.plainfiles import open_plain


def test_a_plain_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with open_plain(tmp_path / "link") as file:
        assert file.read() == b"content"


def test_a_pipe_a_device_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(OSError, match="no plain file"):
            open_plain(path)
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        open_plain(tmp_path)

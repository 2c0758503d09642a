"""What SFTP says, in our words."""

from __future__ import annotations

import asyncssh
import pytest

from core.executors.files.exchange import LineLost
from core.executors.files.failures import TransferFailed
from core.executors.files.sftp import at_home, translated


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(104, "Connection reset by peer"),
        asyncssh.ConnectionLost("gone"),
        asyncssh.SFTPConnectionLost("gone"),
    ],
)
def test_a_broken_line_is_one_wherever_it_is_noticed(error: Exception) -> None:
    with pytest.raises(LineLost, match=r"reset|gone"), translated("write", "a"):
        raise error


def test_a_refusal_is_about_the_file() -> None:
    refusal = asyncssh.SFTPPermissionDenied("not yours")
    words = "a cannot be written there: not yours"
    with pytest.raises(TransferFailed, match=words), translated("write", "a"):
        raise refusal


@pytest.mark.parametrize(("path", "there"), [("~", "."), ("~/a/b", "./a/b"), ("/a", "/a")])
def test_a_home_is_where_the_server_starts(path: str, there: str) -> None:
    assert at_home(path) == there

"""Answers of Windows hosts, as published documents and reports of failures give them, decoded.

Each file of `winrm/` says what it follows. They are replayed, as they are, by the server for tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Login, Target, Winrm
from core.executors.winrm.connection import Connection, Received
from core.executors.winrm.failures import is_lost, translated, words
from core.executors.winrm.statuses import signed
from tests.support.certificates import Authority
from tests.support.winrm_line import PASSWORD, USER
from tests.support.winrmd import WinrmServer

C = TargetCode
ANSWERS = Path(__file__).parent / "winrm"

FAULTS = {
    "shell-not-found": (C.CONNECTION_LOST, "does not know the session any more"),
    "shells-of-user": (C.IO_FAILURE, "raise MaxShellsPerUser"),
    "operations-of-user": (C.IO_FAILURE, "raise MaxConcurrentOperationsPerUser"),
    "users": (C.IO_FAILURE, "raise MaxConcurrentUsers"),
    "put-off": (C.IO_FAILURE, "puts this account off"),
    "processes-of-shell": (C.IO_FAILURE, "raise MaxProcessesPerShell"),
    "access-denied": (C.AUTHENTICATION_FAILURE, "Remote Management Users"),
    "aborted": (C.CONNECTION_LOST, "in the middle of an operation"),
    "execution-failed": (C.IO_FAILURE, "cannot start the process of a session"),
    "profile-unloading": (C.IO_FAILURE, "try again in a minute"),
    "no-memory": (C.IO_FAILURE, "raise MaxMemoryPerShellMB"),
    "no-remote-shells": (C.IO_FAILURE, "AllowRemoteShellAccess"),
    "too-large": (C.IO_FAILURE, "raise MaxEnvelopeSizekb"),
    "invalid-parameter": (C.IO_FAILURE, "fault 87): The parameter is incorrect."),
    "in-chinese": (C.IO_FAILURE, "fault 87): 参数错误。"),
    "must-understand": (C.IO_FAILURE, "s:MustUnderstand"),
    "operation-timed-out": (C.CONNECTION_TIMEOUT, "not done with it in time"),
}
RECEIVED = {
    "receive-running": Received("one\r\né中\r\n".encode(), b"careful\r\n", None),
    "receive-done": Received(b"two\r\n", b"", 0),
    "receive-control-c": Received(b"", b"", 3221225786),
    "receive-pending": Received(b"", b"", None),
    "operation-timed-out": None,
}
PAGES = {
    "a page in place of an answer": (
        200,
        b"<html><br>welcome",
        C.CONNECTION_FAILURE,
        "something else",
    ),
    "a page in another code page": (
        502,
        "错误".encode("gbk"),
        C.CONNECTION_FAILURE,
        "something else",
    ),
    "too large for HTTP": (413, b"", C.IO_FAILURE, "MaxEnvelopeSizekb"),
    "nothing at that path": (404, b"<h2>Not Found</h2>", C.CONNECTION_FAILURE, "is the port right"),
    "busy": (503, b"<h2>Service Unavailable</h2>", C.CONNECTION_FAILURE, "does WinRM run there"),
    "whatever else": (500, b"", C.CONNECTION_FAILURE, "HTTP status 500"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WinrmServer]:
    folder = tmp_path_factory.mktemp("windows")
    with WinrmServer(folder, Authority(folder), proof="basic") as server:
        yield server


@pytest.fixture
def target(server: WinrmServer) -> Target:
    return Target(
        host="win1",
        address="127.0.0.1",
        port=server.port,
        login=Login(user=USER, password=PASSWORD),
        winrm=Winrm(authentication="basic", certificate=server.fingerprint()),
    )


@pytest.fixture
def connection(target: Target) -> Iterator[Connection]:
    connection = Connection(target)
    yield connection
    connection.close()


def recorded(name: str) -> bytes:
    return (ANSWERS / f"{name}.xml").read_bytes()


def test_every_answer_is_tried() -> None:
    assert {path.stem for path in ANSWERS.glob("*.xml")} == FAULTS.keys() | RECEIVED.keys()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_with_its_code_and_what_to_try(
    server: WinrmServer, connection: Connection, target: Target, name: str
) -> None:
    code, said = FAULTS[name]
    server.recorded["Create"] = [(500, recorded(name))]

    with pytest.raises(Exception) as caught:
        connection.open_shell()
    error = translated(caught.value, target)

    assert isinstance(error, TargetError)
    assert error.target_code == code
    assert said in f"{error} {error.hint}"
    assert not is_lost(caught.value)


@pytest.mark.parametrize("name", RECEIVED)
def test_output_and_status_come_out_as_they_were_put_in(
    server: WinrmServer, connection: Connection, name: str
) -> None:
    status = 500 if name == "operation-timed-out" else 200
    server.recorded["Receive"] = [(status, recorded(name))]

    assert connection.receive("S1", "C1", 1) == RECEIVED[name]


def test_ctrl_c_is_the_status_that_windows_shells_show() -> None:
    received = RECEIVED["receive-control-c"]
    assert received is not None
    assert received.status is not None
    assert signed(received.status) == -1073741510


@pytest.mark.parametrize("name", PAGES)
def test_what_is_no_answer_of_winrm_is_told_apart(
    server: WinrmServer, connection: Connection, target: Target, name: str
) -> None:
    status, body, code, said = PAGES[name]
    server.recorded["Create"] = [(status, body)]

    with pytest.raises(Exception) as caught:
        connection.open_shell()
    error = translated(caught.value, target)

    assert error.target_code == code
    assert said in f"{error} {error.hint}"


@pytest.mark.parametrize(("name", "said"), [("aborted", "ended the session"), ("put-off", "puts")])
def test_a_fault_in_the_middle_of_work_is_evidence_in_words(
    server: WinrmServer, connection: Connection, name: str, said: str
) -> None:
    server.recorded["Receive"] = [(500, recorded(name))]

    with pytest.raises(Exception) as caught:
        connection.receive("S1", "C1", 1)

    assert words(caught.value).startswith("the host ")
    assert said in words(caught.value)

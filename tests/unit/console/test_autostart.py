"""Finding an engine or starting one; the engine here is a few lines that listen."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from console import autostart
from console.autostart import ensure_engine, is_listening, is_running, start_log
from core.errors import EngineUnreachable
from core.home import Home

LISTENS = """
import fcntl, os, pathlib, socket, sys, time
home = pathlib.Path(sys.argv[1])
lock = os.open(home / "engine.lock", os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
with (home / "starts").open("a") as starts:
    starts.write(f"{os.getpid()} {os.getcwd()} {os.getsid(0)}\\n")
path = home / "engine.sock"
path.unlink(missing_ok=True)
server = socket.socket(socket.AF_UNIX)
server.bind(str(path))
server.listen()
while True:
    server.accept()[0].close()
"""


@pytest.fixture
def place(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home whose engine is a stub; what was started there is ended."""
    place = Home(home / "j")

    def command(place: Home) -> Sequence[str]:
        return sys.executable, "-c", LISTENS, str(place.root)

    monkeypatch.setattr(autostart, "engine_command", command)
    yield place
    for pid, *_rest in started(place):
        os.kill(int(pid), signal.SIGKILL)
    for process in autostart._started:
        process.wait()
    autostart._started.clear()


def started(place: Home) -> list[list[str]]:
    """Process id, folder and session of every engine that was started."""
    file = place.root / "starts"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def test_an_engine_that_runs_is_used(place: Home) -> None:
    assert ensure_engine(place) is True
    assert ensure_engine(place) is False
    assert len(started(place)) == 1


def test_the_engine_outlives_the_console(place: Home) -> None:
    ensure_engine(place)

    [[pid, folder, session]] = started(place)
    assert folder == "/"
    assert session == pid  # a session of its own: no terminal can take it with it
    assert start_log(place).stat().st_mode & 0o777 == 0o600


def test_many_consoles_at_once_start_one_engine(place: Home) -> None:
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.append(ensure_engine(place))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == [False] * 7 + [True]
    assert len(started(place)) == 1


def test_the_socket_of_a_killed_engine_is_no_engine(place: Home) -> None:
    ensure_engine(place)
    [process] = autostart._started
    process.kill()
    process.wait()
    assert place.socket.exists()
    assert not is_listening(place.socket)
    assert not is_running(place)

    (place.root / "starts").unlink()
    assert ensure_engine(place) is True


def test_a_home_is_in_use_before_its_engine_listens(place: Home) -> None:
    ensure_engine(place)
    place.socket.unlink()

    assert not is_listening(place.socket)
    assert is_running(place)


def test_an_empty_home_has_no_engine(place: Home) -> None:
    assert not is_listening(place.socket)
    assert not is_running(place)


def test_the_complaint_of_an_engine_is_the_only_one(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import sys; sys.exit('error: the database is from the future\\n  hint: go back')"
    monkeypatch.setattr(autostart, "engine_command", lambda _: (sys.executable, "-c", text))

    with pytest.raises(EngineUnreachable) as caught:
        ensure_engine(place)

    assert str(caught.value) == "the database is from the future\n  hint: go back"


def test_an_engine_that_ends_without_a_complaint_is_quoted(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import sys; sys.exit('out of luck')"
    monkeypatch.setattr(autostart, "engine_command", lambda _: (sys.executable, "-c", text))

    with pytest.raises(EngineUnreachable) as caught:
        ensure_engine(place)

    assert caught.value.message == "the engine ended at once, with code 1\n  out of luck"
    assert str(place.log) in caught.value.hint


def test_an_engine_that_is_stopping_is_waited_for(place: Home) -> None:
    ensure_engine(place)
    place.socket.unlink()
    [[pid, *_rest]] = started(place)
    ending = threading.Timer(0.2, os.kill, (int(pid), signal.SIGKILL))
    ending.start()

    assert ensure_engine(place) is True

    ending.join()
    assert len(started(place)) == 2


def test_an_engine_that_never_answers_is_given_up(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import time; print('still thinking', flush=True); time.sleep(60)"
    monkeypatch.setattr(autostart, "engine_command", lambda _: (sys.executable, "-c", text))
    monkeypatch.setattr(autostart, "START_TIMEOUT_S", 0.5)

    with pytest.raises(EngineUnreachable, match="does not answer after"):
        ensure_engine(place)

    [process] = autostart._started
    process.kill()


def test_a_busy_engine_is_not_taken_for_a_dead_one(place: Home) -> None:
    place.create()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place.socket))
        server.listen(0)
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.connect(str(place.socket))
            waiting.setblocking(False)
            assert is_listening(place.socket)


def test_the_engine_is_the_code_of_this_console(place: Home) -> None:
    paths = os.pathsep.join(autostart._import_paths())
    found = subprocess.run(
        [sys.executable, "-P", "-c", "import console; print(console.__file__)"],
        env={**os.environ, "PYTHONPATH": paths}, cwd="/", capture_output=True, text=True,
        check=True,
    )  # fmt: skip

    import console

    assert found.stdout.strip() == console.__file__

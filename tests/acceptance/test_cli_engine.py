"""The engine's life from the command line: found, started once, stopped, killed, kept."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.product import Product, command_of
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def product() -> Iterator[Product]:
    with Product() as product:
        yield product


def test_many_consoles_at_once_start_one_engine(product: Product) -> None:
    consoles = [product.open_console("hosts", "list", "--json") for _ in range(5)]

    ended = [console.communicate(timeout=60) for console in consoles]

    assert [out for out, _err in ended] == [b"[]\n"] * 5
    assert [console.returncode for console in consoles] == [0] * 5
    log = product.home.log.read_text()
    assert log.count('"event": "engine.started"') == 1


def test_the_home_and_its_socket_are_private(product: Product) -> None:
    product.run("engine", "start")

    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(product.home.root) == 0o700
    assert mode(product.home.socket) == 0o600
    assert [file.name for file in product.home.root.iterdir() if mode(file) & 0o077] == []


def test_the_doctor_looks_with_an_engine_and_without_one(product: Product) -> None:
    assert product.run("doctor").out.startswith("no engine runs in ")
    assert product.cli("engine", "status").code == 3, "looking started none"
    product.run("engine", "start")
    assert product.run("doctor").out == "✓  all is well\n"

    product.home.root.chmod(0o755)
    ended = product.cli("doctor")
    assert (ended.code, "chmod 700" in ended.out) == (1, True)


def test_starting_stopping_and_looking(product: Product) -> None:
    assert product.cli("engine", "status").code == 3
    assert product.cli("engine", "status", "--json").json()["state"] == "stopped"

    assert product.run("engine", "start").err.startswith("the engine runs: ")
    assert product.run("engine", "start").err.startswith("the engine was already running: ")
    first = product.run("engine", "status", "--json").json()
    assert (first["state"], first["pid"]) == ("running", product.engine_pid)
    assert "engine        ✓ running\n" in product.run("engine", "status").out

    assert product.run("engine", "restart").err == "the engine has restarted\n"
    assert product.run("engine", "status", "--json").json()["pid"] != first["pid"]

    assert product.run("engine", "stop").err == "the engine has stopped\n"
    assert product.engine_pid is None
    assert product.run("engine", "stop").err == "no engine was running\n"


def test_a_killed_engine_is_replaced_by_the_next_command(product: Product) -> None:
    product.apply("{kind: host, name: one, spec: {protocol: local}}")
    product.kill_engine(signal.SIGKILL)
    assert product.home.socket.exists()

    assert product.run("run", "--on", "one", "--quiet", "--", "true").said == "exit 0\n"


def test_an_engine_in_the_foreground_logs_and_ends_on_a_signal(product: Product) -> None:
    engine = product.open_console("engine", "run")
    until(lambda: product.cli("engine", "status").code == 0)

    engine.send_signal(signal.SIGTERM)
    _out, err = engine.communicate(timeout=30)

    assert engine.returncode == 0
    assert b'"event": "engine.started"' in err
    assert b'"event": "engine.stopped"' in err


def test_a_second_engine_is_refused(product: Product) -> None:
    product.run("engine", "start")

    ended = product.cli("engine", "run")

    assert ended.code == 4
    assert f"(process {product.engine_pid}) already runs in" in ended.err


def test_a_stop_says_what_it_waits_for(product: Product) -> None:
    product.apply("{kind: host, name: one, spec: {protocol: local}}")
    gate = product.folder / "gate"
    held = f"while [ -d {product.folder} ] && [ ! -e {gate} ]; do sleep 0.05; done"
    run_id = product.detached("run", "--direct", "--on", "one", "--", held)
    until(lambda: product.api("GET", f"/runs/{run_id}").json()["counts"].get("running"))

    ended = product.cli("engine", "stop", "--timeout", "1s")

    assert ended.code == 3
    assert "error: the engine is still stopping after 1s" in ended.err
    gate.touch()
    until(lambda: product.engine_pid is None)
    assert product.run("runs", "show", run_id, "--json").json()["run"]["state"] == "succeeded"


def test_a_home_that_cannot_be_used_says_why(product: Product) -> None:
    file = product.folder / "file"
    file.write_text("not a folder")

    ended = product.cli("runs", "list", "--home", file)

    assert ended.code == 3
    assert f"error: the home folder {file} cannot be used" in ended.err
    assert "hint: choose another with --home or JOBDECK_HOME" in ended.err


def test_wrong_settings_are_quoted_to_whoever_started_the_engine(product: Product) -> None:
    product.home.create()
    product.home.settings.write_text("max_targets = 'many'\n")

    ended = product.cli("runs", "list")

    assert ended.code == 3
    assert ended.err == (
        f"error: {product.home.settings} is not valid\n  max_targets: must be a whole number\n"
    )


def test_a_backup_brings_back_what_was_deleted(product: Product) -> None:
    product.apply("{kind: host, name: one, spec: {protocol: local}}")
    backup = product.folder / "copy.db"
    assert product.run("backup", backup).out == f"{backup}\n"
    product.run("delete", "host", "one", "--yes")

    running = product.cli("restore", backup, "--yes")
    assert running.code == 4
    assert "already runs" in running.err

    product.run("engine", "stop")
    unsure = product.cli("restore", backup)
    assert unsure.code == 2
    product.run("restore", backup, "--yes")
    assert product.run("hosts", "list", "--folded").out == "one\n"


def test_a_file_that_is_no_backup_changes_nothing(product: Product) -> None:
    product.apply("{kind: host, name: one, spec: {protocol: local}}")
    product.run("engine", "stop")
    other = product.folder / "other.db"
    other.write_bytes(b"no database" * 100)

    ended = product.cli("restore", other, "--yes")

    assert ended.code in (2, 3)
    assert ended.err.startswith("error: ")
    assert product.run("hosts", "list", "--folded").out == "one\n"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="this system has no /proc")
def test_the_engine_keeps_no_terminal_and_no_folder(product: Product) -> None:
    product.run("engine", "start")
    pid = product.engine_pid
    assert pid is not None

    assert os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    assert "engine run --background" in command_of(pid)


def test_an_engine_whose_socket_is_taken_away_makes_room_for_another(product: Product) -> None:
    product.apply("{kind: host, name: kept, spec: {}}")
    old = product.engine_pid
    product.home.socket.unlink()

    assert "kept" in product.run("get", "hosts").out
    assert product.engine_pid not in (None, old)
    assert "engine.socket-lost" in product.home.log.read_text()

"""What the product does when something breaks under it: engines killed, homes spoilt.

Real processes, real signals, real files. After each fault the next command either works and
has everything that was acknowledged, or says in one message what is wrong and changes nothing.
"""

from __future__ import annotations

import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, Gate
from tests.support.product import Ended, Product, command_of
from tests.support.sshd import Sshd, loopback
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ACCOUNT = "kind: account\nname: a\nspec: {user: ada, password: hush-hush}\n"
THIS_MACHINE = "kind: host\nname: here\nspec: {protocol: local}\n"


@pytest.fixture
def product() -> Iterator[Product]:
    """A product whose one host is this machine."""
    with Product() as product:
        product.apply(THIS_MACHINE)
        yield product


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with Gate(tmp_path) as gate:
        yield gate


def refused(ended: Ended, code: int, *words: str) -> None:
    """It ended with `code` and one message, in which all `words` stand; no traceback."""
    assert ended.code == code, ended.said
    assert ended.err.count("error:") == 1, ended.said
    assert "Traceback" not in ended.said
    for word in words:
        assert word in ended.err, ended.said


# ---------------------------------------------------------------------- the engine is killed


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Twelve hosts on a real sshd."""
    with Product() as product, Sshd(tmp_path / "sshd", loopback(12, 46)) as sshd:
        yield Fleet(product, sshd).join()


def killed_in_the_middle(fleet: Fleet, gate: Gate, tmp_path: Path, *, idempotent: bool) -> str:
    """A run of which four hosts have ended, four run directly and four wait when its engine is
    killed.
    """
    product = fleet.product
    product.apply(
        f"""
kind: job
name: middle
spec:
  targets: web*
  concurrency: 4
  steps:
  - name: only
    kind: command
    execution: direct
    idempotent: {str(idempotent).lower()}
    command: |
      case $JOBDECK_HOST in web00[1-4]) ;; *) echo begun; {gate.wait} ;; esac
      echo $JOBDECK_HOST >>{tmp_path}/done
      echo over
"""
    )
    run_id = product.detached("start", "middle")
    until(
        lambda: (
            product.api("GET", f"/runs/{run_id}").json()["counts"]
            == {"success": 4, "running": 4, "waiting": 4}
        )
    )
    for name in fleet.names(8)[4:]:
        until(lambda name=name: product.raw_output(run_id, name) == b"begun\n")
    product.kill_engine()
    return run_id


@pytest.mark.needs("sshd")
def test_after_a_kill_what_ended_is_kept_what_ran_directly_is_unknown_and_what_waited_runs(
    fleet: Fleet, gate: Gate, tmp_path: Path
) -> None:
    run_id = killed_in_the_middle(fleet, gate, tmp_path, idempotent=False)
    product = fleet.product

    gate.open()
    watched = product.cli("runs", "watch", run_id)

    assert watched.code == 5, watched.said
    run = product.shown(run_id)
    assert run["run"]["state"] == "abnormal"
    assert run["run"]["counts"] == {"success": 8, "unknown": 4}
    for target in run["targets"][4:8]:
        assert (target["state"], target["code"]) == ("unknown", "EngineLost")
        assert "the engine ended while this ran" in target["message"]
        assert product.raw_output(run_id, target["host"]) == b"begun\n"
    until(lambda: len((tmp_path / "done").read_text().split()) == 12)
    effects = Counter((tmp_path / "done").read_text().split())
    assert effects == dict.fromkeys(fleet.names(), 1)
    status = product.run("engine", "status", "--json").json()
    assert (status["recovered_runs"], status["live_runs"]) == (1, 0)


@pytest.mark.needs("sshd")
def test_after_a_kill_idempotent_work_runs_again(fleet: Fleet, gate: Gate, tmp_path: Path) -> None:
    run_id = killed_in_the_middle(fleet, gate, tmp_path, idempotent=True)
    product = fleet.product

    gate.open()
    product.run("runs", "watch", run_id)

    run = product.shown(run_id)
    assert (run["run"]["state"], run["run"]["counts"]) == ("succeeded", {"success": 12})
    effects = Counter((tmp_path / "done").read_text().split())
    assert all(effects[name] == 1 for name in [*fleet.names(4), *fleet.names()[8:]])
    for target in run["targets"][4:8]:
        assert product.raw_output(run_id, target["host"]).endswith(b"begun\nover\n")


def test_an_acknowledged_run_survives_a_kill_right_after_its_acknowledgement(
    product: Product,
) -> None:
    accepted = []
    for _ in range(5):
        accepted.append(product.detached("run", "--hosts", "here", "--", "echo ok"))
        product.kill_engine()

    listed = {run["id"] for run in product.run("runs", "list", "--json").json()}
    assert set(accepted) <= listed
    for run_id in accepted:
        assert product.ended(run_id)["state"] in ("succeeded", "abnormal")
    assert product.run("engine", "status", "--json").json()["live_runs"] == 0


def test_a_stale_socket_and_a_stale_lock_are_no_obstacle(product: Product) -> None:
    before = product.engine_pid
    product.kill_engine()
    assert product.home.socket.exists()
    assert product.home.lock.read_text() == f"{before}\n"

    assert product.run("get", "hosts").out.startswith("NAME")

    assert product.engine_pid not in (None, before)


def test_consoles_that_start_at_the_same_instant_share_one_engine(product: Product) -> None:
    product.run("engine", "stop")
    consoles = [product.open_console("get", "hosts", "--json") for _ in range(6)]

    printed = [console.communicate(timeout=60) for console in consoles]

    assert [console.returncode for console in consoles] == [0] * 6, printed
    assert all(b'"here"' in out for out, _ in printed)
    assert engines_of(product) == [product.engine_pid]


def engines_of(product: Product) -> list[int]:
    """Every engine process of the product's home."""
    table = subprocess.run(
        ["ps", "-ww", "-A", "-o", "pid=", "-o", "args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 1) for line in table.splitlines()]
    return [int(pid) for pid, args in rows if f"--home {product.home.root}" in args]


# ---------------------------------------------------------------------- the engine is stopped


def test_a_drain_finishes_the_run_and_refuses_new_ones(product: Product, gate: Gate) -> None:
    run_id = product.detached("run", "--hosts", "here", "--", f"{gate.wait}; echo over")
    until(lambda: running(product, run_id) == 1)
    stopping = product.open_console("engine", "stop", "--drain")
    until(lambda: product.api("GET", "/engine").json()["state"] == "stopping")

    late = product.cli("run", "--hosts", "here", "--", "true")
    refused(late, 4, "stopping")
    assert "running" in product.run("runs", "list").out
    gate.open()
    stopping.communicate()

    assert stopping.returncode == 0
    assert product.engine_pid is None
    assert product.shown(run_id)["run"]["state"] == "succeeded"
    assert len(product.run("runs", "list", "--json").json()) == 1


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """A file to which the work of `held_run` appends the name of each host that it starts on."""
    return tmp_path / "seen"


def held_run(product: Product, gate: Gate, seen: Path, *flags: str) -> str:
    """A run on four hosts, two at a time; its first two are at the gate."""
    product.apply(
        "---\n".join(
            f"kind: host\nname: n{number}\nspec: {{protocol: local}}\n" for number in range(4)
        )
    )
    work = f"echo $JOBDECK_HOST >>{seen}; {gate.wait}; echo over"
    run_id = product.detached("run", *flags, "--on", "n*", "--concurrency", "2", "--", work)
    until(lambda: seen.exists() and hosts_in(seen) == ["n0", "n1"])
    until(lambda: running(product, run_id) == 2)
    return run_id


def hosts_in(seen: Path) -> list[str]:
    return sorted(seen.read_text().split())


def ends_on_all_hosts(product: Product, run_id: str, seen: Path) -> None:
    """The next engine brings the run to its end, and no host worked twice."""
    product.run("runs", "watch", run_id)
    assert product.shown(run_id)["run"]["counts"] == {"success": 4}
    assert hosts_in(seen) == ["n0", "n1", "n2", "n3"]


@pytest.mark.parametrize("action", ["stop", "restart"])
def test_detached_work_holds_no_stop_up_and_the_next_engine_does_the_rest(
    product: Product, gate: Gate, seen: Path, action: str
) -> None:
    run_id = held_run(product, gate, seen)
    before = product.engine_pid

    product.run("engine", action)  # returns while both hosts are still at the gate

    assert (product.engine_pid is None) == (action == "stop")
    assert hosts_in(seen) == ["n0", "n1"]
    gate.open()
    ends_on_all_hosts(product, run_id, seen)
    assert product.engine_pid not in (None, before)


@pytest.mark.parametrize("action", ["stop", "restart"])
def test_a_stop_lets_direct_work_end_and_the_next_engine_does_the_rest(
    product: Product, gate: Gate, seen: Path, action: str
) -> None:
    run_id = held_run(product, gate, seen, "--direct")
    before = product.engine_pid

    stopping = product.open_console("engine", action)
    until(lambda: product.api("GET", "/engine").json()["state"] == "stopping")
    assert product.engine_pid == before
    gate.open()
    _, said = stopping.communicate()

    assert stopping.returncode == 0, said
    if action == "stop":
        assert product.engine_pid is None
        assert hosts_in(seen) == ["n0", "n1"]
    ends_on_all_hosts(product, run_id, seen)
    assert product.engine_pid not in (None, before)


@pytest.mark.parametrize("view", [(), ("--per-host",), ("--stream",)])
@pytest.mark.parametrize("how", ["restart", "kill"])
def test_a_console_that_watches_goes_on_with_the_next_engine(
    product: Product, gate: Gate, how: str, view: tuple[str, ...]
) -> None:
    work = f"echo begun; {gate.wait}; echo over"
    run_id = product.detached("run", "--hosts", "here", "--", work)
    until(lambda: running(product, run_id) == 1)
    before = product.engine_pid
    watching = product.open_console("runs", "watch", run_id, *view)
    until(lambda: follows(watching))

    if how == "restart":
        product.run("engine", "restart")
    else:
        product.kill_engine()  # nobody but the console starts the next one
    until(lambda: product.engine_pid not in (None, before))
    gate.open()
    out, said = watching.communicate(timeout=60)

    assert watching.returncode == 0, said
    assert out.count(b"begun\n") == out.count(b"over\n") == 1
    assert "✓ succeeded  ✓ 1 success" in said.decode()
    assert product.shown(run_id)["run"]["counts"] == {"success": 1}


def test_a_console_starts_no_engine_that_somebody_stopped(product: Product, gate: Gate) -> None:
    run_id = product.detached("run", "--hosts", "here", "--", f"{gate.wait}; echo over")
    until(lambda: running(product, run_id) == 1)
    watching = product.open_console("runs", "watch", run_id)
    until(lambda: follows(watching))

    product.run("engine", "stop")
    gate.open()

    assert product.engine_pid is None
    assert watching.poll() is None
    product.run("engine", "start")
    out, said = watching.communicate(timeout=60)
    assert (watching.returncode, out.count(b"over\n")) == (0, 1), said


def follows(console: subprocess.Popen[bytes]) -> bool:
    """Whether the console has begun to read the run's streams: each has a thread of its own."""
    return len(list(Path(f"/proc/{console.pid}/task").iterdir())) > 1


def running(product: Product, run_id: str) -> int:
    counts: dict[str, int] = product.api("GET", f"/runs/{run_id}").json()["counts"]
    return counts.get("running", 0)


# ---------------------------------------------------------------------- the disk is full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "jobdeck", folder], check=True
    )
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(file: Path) -> None:
    """Take every byte that is left."""
    with suppress(OSError), file.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(1 << 16))


@pytest.mark.needs_root
@pytest.mark.needs("mount")
def test_a_run_waits_for_room_on_a_full_disk_and_then_goes_on(
    small_disk: Path, gate: Gate, tmp_path: Path
) -> None:
    """Three steps, so that the disk is full in the middle of one and between two."""
    with Product(small_disk) as product:
        hosts = [f"n{number}" for number in range(4)]
        noise = "head -c 200000 /dev/urandom"
        steps = [
            f"echo $JOBDECK_HOST >>{tmp_path}/first; {gate.wait}; {noise}",
            f"echo $JOBDECK_HOST >>{tmp_path}/second; {noise}",
            f"echo $JOBDECK_HOST >>{tmp_path}/third; {noise}",
        ]
        job = "kind: job\nname: long\nspec:\n  targets: n*\n  steps:\n" + "".join(
            f"  - {{name: s{number}, kind: command, execution: direct, command: '{text}'}}\n"
            for number, text in enumerate(steps)
        )
        local = [f"kind: host\nname: {name}\nspec: {{protocol: local}}\n" for name in hosts]
        product.apply("---\n".join([job, *local]))
        run_id = product.detached("start", "long")
        until(lambda: running(product, run_id) == 4)
        fill(small_disk / "ballast")
        gate.open()
        until(lambda: "storage.refused" in product.log_end() or "disk is full" in said(product))

        refused(product.cli("run", "--on", "n*", "--", noise), 3, "the disk is full")
        status = product.run("engine", "status", "--json").json()
        assert status["live_runs"] == 1
        assert "the disk is full" in status["storage_fault"]
        assert "waits to be recorded" in product.run("engine", "status").out
        assert product.api("GET", f"/runs/{run_id}").json()["state"] == "running"

        (small_disk / "ballast").unlink()
        product.run("runs", "watch", run_id)
        assert product.run("engine", "status", "--json").json()["storage_fault"] == ""
        assert product.shown(run_id)["run"]["counts"] == {"success": 12}
        for name in ("first", "second", "third"):
            assert sorted((tmp_path / name).read_text().split()) == hosts
        assert len(product.raw_output(run_id, "n2", "--step", "s0")) == 200_000
        assert len(product.run("runs", "list", "--json").json()) == 1


def said(product: Product) -> str:
    """What a small write is answered."""
    return product.cli("apply", "-f", "-", stdin=f"{THIS_MACHINE}#{'x' * 1000}".encode()).err


# ---------------------------------------------------------------------- the home is spoilt


def test_a_damaged_database_is_named_with_the_way_out(product: Product) -> None:
    product.run("engine", "stop")
    product.home.database.write_bytes(b"this is no database" * 1000)
    before = product.home.database.read_bytes()

    ended = product.cli("get", "hosts")

    refused(ended, 3, "the database is damaged", "jobdeck restore")
    assert product.home.database.read_bytes() == before
    assert product.engine_pid is None


def test_a_database_of_a_newer_version_is_left_alone(product: Product) -> None:
    product.run("engine", "stop")
    with sqlite3.connect(product.home.database) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()

    refused(product.cli("get", "hosts"), 3, "newer version", "9999")


def test_wrong_settings_keep_the_engine_from_starting_and_are_named(product: Product) -> None:
    product.run("engine", "stop")
    product.home.settings.write_text("max_target = 5\nlog_level = 'loud'\n")

    refused(product.cli("get", "hosts"), 3, "settings.toml", "max_target", "max_targets", "'info'")

    product.home.settings.write_text("")
    product.run("get", "hosts")


def test_a_missing_key_file_is_named_and_no_new_key_is_made(product: Product) -> None:
    product.apply(f"{ACCOUNT}---\nkind: host\nname: there\nspec: {{account: a}}\n")
    product.run("engine", "stop")
    key = product.home.key_file.read_bytes()
    product.home.key_file.unlink()

    refused(product.cli("apply", "-f", "-", stdin=ACCOUNT.encode()), 3, "master.key")
    ended = product.cli("run", "--hosts", "there", "--", "true")
    assert (ended.code, "master.key" in ended.said) == (1, True), ended.said
    product.run("run", "--hosts", "here", "--", "true")
    assert not product.home.key_file.exists()

    product.home.key_file.touch(mode=0o600)
    product.home.key_file.write_bytes(key)
    product.run("engine", "restart")
    product.run("run", "--hosts", "here", "--", "true")


def test_a_key_file_that_others_can_read_is_refused(product: Product) -> None:
    product.apply(ACCOUNT)
    product.run("engine", "stop")
    product.home.key_file.chmod(0o644)

    refused(product.cli("get", "hosts"), 3, "master.key", "chmod 600")


def test_a_home_that_others_could_enter_is_closed_to_them(product: Product) -> None:
    product.run("engine", "stop")
    product.home.root.chmod(0o755)

    product.run("get", "hosts")

    assert product.home.root.stat().st_mode & 0o777 == 0o700


def test_a_folder_with_other_files_is_not_taken_for_a_home(product: Product) -> None:
    folder = product.folder / "documents"
    folder.mkdir(mode=0o755)
    (folder / "letter").write_text("dear")

    refused(product.cli("--home", folder, "get", "hosts"), 3, str(folder), "--home")

    assert folder.stat().st_mode & 0o777 == 0o755
    assert [file.name for file in folder.iterdir()] == ["letter"]


def test_a_home_that_is_a_file_is_refused(product: Product) -> None:
    file = product.folder / "file"
    file.write_text("")

    refused(product.cli("--home", file, "get", "hosts"), 3, str(file))


@pytest.mark.needs_root
def test_a_home_of_another_user_is_refused(product: Product) -> None:
    import os

    product.run("engine", "stop")
    os.chown(product.home.root, 12345, 12345)
    refused(product.cli("get", "hosts"), 3, "belongs to another user", "--home")
    os.chown(product.home.root, 0, 0)


def test_an_engine_whose_home_is_taken_away_ends_and_leaves_the_new_one_alone(
    product: Product, gate: Gate
) -> None:
    product.detached("run", "--direct", "--hosts", "here", "--", gate.wait)
    old = product.engine_pid
    assert old is not None
    product.home.root.rename(product.folder / "gone")

    assert "here" not in product.run("get", "hosts").out
    new = product.engine_pid
    gate.open()
    until(lambda: not command_of(old))

    assert new not in (None, old)
    product.run("get", "hosts")
    assert product.engine_pid == new
    with sqlite3.connect(product.folder / "gone" / "jobdeck.db") as database:
        states = database.execute("SELECT state FROM run").fetchall()
    database.close()
    assert states == [("succeeded",)]

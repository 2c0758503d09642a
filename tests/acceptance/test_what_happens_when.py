"""README, "What happens when ...": each line by the real product, real hosts and a real fault.

Lines that have their test elsewhere name it there.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, Gate
from tests.support.product import Product
from tests.support.sshd import Sshd, loopback
from tests.support.terminal import Terminal
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.needs("sshd")]


@pytest.fixture
def reattach_s() -> int:
    """How long a host that is lost is looked for."""
    return 3


@pytest.fixture
def fleet(tmp_path: Path, reattach_s: int) -> Iterator[Fleet]:
    """Six hosts."""
    settings = f"reattach_s = {reattach_s}\nconnect_timeout_s = 2\n"
    with Product(settings=settings) as product, Sshd(tmp_path / "sshd", loopback(6, 48)) as sshd:
        yield Fleet(product, sshd).join()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with Gate(tmp_path) as gate:
        yield gate


def begun(fleet: Fleet, gate: Gate, tmp_path: Path) -> str:
    """A run that every host has begun: it has printed, and waits at the gate."""
    product = fleet.product
    run_id = product.detached(
        "run", "--on", "all", "--",
        f"echo begun; echo complaint >&2; {gate.wait}; echo $JOBDECK_HOST >>{tmp_path}/ledger; echo over",
    )  # fmt: skip
    for name in fleet.names():
        until(lambda name=name: b"begun\n" in product.raw_output(run_id, name))
    return run_id


def assert_each_ran_once(fleet: Fleet, run_id: str, tmp_path: Path) -> None:
    """Every host has one result, all of its output, one effect, and nothing left behind."""
    product, names = fleet.product, fleet.names()
    run = product.shown(run_id)["run"]
    assert (run["state"], run["counts"]) == ("succeeded", {"success": len(names)})
    for name in names:
        assert product.raw_output(run_id, name, "--stdout") == b"begun\nover\n"
        assert product.raw_output(run_id, name, "--stderr") == b"complaint\n"
    assert Counter((tmp_path / "ledger").read_text().split()) == dict.fromkeys(names, 1)
    until(lambda: not claims(fleet.sshd))


def claims(sshd: Sshd) -> list[Path]:
    """What hosts still keep of attempts."""
    spool = sshd.home / ".jobdeck"
    return [path for path in spool.iterdir() if path.is_dir()] if spool.exists() else []


def test_the_engine_dies(fleet: Fleet, gate: Gate, tmp_path: Path) -> None:
    run_id = begun(fleet, gate, tmp_path)

    fleet.product.kill_engine()
    gate.open()  # every host ends while nobody listens
    fleet.product.run("runs", "watch", run_id)

    assert_each_ran_once(fleet, run_id, tmp_path)
    status = fleet.product.run("engine", "status", "--json").json()
    assert status["recovered_runs"] == 1
    assert sum(status["recovery"].values()) == len(fleet.names())


def test_the_engine_is_restarted_in_the_middle(fleet: Fleet, gate: Gate, tmp_path: Path) -> None:
    run_id = begun(fleet, gate, tmp_path)
    watching = fleet.product.open_console("runs", "watch", run_id)

    fleet.product.run("engine", "restart")
    state = fleet.product.api("GET", f"/runs/{run_id}").json()["state"]
    gate.open()
    out, said = watching.communicate(timeout=60)

    assert state == "running"
    assert (watching.returncode, out.count(b"over\n")) == (0, 1), said
    assert "✓ succeeded  ✓ 6 success" in said.decode()
    assert_each_ran_once(fleet, run_id, tmp_path)


def test_the_network_dies(fleet: Fleet, gate: Gate, tmp_path: Path) -> None:
    run_id = begun(fleet, gate, tmp_path)

    fleet.sshd.cut_connections()
    gate.open()
    fleet.product.run("runs", "watch", run_id)

    assert_each_ran_once(fleet, run_id, tmp_path)
    noted = fleet.product.run("runs", "output", run_id, "web001").out
    assert "the connection was lost" in noted
    assert "the host was reached again" in noted


@pytest.mark.needs("tmux")
@pytest.mark.parametrize("reattach_s", [60])
def test_a_lost_line_is_seen_while_the_host_is_looked_for(
    fleet: Fleet, gate: Gate, tmp_path: Path
) -> None:
    product = fleet.product
    run_id = begun(fleet, gate, tmp_path)
    with Terminal(tmp_path, product.env) as terminal:
        terminal.start(*product.command("runs", "watch", run_id))
        terminal.wait_for("0/6  ▸ 6 running")

        fleet.sshd.ignore_newcomers()
        fleet.sshd.cut_connections()
        terminal.wait_for("6 lines lost, looking for them for ")
        shown = product.run("runs", "show", run_id).out
        status = product.run("engine", "status").out
        fleet.sshd.resume()
        until(lambda: "lost, looking" not in terminal.screen())
        after = product.run("runs", "show", run_id).out
        gate.open()
        code, screen = terminal.ended()

    assert "6 lines lost, looking for them for " in status
    assert ": web[001-006]" in shown
    assert "lost, looking" not in after
    assert code == 0, screen


def test_a_host_stays_away_and_comes_back_later(fleet: Fleet, gate: Gate, tmp_path: Path) -> None:
    product = fleet.product
    run_id = begun(fleet, gate, tmp_path)

    fleet.sshd.ignore_newcomers()
    fleet.sshd.cut_connections()
    until(lambda: product.api("GET", f"/runs/{run_id}").json()["state"] == "abnormal")
    shown = product.cli("runs", "show", run_id)
    fleet.sshd.resume()
    gate.open()
    refused = product.cli("runs", "retry", run_id)
    product.run("runs", "resolve", run_id, "--look", "--wait", "--reason", "it is back")

    assert "runs resolve" in shown.said
    assert refused.code != 0
    assert "is not known" in refused.err
    assert_each_ran_once(fleet, run_id, tmp_path)


def test_a_target_restarts(fleet: Fleet, gate: Gate, tmp_path: Path) -> None:
    """The machine of the tests cannot be restarted: everything of the work is killed, and the
    claim is told another boot.
    """
    product = fleet.product
    run_id = begun(fleet, gate, tmp_path)

    fleet.sshd.ignore_newcomers()
    fleet.sshd.cut_connections()
    for claim in claims(fleet.sshd):
        text = (claim / "pid").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        assert boot in text
        (claim / "pid").write_text(text.replace(boot, "another-boot"))
        with suppress(ProcessLookupError):
            os.kill(int(text.split()[0]), signal.SIGKILL)
    fleet.sshd.resume()
    watched = product.cli("runs", "watch", run_id)

    assert watched.code == 5, watched.said
    for target in product.targets(run_id).values():
        assert (target["state"], target["code"]) == ("unknown", "ClaimBroken")
        assert "restarted" in target["message"]
        assert product.raw_output(run_id, target["host"], "--stdout") == b"begun\n"
    product.run("runs", "resolve", run_id, "--hosts", "web001", "--success")
    product.run("runs", "resolve", run_id, "--failed", "--reason", "rebooted for the kernel")
    shown = product.run("runs", "show", run_id).out
    assert "✓ success, by word of" in shown
    assert "✗ failed, by word of" in shown
    assert "unknown" not in shown
    run = product.shown(run_id)["run"]
    assert run["reason"] == "5 of 6 targets did not succeed in step command"
    assert run["counts"] == {"success": 1, "failed": 5}
    assert run["state"] == "partially_succeeded"

"""Worker processes of a real engine: many hosts, deaths, and what is left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import alive, parent_of
from tests.support.product import Product
from tests.support.sshd import Sshd, children_of, loopback, temporary_sshd
from tests.support.waiting import until
from tests.support.work import key_text

pytestmark = [pytest.mark.needs("sshd"), pytest.mark.timeout(120)]

HOSTS = 12
SETTINGS = "workers = 2\nworkers_from = 2\n"


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with temporary_sshd(addresses=loopback(HOSTS, network=35)) as started:
        yield started


@pytest.fixture
def product(sshd: Sshd) -> Iterator[Product]:
    with Product(settings=SETTINGS) as made:
        key = made.folder / "key"
        key.touch(mode=0o600)
        key.write_text(key_text(sshd.client_key))
        lines = [
            f"kind: account\nname: me\nspec: {{user: {os.environ.get('USER', 'root')}, key_file: {key}}}"
        ]
        lines += [
            f"kind: host\nname: web{n}\n"
            f"spec: {{address: {address}, port: {sshd.port}, account: me}}"
            for n, address in enumerate(sshd.addresses)
        ]
        made.apply("\n---\n".join(lines))
        known = "".join(f"[{a}]:{sshd.port} {sshd.public_host_key()}\n" for a in sshd.addresses)
        answer = made.api("POST", "/host-keys/import", json={"known_hosts": known})
        assert answer.status_code == 200, answer.text
        yield made


def workers(product: Product) -> list[int]:
    return [each["pid"] for each in product.api("GET", "/engine").json()["workers"]]


def helpers(product: Product) -> list[int]:
    """The zygote and all workers."""
    engine = product.engine_pid
    assert engine is not None
    return children_of([engine])


def start(product: Product, text: str) -> str:
    hosts = ",".join(f"web{n}" for n in range(HOSTS))
    return product.detached("run", "--hosts", hosts, "--", text)


def test_many_hosts_are_shared_with_workers_and_the_status_shows_them(product: Product) -> None:
    run = start(product, "sleep 1; echo done")
    until(lambda: len(workers(product)) == 2)
    shown = product.run("engine", "status").out
    shown_zh = product.cli("engine", "status", env={"JOBDECK_LANG": "zh_CN"}).out

    assert product.ended(run)["counts"] == {"success": HOSTS}
    for pid in workers(product):
        assert f"process {pid}: " in shown
        assert f"进程 {pid}：" in shown_zh


def test_a_few_hosts_need_no_worker(product: Product) -> None:
    product.run("run", "--hosts", "web0", "--", "true")

    assert workers(product) == []


def test_a_killed_worker_costs_its_own_hosts_only(product: Product) -> None:
    run = start(product, "sleep 3; echo done")
    until(lambda: len(workers(product)) == 2)
    until(lambda: product.api("GET", "/engine").json()["targets_running"] == HOSTS)
    os.kill(workers(product)[0], signal.SIGKILL)

    counts = product.ended(run)["counts"]
    assert sum(counts.values()) == HOSTS
    assert counts["success"] >= HOSTS / 2
    assert "worker.died" in product.log_end()
    again = start(product, "echo again")
    assert product.ended(again)["counts"] == {"success": HOSTS}


def test_a_killed_zygote_costs_nothing_and_the_next_one_starts_workers_that_outlive_nobody(
    product: Product,
) -> None:
    run = start(product, "sleep 2; echo done")
    until(lambda: len(workers(product)) == 2)
    first = workers(product)
    os.kill(parent_of(first[0]), signal.SIGKILL)
    until(lambda: "zygote.died" in product.log_end())

    assert product.ended(run)["counts"] == {"success": HOSTS}
    assert workers(product) == first

    run = start(product, "sleep 4; echo done")
    until(lambda: product.api("GET", "/engine").json()["targets_running"] == HOSTS)
    for pid in first:
        os.kill(pid, signal.SIGKILL)

    assert product.ended(run)["counts"] == {"success": HOSTS}
    until(lambda: len(workers(product)) == 2)
    second = workers(product)
    left = helpers(product)
    assert not set(first) & set(second)
    assert set(second) < set(left)
    assert product.log_end().count("zygote.died") == 1
    product.kill_engine()
    until(lambda: not alive(left))


@pytest.mark.parametrize("pause", [False, True], ids=["alive", "stopped"])
def test_workers_go_with_a_killed_engine_and_the_next_one_starts_at_once(
    product: Product, pause: bool
) -> None:
    start(product, "sleep 1000")
    until(lambda: len(workers(product)) == 2)
    left = helpers(product)
    assert set(workers(product)) < set(left)
    if pause:
        os.kill(workers(product)[0], signal.SIGSTOP)

    product.kill_engine()
    product.run("engine", "start")

    until(lambda: not alive(left), patience_s=1)


def test_no_helper_holds_a_file_of_the_home(product: Product) -> None:
    start(product, "sleep 5")
    until(lambda: len(workers(product)) == 2)
    for pid in helpers(product):
        names = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        assert not [name for name in names if str(product.home.root) in name]


def test_a_stopped_engine_leaves_nobody(product: Product) -> None:
    run = start(product, "sleep 0.5")
    until(lambda: len(workers(product)) == 2)
    product.ended(run)
    left = helpers(product)

    product.run("engine", "stop")

    assert alive(left) == []


def test_signals_for_the_whole_group_do_not_end_the_helpers(product: Product) -> None:
    run = start(product, "sleep 2; echo done")
    until(lambda: len(workers(product)) == 2)
    for pid in helpers(product):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, number)

    assert product.ended(run)["counts"] == {"success": HOSTS}


def test_with_none_wanted_there_is_no_helper(product: Product) -> None:
    product.run("engine", "stop")
    product.home.settings.write_text("workers = 0\n")

    run = start(product, "echo here")

    assert product.ended(run)["counts"] == {"success": HOSTS}
    assert helpers(product) == []

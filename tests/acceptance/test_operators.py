"""What operators do with runs, as they do it: retry, ignore, start again, end by force, leave notes.

A real sshd, a real engine process, real command lines. Every work appends a line to a ledger
on its host, so whatever ran twice would be seen there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, Gate, host
from tests.support.product import Product
from tests.support.sshd import Sshd, loopback
from tests.support.waiting import until

pytestmark = [pytest.mark.needs("sshd"), pytest.mark.slow, pytest.mark.timeout(180)]

JOB = """
kind: job
name: release
spec:
  targets: web*
  parameters: [{{name: VERSION, default: '1'}}]
  steps:
  - name: copy
    kind: command
    command: |
      echo "$JOBDECK_HOST" >>{folder}/copy
      echo "version $VERSION"
      test ! -e {folder}/broken-$JOBDECK_HOST
  - name: restart
    kind: command
    command: echo "$JOBDECK_HOST" >>{folder}/restart
"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("sshd")
    with Product() as product, Sshd(folder, loopback(3, 63)) as sshd:
        yield Fleet(product, sshd).join()


@pytest.fixture
def failed(fleet: Fleet, tmp_path: Path) -> str:
    """A run of which the first step failed on web003; the cause is mended since."""
    fleet.product.apply(JOB.format(folder=tmp_path))
    (tmp_path / "broken-web003").touch()
    run_id = fleet.product.detached("start", "release", "-p", "VERSION=2")
    assert fleet.product.ended(run_id)["state"] == "partially_succeeded"
    (tmp_path / "broken-web003").unlink()
    return run_id


def ledger(folder: Path, step: str) -> Counter[str]:
    """Host -> how often the step's work began there."""
    file = folder / step
    return Counter(file.read_text().split() if file.exists() else ())


def test_a_retry_runs_only_the_host_that_failed_and_then_the_later_steps(
    fleet: Fleet, failed: str, tmp_path: Path
) -> None:
    product = fleet.product
    assert ledger(tmp_path, "restart") == {}

    ended = product.run("runs", "retry", failed, "--reason", "disk replaced")

    assert "attempt 2 of step copy: 1 host  web003" in ended.err
    assert ledger(tmp_path, "copy") == {"web001": 1, "web002": 1, "web003": 2}
    assert ledger(tmp_path, "restart") == {"web001": 1, "web002": 1, "web003": 1}
    run = product.api("GET", f"/runs/{failed}").json()
    assert (run["state"], run["actions"]) == ("succeeded", ["rerun"])
    assert product.raw_output(failed, "web001", "--step", "copy") == b"version 2\n"
    shown = product.run("runs", "show", failed).out
    assert "History:" in shown
    assert "disk replaced" in shown
    again = product.cli("runs", "retry", failed)
    assert (again.code, "retry is not possible" in again.err) == (4, True)
    assert sum(ledger(tmp_path, "copy").values()) == 4


def test_an_engine_that_is_killed_in_a_retry_runs_nothing_twice(
    fleet: Fleet, failed: str, tmp_path: Path
) -> None:
    product = fleet.product

    product.run("runs", "retry", failed, "--detach")
    product.kill_engine()
    product.run("engine", "start")

    assert product.ended(failed)["state"] == "succeeded"
    assert ledger(tmp_path, "copy") == {"web001": 1, "web002": 1, "web003": 2}
    assert ledger(tmp_path, "restart") == {"web001": 1, "web002": 1, "web003": 1}


def test_an_ignored_failure_lets_the_later_steps_run(
    fleet: Fleet, failed: str, tmp_path: Path
) -> None:
    ended = fleet.product.cli("runs", "ignore", failed, "--reason", "web003 is new", "--wait")

    assert ended.code == 1, ended.said
    assert ledger(tmp_path, "copy") == {"web001": 1, "web002": 1, "web003": 1}
    assert ledger(tmp_path, "restart") == {"web001": 1, "web002": 1, "web003": 1}
    run = fleet.product.api("GET", f"/runs/{failed}").json()
    assert run["state"] == "partially_succeeded"
    assert [step["state"] for step in run["steps"]] == ["error_ignored", "succeeded"]


def test_again_starts_a_run_like_the_one_before(fleet: Fleet, failed: str, tmp_path: Path) -> None:
    product = fleet.product

    ended = product.run("runs", "again", failed, "--hosts", "web002")

    assert "copy  1 host  web002" in ended.err
    assert ledger(tmp_path, "copy") == {"web001": 1, "web002": 2, "web003": 1}
    newest = product.run("runs", "list", "--limit", "1", "--json").json()[0]["id"]
    assert newest != failed
    assert product.raw_output(newest, "web002", "--step", "copy") == b"version 2\n"


def test_notes_are_shown_with_the_run_and_marked_in_lists(fleet: Fleet, failed: str) -> None:
    product = fleet.product

    product.run("runs", "note", failed, "handled, ticket 123 / 已处理")

    assert "handled, ticket 123 / 已处理" in product.run("runs", "show", failed).out
    assert [run["id"] for run in product.run("runs", "list", "--noted", "--json").json()] == [
        failed
    ]


def test_a_stop_that_hangs_on_a_silent_host_is_ended_by_force(tmp_path: Path) -> None:
    with (
        Product() as product,
        Sshd(tmp_path / "sshd", loopback(2, 64)) as sshd,
        Gate(tmp_path) as gate,
    ):
        Fleet(product, sshd).join()
        work = f"echo $JOBDECK_HOST >>{tmp_path}/begun; {gate.wait}"
        run_id = product.detached("run", "--on", "web*", "--", work)
        until(lambda: sum(ledger(tmp_path, "begun").values()) == 2)
        sshd.pause()
        try:
            product.run("runs", "stop", run_id)
            assert product.api("GET", f"/runs/{run_id}").json()["state"] == "stopping"
            ended = product.cli("runs", "force-stop", run_id, "--wait")
        finally:
            sshd.resume()

        assert ended.code == 5, ended.said
        run = product.api("GET", f"/runs/{run_id}").json()
        assert (run["state"], run["counts"]) == ("abnormal", {"unknown": 2})
        targets = product.targets(run_id)
        assert {target["code"] for target in targets.values()} == {"CancelUnverified"}
        refused = product.cli("runs", "retry", run_id)
        assert (refused.code, "2 hosts (web[001-002])" in refused.err) == (4, True)
        assert ledger(tmp_path, "begun") == {"web001": 1, "web002": 1}


def test_the_summary_names_hosts_that_ran_without_a_claim(fleet: Fleet) -> None:
    product, address = fleet.product, fleet.sshd.addresses[0]
    for name in ("odd1", "odd2"):  # /proc takes no folders, whoever asks
        product.apply(host(name, address, fleet.sshd.port, spool="/proc/claims"))

    ended = product.run("run", "--hosts", "odd1,odd2,web002", "--", "true")
    shown = product.run("runs", "show", "last").out
    product.run("run", "--hosts", "odd1,odd2,web002", "--direct", "--", "true")
    wanted = product.run("runs", "show", "last").out

    assert "2 hosts ran directly: odd[1-2]" in ended.err
    assert "2 hosts ran directly: odd[1-2]" in shown
    assert "directly" not in wanted

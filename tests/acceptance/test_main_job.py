"""The main job, as a person does it: define two hundred hosts, run work on them, come back.

A real sshd, a real engine process, real command lines. The engine and the hosts are shared
by the tests of this file; each has its own runs.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, Gate
from tests.support.product import Product, command_of
from tests.support.sshd import Sshd, loopback
from tests.support.waiting import until

pytestmark = [pytest.mark.needs("sshd"), pytest.mark.slow, pytest.mark.timeout(180)]

HOSTS = 200


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("sshd")
    with Product() as product, Sshd(folder, loopback(HOSTS, 41)) as sshd:
        yield Fleet(product, sshd).join()


@pytest.fixture
def product(fleet: Fleet) -> Product:
    return fleet.product


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with Gate(tmp_path) as gate:
        yield gate


def number_of(host: str) -> int:
    return int(host.removeprefix("web"))


def running(product: Product, run_id: str) -> int:
    """How many hosts of the run are running."""
    counts: dict[str, int] = product.api("GET", f"/runs/{run_id}").json()["counts"]
    return counts.get("running", 0)


def test_two_hundred_hosts_answer_each_for_itself_and_in_order(fleet: Fleet) -> None:
    work = 'n=${JOBDECK_HOST#web}; echo "I am $JOBDECK_HOST"; exit $((${n#"${n%%[!0]*}"} % 3))'

    ended = fleet.product.cli("run", "--on", "web*", "--json", "--per-host", "--", work)

    assert ended.code == 1, ended.said
    run = ended.json()
    assert run["run"]["state"] == "partially_succeeded"
    assert run["run"]["counts"] == {"success": 66, "failed": 134}
    seen = [(target["host"], target["exit_code"], target["output"]) for target in run["targets"]]
    assert seen == [(name, number_of(name) % 3, f"I am {name}\n") for name in fleet.names()]


def test_identical_answers_stand_together_with_folded_hosts(product: Product) -> None:
    ended = product.cli("run", "--on", "web*", "--", 'test "$JOBDECK_HOST" != web007 && echo fine')

    assert ended.code == 1
    # What went wrong stands last, next to the prompt.
    assert ended.out == (
        "✓ success  exit 0  199 hosts  web[001-006,008-200]\n    fine\n"
        "✗ failed  exit 1  1 host  web007\n"
    )
    assert "✗ 1 failed" in ended.err
    assert "✓ 199 success" in ended.err


def test_two_groups_are_told_apart_line_by_line(product: Product) -> None:
    work = 'echo same; [ "$JOBDECK_HOST" = web003 ] && echo "old kernel" || echo "new kernel"'
    run_id = product.detached("run", "--hosts", "web[001-005]", "--", work)
    product.ended(run_id)

    diff = product.run("runs", "diff", run_id, "--a", "web001", "--b", "web003").out

    lines = [line for line in diff.splitlines() if "kernel" in line or "same" in line]
    assert lines == [" same", "-new kernel", "+old kernel"]


def test_a_saved_job_hands_its_values_from_step_to_step(product: Product, tmp_path: Path) -> None:
    odd = 'it\'s "quoted" $(touch /tmp/never) `id` ; & | \\ 端口\ttab'
    product.apply(
        """
kind: job
name: release
spec:
  targets: web[001-020]
  parameters:
  - {name: VERSION, required: true}
  - {name: PORT, type: number, default: 8080}
  - {name: FLAGS, type: map, default: {fast: true}}
  - {name: NOTE, default: ''}
  steps:
  - name: measure
    kind: script
    language: sh
    outputs: collect
    host_outputs: [OWN]
    text: |
      echo "::set OWN=$JOBDECK_HOST-own::"
      echo "::set PLAN=release $VERSION::"
      printf '{"SIZES": [1, 2, 3]}' >"$JOBDECK_OUTPUT"
  - name: decide
    kind: command
    targets: web001
    command: 'echo "::set DECISION=$PLAN on $PORT::"'
  - name: act
    kind: command
    command: 'printf "%s|%s|%s|%s|%s|%s" "$OWN" "$DECISION" "$SIZES" "$FLAGS" "$PORT" "$NOTE"'
"""
    )

    ended = product.run("start", "release", "-p", "VERSION=1.4", "-p", f"NOTE={odd}", "--json")

    run = ended.json()
    assert run["run"]["state"] == "succeeded"
    assert [(step["step"], step["state"]) for step in run["run"]["steps"]] == [
        ("measure", "succeeded"),
        ("decide", "succeeded"),
        ("act", "succeeded"),
    ]
    printed = product.raw_output(run["run"]["id"], "web007", "--step", "act").decode()
    own, decision, sizes, flags, port, note = printed.split("|", 5)
    assert own == "web007-own"
    assert "release 1.4" in decision
    assert "1,2,3" in sizes
    assert (flags, port, note) == ('{"fast":true}', "8080", odd)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGINT])
def test_a_run_goes_on_without_its_console(
    fleet: Fleet, gate: Gate, number: signal.Signals
) -> None:
    product = fleet.product
    work = f'echo "$JOBDECK_HOST is here"; {gate.wait}; echo over'
    console = product.open_console("run", "--on", "web*", "--concurrency", "200", "--", work)
    until(lambda: "running" in product.run("runs", "list", "--limit", "1").out)
    run_id = product.run("runs", "list", "--limit", "1", "--json").json()[0]["id"]
    until(lambda: running(product, run_id) == HOSTS)

    console.send_signal(number)
    said = console.communicate()[1].decode()

    if number is signal.SIGINT:
        assert console.returncode == 130
        assert f"jobdeck runs watch {run_id[:12]}" in said
    assert product.api("GET", f"/runs/{run_id}").json()["state"] == "running"
    watching = product.open_console("runs", "watch", "last")
    gate.open()
    printed = watching.communicate()[0].decode()
    assert watching.returncode == 0
    assert "✓ success  exit 0  200 hosts  web[001-200]\n    web001 is here\n    over\n" in printed
    assert product.shown(run_id)["run"]["state"] == "succeeded"
    found = product.run("runs", "search", run_id, "web123 is here", "--json").json()
    assert [(match["host"], match["line"]) for match in found] == [("web123", 1)]
    assert product.raw_output(run_id, "web200") == b"web200 is here\nover\n"


def test_detach_prints_the_id_and_leaves(product: Product, gate: Gate) -> None:
    started = product.run("run", "--detach", "--hosts", "web001", "--", gate.wait)

    run_id = started.out.strip()
    assert started.stdout == f"{run_id}\n".encode()
    assert product.api("GET", f"/runs/{run_id}").json()["finished_at"] is None
    gate.open()
    assert product.ended(run_id)["state"] == "succeeded"


def test_cancel_ends_what_runs_and_starts_nothing_more(
    fleet: Fleet, gate: Gate, tmp_path: Path
) -> None:
    product = fleet.product
    pids_file = f"{tmp_path}/$JOBDECK_HOST.pid"
    work = f"sleep 600 & echo $$ $! >{pids_file}; {gate.wait}"
    run_id = product.detached("run", "--on", "web*", "--concurrency", "8", "--", work)
    until(lambda: running(product, run_id) == 8 and len(list(tmp_path.glob("*.pid"))) == 8)

    product.run("runs", "cancel", run_id, "--reason", "wrong hosts", "--wait")

    run = product.shown(run_id)
    assert run["run"]["state"] == "stopped"
    assert "wrong hosts" in run["run"]["reason"]
    assert run["run"]["counts"] == {"terminated": 8, "not_started": 192}
    pids = [int(pid) for file in tmp_path.glob("*.pid") for pid in file.read_text().split()]
    assert len(pids) == 16
    assert [pid for pid in pids if command_of(pid)] == []
    again = product.cli("runs", "cancel", run_id)
    assert again.code == 4
    assert "stop is not possible" in again.err


def test_the_same_request_with_the_same_key_starts_once(product: Product) -> None:
    request = {
        "step": {"kind": "command", "name": "main", "command": "echo once"},
        "hosts": ["web001"],
    }
    headers = {"Idempotency-Key": "the-only-one"}
    first = product.api("POST", "/runs", json=request, headers=headers)
    second = product.api("POST", "/runs", json=request, headers=headers)
    other = product.api("POST", "/runs", json={**request, "hosts": ["web002"]}, headers=headers)

    assert first.status_code == second.status_code == 202
    assert first.json()["id"] == second.json()["id"]
    assert other.json()["code"] == "idempotency-key-reused"
    assert other.status_code in (400, 409, 422)
    product.ended(first.json()["id"])
    titles = product.run("runs", "list", "--json", "echo once").json()
    assert [run["id"] for run in titles] == [first.json()["id"]]

"""Rolling runs as a person starts them: a real sshd, a real engine process, real command lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fleet import Fleet
from tests.support.product import Product
from tests.support.sshd import Sshd, loopback
from tests.support.waiting import until

pytestmark = [pytest.mark.needs("sshd"), pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("sshd")
    with Product() as product, Sshd(folder, loopback(6, 43)) as sshd:
        yield Fleet(product, sshd).join()


@pytest.fixture
def product(fleet: Fleet) -> Product:
    return fleet.product


def state_of(product: Product, run_id: str) -> str:
    state: str = product.api("GET", f"/runs/{run_id}").json()["state"]
    return state


def batches_of(product: Product, run_id: str) -> list[tuple[str, str]]:
    detail = product.api("GET", f"/runs/{run_id}").json()
    return [(batch["folded"], batch["state"]) for batch in detail["batches"]]


def test_a_rolling_run_stops_where_more_failed_than_is_borne(
    product: Product, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    work = f'echo "$JOBDECK_HOST" >>{ledger}; case $JOBDECK_HOST in web00[23]) exit 1;; esac'

    ended = product.cli(
        "run", "--on", "web*", "--batch", "1 +1", "--max-fail", "1", "--mode", "pause_on_fail",
        "--", work,
    )  # fmt: skip

    assert ended.code == 1, ended.said
    assert "step command rolls in 3 batches:" in ended.err
    assert "batch 2/3  2  web[002-003]" in ended.err
    assert sorted(ledger.read_text().split()) == ["web001", "web002", "web003"]
    assert "batch 2 of 3 failed: 2 of 2 targets did not succeed" in ended.said
    shown = product.run("runs", "show", "last").out
    rows = [line.split()[:3] for line in shown.splitlines() if line[:4] in ("1/3 ", "2/3 ", "3/3 ")]
    assert rows == [["1/3", "✓", "succeeded"], ["2/3", "✗", "failed"], ["3/3", "-", "stopped"]]


def test_a_retry_goes_on_where_the_roll_ended(product: Product, tmp_path: Path) -> None:
    ledger, mended = tmp_path / "ledger", tmp_path / "mended"
    work = f'echo "$JOBDECK_HOST" >>{ledger}; [ $JOBDECK_HOST != web003 ] || [ -e {mended} ]'
    run_id = product.detached("run", "--on", "web*", "--batch", "2", "--", work)
    product.ended(run_id)
    assert state_of(product, run_id) == "failed"
    mended.touch()

    for scope in ("failed", "not_started"):
        retry = {"action": "retry", "scope": scope}
        answer = product.api("POST", f"/runs/{run_id}/actions", json=retry)
        assert answer.status_code == 202, answer.text
        product.ended(run_id)

    assert state_of(product, run_id) == "succeeded"
    ran = sorted(ledger.read_text().split())
    assert ran == sorted(["web003", *(f"web00{number}" for number in range(1, 7))])


def test_manual_batches_wait_for_continue_also_over_a_restart_of_the_engine(
    product: Product, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    run_id = product.detached(
        "run", "--on", "web*", "--batch", "2", "--mode", "manual",
        "--", f'echo "$JOBDECK_HOST" >>{ledger}',
    )  # fmt: skip
    until(lambda: state_of(product, run_id) == "waiting_user")
    product.run("engine", "restart")
    assert state_of(product, run_id) == "waiting_user"
    assert len(ledger.read_text().split()) == 2

    product.run("runs", "continue", run_id, "--reason", "looks fine")
    until(
        lambda: state_of(product, run_id) == "waiting_user" and len(ledger.read_text().split()) == 4
    )
    assert [state for _, state in batches_of(product, run_id)] == [
        "succeeded", "succeeded", "waiting",
    ]  # fmt: skip
    ended = product.run("runs", "continue", run_id, "--wait")
    assert "✓ 6 success" in ended.err
    assert sorted(ledger.read_text().split()) == fleet_names()
    refused = product.cli("runs", "continue", run_id)
    assert refused.code == 4
    assert "continue is not possible" in refused.err


def fleet_names() -> list[str]:
    return [f"web00{number}" for number in range(1, 7)]


def test_a_health_check_between_batches_is_a_run_of_its_own(
    product: Product, tmp_path: Path
) -> None:
    product.apply(
        """
kind: job
name: probe
spec:
  steps:
  - {name: ask, kind: command, command: 'test "$JOBDECK_HOST" != web003'}
"""
    )
    ended = product.cli("run", "--on", "web*", "--batch", "2", "--health", "probe", "--", "true")

    assert ended.code == 1
    assert "batch 2 of 3 failed: health check" in ended.said
    runs = product.run("runs", "list", "--job", "probe", "--nested", "--json").json()
    assert [(run["actor"], run["state"]) for run in runs] == [
        ("engine", "partially_succeeded"),
        ("engine", "succeeded"),
    ]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--batch", "5 x"], "column 3: 'x' is no part of it"),
        (["--batch", ""], "it has no part"),
        (["--mode", "manuel"], "--mode: 'manuel' is not known"),
        (["--max-fail", "lots"], "--max-fail: 'lots' does not fit"),
        (["--min-success", "120%"], "--min-success: '120%' does not fit"),
        (["--order", "random"], "--order: 'random' is not known"),
        (["--soak", "soon"], "--soak: 'soon' is not a duration"),
        (["--health", "porbe"], "job 'porbe' does not exist"),
        (["--rank", "tier"], "--rank: no target has a label or a variable 'tier'"),
        (["--stagger", "8m~5m"], "--stagger: '8m~5m' does not fit"),
        (["--stagger", "5m", "--mode", "manual"], "mode manual waits for a person"),
    ],
)
def test_a_wrong_flag_is_answered_in_one_message_and_starts_nothing(
    product: Product, flags: list[str], said: str
) -> None:
    before = product.run("runs", "list", "--json").json()
    refused = product.cli("run", "--on", "web*", *flags, "--", "true")
    assert refused.code == 2, refused.said
    assert said in refused.err
    assert product.run("runs", "list", "--json").json() == before

"""Dry runs as a person makes them, over hosts that are ready and hosts that are not."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.support.fleet import Fleet, account, host
from tests.support.product import Product
from tests.support.sshd import Sshd, free_port, loopback, temporary_sshd
from tests.support.users import Users
from tests.support.waiting import until

pytestmark = [pytest.mark.needs("sshd"), pytest.mark.slow, pytest.mark.timeout(180)]

_SETTINGS = "connect_timeout_s = 3\n"
_JOB = """
kind: environment
name: prod
spec: {confirm: true}
---
kind: script
name: check
spec: {language: sh, text: "echo one"}
---
kind: job
name: deploy
spec:
  targets: web001,web002
  parameters: [{name: TOKEN, type: secret, required: true}]
  steps:
    - {name: install, kind: command, command: "echo $TOKEN | wc -c"}
    - {name: check, kind: script, script: {name: check}}
"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("sshd")
    with Product(settings=_SETTINGS) as product, Sshd(folder, loopback(3, 46)) as sshd:
        fleet = Fleet(product, sshd).join()
        product.apply(_JOB)
        yield fleet


@pytest.fixture
def product(fleet: Fleet) -> Product:
    return fleet.product


def test_a_probe_says_of_every_host_what_would_be_in_the_way(fleet: Fleet, tmp_path: Path) -> None:
    product, sshd = fleet.product, fleet.sshd
    address, moved = sshd.addresses[0], loopback(1, 47)[0]
    stranger = fleet.key_file("stranger", asyncssh.generate_private_key("ssh-ed25519"))
    with Sshd(tmp_path / "before", [moved]) as before:
        before.authorize(sshd.client_key)
        product.apply(host("moved", moved, before.port))
        product.cli("run", "--hosts", "moved", "--", "true")
        product.run("hosts", "keys", "approve", "moved")
    with (
        Sshd(tmp_path / "after", [moved], port=before.port) as after,
        Sshd(tmp_path / "new", loopback(1, 48)) as new,
    ):
        new.authorize(sshd.client_key)
        after.authorize(sshd.client_key)
        product.apply(
            "---\n".join(
                [
                    account("stranger", key_file=stranger),
                    host("stranger", address, sshd.port, account="stranger"),
                    host("closed", address, free_port([address])),
                    host("new", new.addresses[0], new.port),
                    host("nospool", address, sshd.port, spool="/proc/jobdeck"),
                ]
            )
        )
        script = tmp_path / "work"
        marker = tmp_path / "marker"
        script.write_text(f"touch {marker}\n")
        hosts = "web001,moved,stranger,closed,new,nospool"
        there = sorted(sshd.home.rglob("*"))

        ended = product.cli("run", "--hosts", hosts, "--probe", "--json", "--script", script)
        plan = ended.json()
        shown = product.cli("plans", "show", plan["id"])
        pending = product.run("hosts", "keys", "list", "--status", "pending").out

    found = {item["host"]: (item["state"], item["code"]) for item in plan["findings"]}
    assert found == {
        "web001": ("success", None),
        "moved": ("host_key_failed", "HostKeyChanged"),
        "stranger": ("auth_failed", "AuthenticationFailure"),
        "closed": ("unreachable", "ConnectionFailure"),
        "new": ("host_key_failed", "HostKeyPending"),
        "nospool": ("success", None),
    }
    notes = {item["host"]: item["notes"] for item in plan["findings"]}
    assert "spool-unusable" in notes["nospool"]
    assert "spool-unusable" not in notes["web001"]
    facts = next(item["facts"] for item in plan["findings"] if item["host"] == "web001")
    assert facts["interpreters"]["sh"].endswith("/sh")
    assert facts["spool"] == f"{sshd.home}/.jobdeck"
    assert "clock-skew" not in notes["web001"]
    assert ended.code == shown.code == 1
    assert "nobody has approved yet" in shown.out
    assert "new" in pending
    assert not marker.exists(), "a probe ran the work"
    assert sorted(sshd.home.rglob("*")) == there, "a probe left something behind"


def test_an_interpreter_that_a_host_does_not_have_is_found_before_the_start(
    product: Product, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text("#!/opt/none/python9\nprint(1)\n")

    ended = product.cli("run", "--hosts", "web[001-003]", "--probe", "--script", script)

    assert ended.code == 1
    assert "3 hosts  web[001-003]" in ended.out
    assert "the interpreter '/opt/none/python9' is not installed there" in ended.out


@pytest.mark.skipif(os.geteuid() != 0, reason="other users' homes need root")
def test_a_home_that_cannot_be_written_keeps_no_claim() -> None:
    with (
        Product(settings=_SETTINGS) as product,
        Users() as users,
        temporary_sshd(addresses=loopback(1, 49), own_homes=True) as sshd,
    ):
        user = users.user("readonly")
        os.chown(user.home, 0, 0)
        user.home.chmod(0o555)
        fleet = Fleet(product, sshd, prefix="ro")
        fleet.join()
        key = fleet.key_file("readonly", sshd.client_key)
        spec = f"kind: account\nname: readonly\nspec: {{user: {user.name}, key_file: {key}}}\n"
        product.apply(spec)

        plan = product.run(
            "run", "--on", "all", "--as", "readonly", "--probe", "--json", "--", "id"
        ).json()

    finding = plan["findings"][0]
    assert (finding["state"], finding["notes"]) == ("success", ["spool-unusable"])
    assert finding["facts"]["user"] == user.name
    assert finding["facts"]["spool_refusal"] == "Permission denied"


def test_a_plan_is_started_once_and_only_while_it_holds(product: Product) -> None:
    made = product.run("start", "deploy", "--plan", "--json").json()
    secret = product.folder / "token"
    secret.write_text("hunter2\n")
    token = ("-p", f"TOKEN=@{secret}")

    started = product.run("start", "--from-plan", made["id"][:12], *token)
    compared = product.run("plans", "compare", made["id"])
    again = product.cli("start", "--from-plan", made["id"], *token)

    assert "    8\n" in started.out
    assert "no answer differs" in compared.out
    assert (again.code, "was started already" in again.err) == (4, True)

    stale = product.run("start", "deploy", "--plan", "--json").json()
    product.apply("kind: script\nname: check\nspec: {language: sh, text: 'echo two'}\n")
    before = product.run("runs", "list", "--json").json()
    refused = product.cli("start", "--from-plan", stale["id"], *token)
    changes = product.run("plans", "compare", stale["id"]).out

    assert refused.code == 4
    assert "is out of date" in refused.err
    assert "scripts.check.text: was echo one, is echo two now" in refused.err
    assert "scripts.check.text: echo one -> echo two" in changes
    assert product.run("runs", "list", "--json").json() == before


def test_guard_rails_are_part_of_a_plan_and_hold_for_its_start(product: Product) -> None:
    product.apply(
        "kind: environment\nname: strict\nspec: {change_required: true, confirm: true}\n---\n"
        "kind: host\nname: kept\nspec: {protocol: local, environment: strict}\n"
    )
    planned = product.cli("run", "--on", "kept", "--plan", "--", "true")
    refused = product.cli("run", "--from-plan", "last")
    asked = product.cli("run", "--from-plan", "last", "--change", "CHG-9")
    done = product.run("run", "--from-plan", "last", "--change", "CHG-9", "--confirm", "1")

    assert planned.code == 2
    assert "environment strict: requires a change number" in planned.out
    assert "--confirm 1" in planned.out
    assert (refused.code, "requires a change number" in refused.err) == (2, True)
    assert "strict: kept" in asked.err
    assert done.code == 0
    assert "CHG-9" in product.run("runs", "show", "last").out


def test_ctrl_c_cancels_a_probe_and_keeps_what_it_saw(tmp_path: Path) -> None:
    with Product() as product, Sshd(tmp_path, loopback(2, 50)) as sshd:
        Fleet(product, sshd).join()
        silent = socket.create_server((sshd.addresses[0], 0))
        product.apply(host("silent", sshd.addresses[0], silent.getsockname()[1]))
        console = product.open_console("run", "--hosts", "web001,silent", "--probe", "--", "true")
        with silent:
            until(lambda: plans(product))
            until(lambda: plans(product)[0]["findings"])
            os.kill(console.pid, signal.SIGINT)
            _, said = console.communicate(timeout=60)
        plan = plans(product)[0]

    assert console.returncode == 130
    assert b"the probe was cancelled" in said
    assert (plan["state"], plan["counts"]) == ("cancelled", {"success": 1, "terminated": 1})
    states = {item["host"]: item["state"] for item in plan["findings"]}
    assert states == {"web001": "success", "silent": "terminated"}


def plans(product: Product) -> list[dict[str, Any]]:
    """Every dry run with all that is known of it, newest first."""
    if product.engine_pid is None:
        return []
    listed = product.api("GET", "/plans").json()["items"]
    return [product.api("GET", f"/plans/{item['id']}").json() for item in listed]

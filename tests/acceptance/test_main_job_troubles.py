"""The main job where something is in the way: keys, logins, networks, and too much output.

Each trouble is one host's alone: it has a code and a message that says what and where, and
the other hosts of the same run are not touched by it.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.support.fleet import Fleet, Gate, account, host
from tests.support.product import Product, command_of
from tests.support.sshd import Sshd, free_port, loopback
from tests.support.waiting import until

pytestmark = [pytest.mark.needs("sshd"), pytest.mark.slow, pytest.mark.timeout(180)]

_SETTINGS = 'connect_timeout_s = 3\noutput_per_target = "24MB"\n'


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("sshd")
    with Product(settings=_SETTINGS) as product, Sshd(folder, loopback(5, 42)) as sshd:
        yield Fleet(product, sshd).join()


@pytest.fixture
def product(fleet: Fleet) -> Product:
    return fleet.product


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with Gate(tmp_path) as gate:
        yield gate


@pytest.fixture
def other(fleet: Fleet, tmp_path: Path) -> Iterator[Sshd]:
    """A host `other` of the same fleet, whose key nobody has seen."""
    with Sshd(tmp_path / "other", loopback(1, 43)) as sshd:
        sshd.authorize(fleet.sshd.client_key)
        fleet.product.apply(host("other", sshd.addresses[0], sshd.port))
        yield sshd


def test_a_first_key_waits_for_approval_and_then_the_same_command_works(
    product: Product, other: Sshd
) -> None:
    fingerprint = other.host_keys["ed25519"].get_fingerprint()

    refused = product.cli("run", "--hosts", "other", "--", "echo in")
    waiting = product.run("hosts", "keys", "list", "--status", "pending")
    product.run("hosts", "keys", "approve", "other")
    entered = product.run("run", "--hosts", "other", "--", "echo in")

    assert refused.code == 1
    assert "nobody has approved yet" in refused.out
    assert fingerprint in refused.out
    assert "jobdeck hosts keys" in refused.said
    assert fingerprint in waiting.out
    assert "\n    in\n" in entered.out


def test_a_changed_key_is_a_hard_stop_that_shows_both_fingerprints(
    fleet: Fleet, tmp_path: Path
) -> None:
    product, address = fleet.product, loopback(1, 44)[0]
    with Sshd(tmp_path / "before", [address]) as before:
        before.authorize(fleet.sshd.client_key)
        product.apply(host("moved", address, before.port))
        product.cli("run", "--hosts", "moved", "--", "true")
        product.run("hosts", "keys", "approve", "moved")
        product.run("run", "--hosts", "moved", "--", "true")
    with Sshd(tmp_path / "after", [address], port=before.port) as after:
        after.authorize(fleet.sshd.client_key)
        seen = tmp_path / "seen"

        stopped = product.cli(
            "run", "--hosts", "moved,web001", "--", f"echo $JOBDECK_HOST >>{seen}"
        )

        target = product.targets("last")["moved"]
        assert stopped.code == 1
        assert (target["state"], target["code"]) == ("host_key_failed", "HostKeyChanged")
        for sshd in (before, after):
            assert sshd.host_keys["ed25519"].get_fingerprint() in target["message"]
        assert seen.read_text() == "web001\n"
        assert "Accepted" not in after.log.read_text()


def test_every_trouble_has_its_code_and_harms_no_other_host(fleet: Fleet) -> None:
    product, sshd = fleet.product, fleet.sshd
    stranger = fleet.key_file("stranger", asyncssh.generate_private_key("ssh-ed25519"))
    address = sshd.addresses[0]
    with socket.create_server((address, 0)) as silent:
        product.apply(
            "---\n".join(
                [
                    account("stranger", key_file=stranger),
                    host("stranger", address, sshd.port, account="stranger"),
                    host("closed", address, free_port([address])),
                    host("silent", address, silent.getsockname()[1]),
                    host("nowhere", "255.255.255.255", 22),
                    host("misspelt", "no-such-host.invalid", 22),
                ]
            )
        )
        hosts = "web001,stranger,closed,silent,nowhere,misspelt,web002"

        ended = product.cli("run", "--hosts", hosts, "--json", "--", "echo fine")

    assert ended.code == 1
    targets = {target["host"]: target for target in ended.json()["targets"]}
    assert {name: (target["state"], target["code"]) for name, target in targets.items()} == {
        "web001": ("success", None),
        "web002": ("success", None),
        "stranger": ("auth_failed", "AuthenticationFailure"),
        "closed": ("unreachable", "ConnectionFailure"),
        "silent": ("unreachable", "ConnectionTimeout"),
        "nowhere": ("unreachable", "ConnectionFailure"),
        "misspelt": ("unreachable", "HostNotFound"),
    }
    for name in ("stranger", "closed", "silent", "nowhere", "misspelt"):
        assert name in targets[name]["message"], targets[name]["message"]
    assert "refuses the connection" in targets["closed"]["message"]
    assert "no-such-host.invalid" in targets["misspelt"]["message"]


def test_a_command_over_its_time_is_ended_on_the_host(product: Product, tmp_path: Path) -> None:
    work = f"echo $$ >{tmp_path}/pid; echo begun; exec sleep 600"

    ended = product.cli("run", "--hosts", "web001", "--timeout", "1s", "--", work)

    target = product.targets("last")["web001"]
    assert ended.code == 1
    assert (target["state"], target["code"]) == ("timed_out", "CommandTimeout")
    assert product.raw_output("last", "web001", "--stdout") == b"begun\n"
    pid = int((tmp_path / "pid").read_text())
    assert not command_of(pid)


def test_a_connection_cut_under_direct_work_is_unknown_with_its_evidence(
    product: Product, other: Sshd, gate: Gate
) -> None:
    product.cli("run", "--hosts", "other", "--", "true")
    product.run("hosts", "keys", "approve", "other")
    console = product.open_console(
        "run", "--direct", "--hosts", "other,web001", "--", f"echo begun; {gate.wait}"
    )
    until(lambda: b"begun" in product.cli("runs", "output", "last", "other").stdout)

    other.cut_connections()
    until(lambda: product.targets("last")["other"]["state"] != "running")
    gate.open()
    console.communicate()

    assert console.returncode == 5
    targets = product.targets("last")
    assert targets["web001"]["state"] == "success"
    cut = targets["other"]
    assert (cut["state"], cut["code"]) == ("unknown", "ConnectionLost")
    assert "it started" in cut["message"]
    assert product.shown("last")["run"]["state"] == "abnormal"
    assert product.raw_output("last", "other", "--stdout") == b"begun\n"


def test_a_host_that_prints_100_mb_is_kept_within_its_cap(product: Product) -> None:
    before = product.memory_bytes()
    flood = "head -c 100000000 /dev/zero | tr '\\0' 'y'"

    ended = product.run("run", "--hosts", "web[001-003]", "--json", "--", f"{flood}; echo; exit 0")

    for target in ended.json()["targets"]:
        assert target["state"] == "success"
        assert target["size_bytes"] == 24_000_000
        assert target["size_bytes"] + target["dropped_bytes"] == 100_000_001
    assert product.memory_bytes() - before < 150_000_000
    printed = product.raw_output("last", "web002")
    assert printed == b"y" * 24_000_000


def test_binary_output_and_a_line_of_10_mb_come_back_byte_for_byte(
    product: Product, tmp_path: Path
) -> None:
    binary, line = tmp_path / "binary", tmp_path / "line"
    binary.write_bytes(os.urandom(1_000_000) + bytes(range(256)) + b"\r\n\0\xff")
    line.write_bytes(b"z" * 10_000_000)
    work = f"cat {binary}; cat {line} >&2; printf '\\303\\050 end'"

    product.run("run", "--hosts", "web004", "--", work)

    out = product.raw_output("last", "web004", "--stdout")
    err = product.raw_output("last", "web004", "--stderr")
    assert digest(out) == digest(binary.read_bytes() + b"\xc3( end")
    assert digest(err) == digest(line.read_bytes())
    shown = product.run("runs", "output", "last", "web004", "--stdout").stdout
    assert set(shown) & {*range(9), *range(11, 32), 127} == set()


def test_a_host_behind_a_jump_host_is_reached_through_it(fleet: Fleet, tmp_path: Path) -> None:
    product, sshd = fleet.product, fleet.sshd
    addresses = loopback(2, 45)
    with (
        Sshd(tmp_path / "open", addresses[:1]) as way,
        Sshd(tmp_path / "shut", addresses[1:], config="AllowTcpForwarding no") as wall,
    ):
        for jump in (way, wall):
            jump.authorize(sshd.client_key)
        inner = {"address": sshd.addresses[4], "port": sshd.port}
        product.apply(
            "---\n".join(
                [
                    host("way", way.addresses[0], way.port),
                    host("wall", wall.addresses[0], wall.port),
                    host("inner", **inner, jump="[way]"),
                    host("walled", **inner, jump="[wall]"),
                ]
            )
        )
        product.cli("run", "--hosts", "way,wall", "--", "true")
        product.run("hosts", "keys", "approve", "way", "wall")

        ended = product.cli(
            "run", "--hosts", "inner,walled", "--json", "--", "echo $SSH_CONNECTION"
        )

        targets = {target["host"]: target for target in ended.json()["targets"]}
        assert targets["inner"]["state"] == "success"
        assert targets["walled"]["state"] == "unreachable"
        assert "wall" in targets["walled"]["message"]


def digest(data: bytes) -> tuple[int, str]:
    return len(data), hashlib.sha256(data).hexdigest()

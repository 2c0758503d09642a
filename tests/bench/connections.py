"""Cold and warm commands on many hosts: raw asyncssh and Jobdeck's whole path, side by side.

Both meet the same sshd, one after the other, each in a fresh process and with 100
hosts at the same time. A first host is run beforehand and not counted, so imports
are no cost of a host. Warm commands run on the connections that the cold ones left:
a second, third … command on the same hosts, as an operator types them.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import engine, measure
from tests.bench.raw import COMMAND
from tests.bench.table import Row
from tests.support.sshd import Sshd, loopback

_CONCURRENCY = 100
_SETTLE_S = 0.7
"""After a run its output is indexed in the background; that is part of its cost."""

_SSHD = """\
LogLevel ERROR
MaxSessions 100
SetEnv HOME={folder}
"""

Figures = Mapping[str, float]


def rows(*, rounds: int, hosts: int, warm_rounds: int) -> list[Row]:
    """The rows of the table."""
    raw: list[Figures] = []
    ours: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        folder = Path(name)
        addresses = loopback(hosts + 1, network=71)
        with Sshd(folder / "sshd", ["0.0.0.0"], config=_SSHD.format(folder=folder)) as sshd:
            for number in range(rounds):
                raw.append(_raw(folder, sshd, addresses, warm_rounds))
                ours.append(_jobdeck(folder / f"home{number}", sshd, addresses, warm_rounds))
    return _table(raw, ours, hosts, hosts * warm_rounds)


def _raw(folder: Path, sshd: Sshd, addresses: Sequence[str], warm_rounds: int) -> Figures:
    hosts, key, host_key = folder / "hosts", folder / "key", folder / "host_key.pub"
    hosts.write_text("\n".join(addresses), encoding="utf-8")
    key.write_bytes(sshd.client_key.export_private_key("openssh"))
    host_key.write_text(sshd.public_host_key() + "\n", encoding="utf-8")
    numbers = (str(sshd.port), _user(), str(key), str(host_key), str(_CONCURRENCY))
    module = [sys.executable, "-m", "tests.bench.raw"]
    done = measure.run([*module, *numbers, str(warm_rounds), str(hosts)])
    figures: Figures = json.loads(done.output)
    return figures


def _jobdeck(home: Path, sshd: Sshd, addresses: Sequence[str], warm_rounds: int) -> Figures:
    with engine.running(home) as under_test:
        names = _define(under_test, sshd, addresses)
        _run(under_test, names[:1])
        cold = _run(under_test, names[1:])
        warm = [_run(under_test, names[1:]) for _ in range(warm_rounds)]
        return {
            "cold_cpu_s": cold["engine_cpu_s"],
            "cold_wall_s": cold["wall_s"],
            "cold_console_cpu_s": cold["console_cpu_s"],
            "warm_cpu_s": sum(run["engine_cpu_s"] for run in warm),
            "warm_wall_s": sum(run["wall_s"] for run in warm),
            "warm_console_cpu_s": sum(run["console_cpu_s"] for run in warm),
            "peak_bytes": measure.peak_memory_bytes(under_test.pid),
        }


def _define(under_test: engine.RunningEngine, sshd: Sshd, addresses: Sequence[str]) -> list[str]:
    """The hosts as documents, their keys approved; the hosts' names."""
    names = [f"h{number:04}" for number in range(len(addresses))]
    key = sshd.client_key.export_private_key("openssh").decode()
    documents: list[dict[str, Any]] = [
        {"kind": "account", "name": "bench", "spec": {"user": _user(), "key": key}}
    ]
    for name, address in zip(names, addresses, strict=True):
        spec = {"address": address, "port": sshd.port, "account": "bench"}
        documents.append({"kind": "host", "name": name, "spec": spec})
    under_test.call("POST", "/apply", {"documents": documents})
    lines = [f"[{address}]:{sshd.port} {sshd.public_host_key()}" for address in addresses]
    under_test.call("POST", "/host-keys/import", {"known_hosts": "\n".join(lines)})
    return names


def _run(under_test: engine.RunningEngine, names: Sequence[str]) -> Figures:
    """One run by the command line; it must succeed on every host."""
    before = measure.cpu_s(under_test.pid)
    console = under_test.jobdeck("run", "--quiet", "--hosts", ",".join(names), "--", COMMAND)
    time.sleep(_SETTLE_S)
    return {
        "engine_cpu_s": measure.cpu_s(under_test.pid) - before,
        "console_cpu_s": console.cpu_s,
        "wall_s": console.wall_s,
    }


def _table(raw: Sequence[Figures], ours: Sequence[Figures], cold: int, warm: int) -> list[Row]:
    def middle(of: Sequence[Figures], name: str, scale: float) -> float:
        return statistics.median(figures[name] for figures in of) * scale

    def pair(title: str, name: str, scale: float, unit: str, goal: str = "") -> Row:
        return Row(title, middle(ours, name, scale), unit, middle(raw, name, scale), goal)

    cold_ms, warm_ms, mib = 1000 / cold, 1000 / warm, 1 / 2**20
    return [
        pair(
            f"{cold:,} cold hosts: engine CPU per host", "cold_cpu_s", cold_ms, "ms", "1.35 x raw"
        ),
        Row("  console CPU per host", middle(ours, "cold_console_cpu_s", cold_ms), "ms"),
        pair("  wall time, all of them (mostly sshd's)", "cold_wall_s", 1, "s"),
        pair(
            f"{warm:,} warm commands: engine CPU per command",
            "warm_cpu_s",
            warm_ms,
            "ms",
            "0.8 ms",
        ),
        Row("  console CPU per command", middle(ours, "warm_console_cpu_s", warm_ms), "ms"),
        pair("  wall time, all of them", "warm_wall_s", 1, "s"),
        pair("peak memory of the engine", "peak_bytes", mib, "MiB"),
    ]


def _user() -> str:
    import getpass

    return getpass.getuser()
